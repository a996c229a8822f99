import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ConstelliteError } from '../../src/base/failure.ts'
import {
  createLiveQueries,
  keepRows,
  LIVE_QUERIES_MAX,
  type LiveResult,
  SLICE_MS_MAX,
  touches,
} from '../../src/database/live.ts'
import { shareLive } from '../../src/database/live-sharing.ts'
import type { Query } from '../../src/database/sql.ts'
import type { Row, SqlValue } from '../../src/database/types.ts'
import { settle } from './database-fixtures.ts'

const SELECT: Query = { sql: 'SELECT', parameters: [] }
const NOTE: LiveResult = { rows: [], tables: ['note'] }

/** Live queries over `answer`, with a clock that each read moves by `readMs`. */
function createCounted(answer: (query: Query) => LiveResult, readMs = 0) {
  const reads: boolean[] = []
  const turns: number[] = []
  let nowMs = 0
  const live = createLiveQueries({
    now: () => nowMs,
    turn: async (work) => {
      await Promise.resolve()
      const before = reads.length
      work()
      turns.push(reads.length - before)
    },
    read: (query, areTablesWanted) => {
      reads.push(areTablesWanted)
      nowMs += readMs
      return answer(query)
    },
  })
  const start = shareLive(live.add)
  const listen = (query = SELECT) => {
    const told: Row[][] = []
    const errors: ConstelliteError[] = []
    const stop = start(query, {
      onRows: (rows) => told.push(rows),
      onError: (failure) => errors.push(failure),
    })
    return { told, errors, stop }
  }
  return { live, reads, turns, listen }
}

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

  it('ask for one turn at a time, each a slice of so many as its time allows, and all are run', async () => {
    const { live, reads, turns, listen } = createCounted(() => NOTE, SLICE_MS_MAX / 4)
    for (let id = 0; id < 10; id++) listen({ sql: 'SELECT', parameters: [id] })
    await settle(2)
    expect(turns).toEqual([4, 4, 2])
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
})

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
    [{ a: 1 }, { a: 1, b: 2 }, false],
  ]
  it.each(same)('%o and %o are the same: %s', (left, right, isSame) => {
    const last = [left]
    expect(keepRows(last, [right]) === last).toBe(isSame)
    expect(keepRows(last, [right, right])).toEqual([right, right])
  })

  it('that stayed equal stay the same objects, wherever others came, went or changed', () => {
    const row = (id: number, x = 0): Row => ({ id, x })
    const last = [row(1), row(2), row(3), row(4)]
    const [one, two, three, four] = last
    const changed = keepRows(last, [row(1), row(2, 9), row(3), row(4, 9)])
    expect([changed[0] === one, changed[1] === two, changed[2] === three]).toEqual([
      true,
      false,
      true,
    ])
    const grown = keepRows(last, [row(1), row(7), row(2), row(3), row(4)])
    expect([grown[0], ...grown.slice(2)].every((it, index) => it === last[index])).toBe(true)
    const shrunk = keepRows(last, [row(1), row(4)])
    expect([shrunk[0] === one, shrunk[1] === four]).toEqual([true, true])
  })

  it('are the new ones, whatever the old ones were', () => {
    const rows = fc.array(fc.record({ a: fc.nat(2), b: fc.constantFrom('x', 'y') }), {
      maxLength: 8,
    })
    fc.assert(
      fc.property(rows, rows, (last, next) => {
        const kept = keepRows(last, next)
        expect(kept).toEqual(next)
        const isEqual = JSON.stringify(last) === JSON.stringify(next)
        expect(kept === last).toBe(isEqual)
      }),
    )
  })

  it('are touched by what is unknown on either side', () => {
    expect(touches(undefined, ['a'])).toBe(true)
    expect(touches(['a'], [])).toBe(true)
    expect(touches(['a'], ['b'])).toBe(false)
  })
})
