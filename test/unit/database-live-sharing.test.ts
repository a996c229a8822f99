import { describe, expect, it } from 'vitest'
import type { SqlValue } from '../../src/database/types.ts'
import { settle } from './database-fixtures.ts'
import { createCounted, NOTE } from './live-fixtures.ts'

describe('equal live queries', () => {
  it('are one run, and everybody is given the same array', async () => {
    let x = 0
    const { live, reads, listen } = createCounted(() => ({ rows: [{ x: ++x }], tables: ['note'] }))
    const [first, second] = [listen(), listen()]
    await settle(2)
    live.changed(['note'])
    await settle(2)
    expect(reads.length).toBe(2)
    expect(first.told).toEqual([[{ x: 1 }], [{ x: 2 }]])
    expect(second.told[1]).toBe(first.told[1])
  })

  it('tell a late one the newest rows at once, or the newest error', async () => {
    let isBroken = false
    const { live, reads, listen } = createCounted(() => {
      if (isBroken) throw new Error('broken')
      return { rows: [{ x: 1 }], tables: ['note'] }
    })
    const first = listen()
    await settle(2)
    expect(listen().told[0]).toBe(first.told[0])
    isBroken = true
    live.changed(['note'])
    await settle(2)
    const late = listen()
    expect([late.told, late.errors.length, reads.length]).toEqual([[], 1, 2])
  })

  it('go on while one of them listens, and begin anew when none did', async () => {
    const { live, reads, listen } = createCounted(() => NOTE)
    const [first, second] = [listen(), listen()]
    await settle(2)
    first.stop()
    first.stop()
    live.changed(['note'])
    await settle(2)
    expect(reads.length).toBe(2)
    second.stop()
    live.changed(['note'])
    await settle(2)
    expect(reads.length).toBe(2)
    expect(listen().told).toEqual([])
    await settle(2)
    expect(reads.length).toBe(3)
  })

  it('are told apart by every kind of value', async () => {
    const values: readonly SqlValue[] = [
      1,
      '1',
      1n,
      null,
      'null',
      Uint8Array.of(1),
      Uint8Array.of(),
    ]
    const { reads, listen } = createCounted(() => NOTE)
    for (const value of values) listen({ sql: 'SELECT', parameters: [value] })
    listen({ sql: 'SELECT', parameters: ['1', '1'] })
    listen({ sql: 'SELECT', parameters: { 0: '1' } })
    listen({ sql: 'SELECT ', parameters: ['1'] })
    listen({ sql: 'SELECT', parameters: [Uint8Array.of(1)] })
    await settle()
    expect(reads.length).toBe(values.length + 3)
  })
})
