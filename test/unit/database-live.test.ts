import { describe, expect, it } from 'vitest'
import {
  createLiveQueries,
  LIVE_QUERIES_MAX,
  SLICE_MS_MAX,
  touches,
} from '../../src/database/live.ts'
import type { Query } from '../../src/database/sql.ts'
import { settle } from './database-fixtures.ts'
import { createCounted, NOTE } from './live-fixtures.ts'

describe('live queries', () => {
  it('run for a table that they read, for unknown ones, and for no other', async () => {
    const { live, reads, listen } = createCounted(() => NOTE)
    listen()
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
    const { live, reads, listen } = createCounted(() => NOTE)
    listen()
    await settle(2)
    live.changed(['note'])
    await settle(2)
    live.changed(['sqlite_master', 'note'])
    await settle(2)
    live.changed(['note'])
    await settle(2)
    expect(reads).toEqual([true, false, true, false])
  })

  it('of one text with other values ask once what they read', async () => {
    const { reads, listen } = createCounted(() => NOTE)
    for (const id of [1, 2, 3]) listen({ sql: 'SELECT', parameters: [id] })
    await settle(2)
    expect(reads).toEqual([true, false, false])
  })

  it('that may read anything run for every table, and are not asked again', async () => {
    const { live, reads, listen } = createCounted(() => ({ rows: [], tables: undefined }))
    listen()
    await settle(2)
    live.changed(['any'])
    await settle(2)
    expect(reads).toEqual([true, false])
  })

  it('run once more for all changes that come while they run', async () => {
    const { live, reads, listen } = createCounted(() => NOTE)
    listen()
    await settle(2)
    for (let change = 0; change < 10; change++) live.changed(['note'])
    await settle(2)
    expect(reads.length).toBe(2)
  })

  it('ask for one turn at a time, each a slice of so many as its time allows, and rest between them', async () => {
    const { live, reads, turns, rests, listen } = createCounted(() => NOTE, SLICE_MS_MAX / 4)
    for (let id = 0; id < 10; id++) listen({ sql: 'SELECT', parameters: [id] })
    await settle(2)
    expect(turns).toEqual([4, 4, 2])
    expect(rests()).toBe(2)
    live.changed(['note'])
    live.changed(['note'])
    await settle(2)
    expect(turns).toEqual([4, 4, 2, 4, 4, 2])
    expect(reads.length).toBe(20)
  })

  it('that were stopped run and tell no more', async () => {
    const { live, reads, listen } = createCounted(() => ({ rows: [{ x: 1 }], tables: ['note'] }))
    const { told, stop } = listen()
    stop()
    await settle(2)
    live.changed([])
    await settle(2)
    expect(told).toEqual([])
    expect(reads.length).toBe(0)
  })

  it('tell an error once while it stays the same, and their rows again after it', async () => {
    let failure: Error | undefined
    const rows = [{ x: 1 }]
    const { live, listen } = createCounted(() => {
      if (failure !== undefined) throw failure
      return { rows, tables: ['note'] }
    })
    const { told, errors } = listen()
    for (const next of [undefined, new Error('a'), new Error('a'), new Error('b'), undefined]) {
      failure = next
      live.changed(['note'])
      await settle(2)
    }
    expect(errors.map((it) => it.message)).toEqual(['a', 'b'])
    expect(told).toEqual([rows, rows])
  })

  it('tell everybody when no turn is given, and run at the next change', async () => {
    let isRefused = true
    const live = createLiveQueries({
      now: () => 0,
      turn: async (work) => {
        if (isRefused) throw new Error('No turn.')
        work()
      },
      rest: async () => undefined,
      read: () => NOTE,
    })
    const told: string[] = []
    const listen = (id: number): unknown =>
      live.add(
        { sql: 'SELECT', parameters: [id] },
        { onRows: () => told.push(`rows ${id}`), onError: ({ message }) => told.push(message) },
      )
    listen(1)
    listen(2)
    await settle(2)
    isRefused = false
    live.changed(['note'])
    await settle(2)
    expect(told).toEqual(['No turn.', 'No turn.', 'rows 1', 'rows 2'])
  })

  it('are at most so many, equal ones counted once; one more is refused with a typed error', async () => {
    const { listen } = createCounted(() => NOTE)
    const listeners = Array.from({ length: LIVE_QUERIES_MAX }, (_, id) =>
      listen({ sql: 'SELECT', parameters: [id] }),
    )
    const beyond: Query = { sql: 'SELECT', parameters: ['beyond'] }
    expect(listen(beyond).errors[0]).toMatchObject({ code: 'ErrBackpressure', retry: 'later' })
    const equal = listen({ sql: 'SELECT', parameters: [0] })
    listeners[1]?.stop()
    const next = listen(beyond)
    await settle()
    expect([equal.errors, equal.told, next.errors, next.told]).toEqual([[], [[]], [], [[]]])
  })

  it('are touched by what is unknown on either side', () => {
    expect(touches(undefined, ['a'])).toBe(true)
    expect(touches(['a'], [])).toBe(true)
    expect(touches(['a'], ['b'])).toBe(false)
  })
})
