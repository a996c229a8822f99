import { describe, expect, it } from 'vitest'
import { createLiveQueries, type LiveResult, sameRows, touches } from '../../src/database/live.ts'
import type { Row } from '../../src/database/types.ts'
import { settle } from './database-fixtures.ts'

const query = { sql: 'SELECT', parameters: [] }

function createCounted(answer: () => LiveResult) {
  const reads: boolean[] = []
  const live = createLiveQueries({
    read: async (_, areTablesWanted) => {
      reads.push(areTablesWanted)
      return answer()
    },
  })
  const told: Row[][] = []
  const stop = live.add(query, {
    onRows: (rows) => told.push(rows),
    onError: (failure) => {
      throw failure
    },
  })
  return { live, reads, told, stop }
}

describe('live queries', () => {
  it('run for a table that they read, for unknown ones, and for no other', async () => {
    const { live, reads } = createCounted(() => ({ rows: [], tables: ['note'] }))
    await settle(2)
    for (const [changed, runs] of [
      [['other'], 1],
      [['other', 'note'], 2],
      [[], 3],
    ] as const) {
      live.changed(changed)
      await settle(2)
      expect(reads.length).toBe(runs)
    }
  })

  it('ask again what they read only after a change of the schema', async () => {
    const { live, reads } = createCounted(() => ({ rows: [], tables: ['note'] }))
    await settle(2)
    live.changed(['note'])
    await settle(2)
    live.changed(['sqlite_master', 'note'])
    await settle(2)
    live.changed(['note'])
    await settle(2)
    expect(reads).toEqual([true, false, true, false])
  })

  it('run once more for all changes that come while they run', async () => {
    const { live, reads } = createCounted(() => ({ rows: [], tables: ['note'] }))
    for (let change = 0; change < 10; change++) live.changed(['note'])
    await settle(2)
    expect(reads.length).toBe(2)
  })

  it('that were stopped run and tell no more', async () => {
    const { live, reads, told, stop } = createCounted(() => ({
      rows: [{ x: 1 }],
      tables: ['note'],
    }))
    stop()
    await settle(2)
    live.changed([])
    await settle(2)
    expect(told).toEqual([])
    expect(reads.length).toBe(1)
  })
})

describe('rows', () => {
  const same: readonly (readonly [Row, Row, boolean])[] = [
    [{ a: 1 }, { a: 1 }, true],
    [{ a: 1 }, { a: 2 }, false],
    [{ a: 1 }, { b: 1 }, false],
    [{ a: null }, { a: 0 }, false],
    [{ a: 1n }, { a: 1 }, false],
    [{ a: 'x' }, { a: 'x' }, true],
    [{ a: Uint8Array.of(1, 2) }, { a: Uint8Array.of(1, 2) }, true],
    [{ a: Uint8Array.of(1, 2) }, { a: Uint8Array.of(1, 3) }, false],
    [{ a: Uint8Array.of(1) }, { a: Uint8Array.of(1, 2) }, false],
    [{ a: 1, b: 2 }, { a: 1 }, false],
  ]
  it.each(same)('%o and %o are the same: %s', (left, right, isSame) => {
    expect(sameRows([left], [right])).toBe(isSame)
    expect(sameRows([left], [right, right])).toBe(false)
  })

  it('are touched by what is unknown on either side', () => {
    expect(touches(undefined, ['a'])).toBe(true)
    expect(touches(['a'], [])).toBe(true)
    expect(touches(['a'], ['b'])).toBe(false)
  })
})
