/** Requests: a call that names itself runs once however often it is made, and its repetition is answered
 *  from the log: in the same core, after an orderly close, and after power loss. */

import { describe, expect, it } from 'vitest'
import type { Core } from '../../src/database/core.ts'
import { REQUEST_WINDOW_S } from '../../src/shard/requests.ts'
import { createFaultyDisk } from '../../src/storage/faulty.ts'
import { rejection } from './database-fixtures.ts'
import {
  again,
  CALLER,
  countsOf,
  createKeys,
  first,
  idOf,
  insert,
  NOW_S,
  openCore,
  rows,
  run,
} from './request-fixtures.ts'

type World = {
  readonly core: Core
  /** The same database, opened again. */
  reopen(): Promise<Core>
}

async function createWorld(how: 'same core' | 'closed' | 'power loss'): Promise<World> {
  const keys = createKeys()
  const disk = createFaultyDisk()
  const core = await openCore((host) => disk.device(host), keys)
  return {
    core,
    reopen: async () => {
      if (how === 'same core') return core
      if (how === 'closed') {
        await core.close()
        return openCore((host) => disk.device(host), keys)
      }
      const after = disk.crash(() => false)
      return openCore((host) => after.device(host), keys)
    },
  }
}

describe.each(['same core', 'closed', 'power loss'] as const)('a repeated call (%s)', (how) => {
  it('run is answered with the very same result and writes nothing', async () => {
    const { core, reopen } = await createWorld(how)
    const answered = await run(core, 'a', first(idOf(1)))
    await run(core, 'b', first(idOf(2)))
    const later = await reopen()
    expect(await run(later, 'a', again(idOf(1)))).toEqual(answered)
    expect(await countsOf(later)).toEqual(new Map(Object.entries({ a: 1, b: 1 })))
    expect(answered).toMatchObject({ changes: 1, lastInsertRowid: 1 })
  })

  it('exec of many statements resolves and writes nothing', async () => {
    const { core, reopen } = await createWorld(how)
    const text = "INSERT INTO t (x) VALUES ('a'); INSERT INTO t (x) VALUES ('b')"
    await core.exec(text, { caller: CALLER, request: first(idOf(1)) })
    const later = await reopen()
    await later.exec(text, { caller: CALLER, request: again(idOf(1)) })
    expect(await countsOf(later)).toEqual(new Map(Object.entries({ a: 1, b: 1 })))
  })

  it('exec that failed after its first statement is not run again, and the failure says why', async () => {
    const { core, reopen } = await createWorld(how)
    const text = "INSERT INTO t (x) VALUES ('a'); INSERT INTO nothing VALUES (1)"
    const call = { caller: CALLER, request: first(idOf(1)) }
    expect((await rejection(core.exec(text, call))).code).toBe('ErrSql')
    await rows(core, 'SELECT 1')
    const later = await reopen()
    const failure = await rejection(later.exec(text, { caller: CALLER, request: again(idOf(1)) }))
    expect(failure).toMatchObject({ code: 'ErrOutcomeUnknown', retry: 'never' })
    expect(failure.facts['seq']).toBeTypeOf('bigint')
    expect(await countsOf(later)).toEqual(new Map([['a', 1]]))
  })

  it('all that wrote says that it is written and that its rows are lost', async () => {
    const { core, reopen } = await createWorld(how)
    const query = { sql: "INSERT INTO t (x) VALUES ('a') RETURNING id", parameters: [] }
    expect(await core.all(query, { caller: CALLER, request: first(idOf(1)) })).toEqual([{ id: 1 }])
    const later = await reopen()
    const failure = await rejection(later.all(query, { caller: CALLER, request: again(idOf(1)) }))
    expect(failure).toMatchObject({ code: 'ErrAnswerLost', facts: { seq: later.status.seq } })
    expect(await countsOf(later)).toEqual(new Map([['a', 1]]))
  })

  it('commit resolves when it was written, and else says that nothing was', async () => {
    const { core, reopen } = await createWorld(how)
    const begin = () => core.begin({ caller: CALLER, onEnd: () => undefined })
    const kept = await begin()
    await core.run(insert('a'), { caller: CALLER, transaction: kept })
    await core.commit(kept, first(idOf(1)))
    const lost = await begin()
    await core.run(insert('b'), { caller: CALLER, transaction: lost })
    if (how !== 'power loss') await core.rollback(lost)
    const later = await reopen()
    await later.commit(kept, again(idOf(1)))
    const failure = await rejection(later.commit(lost, again(idOf(2))))
    expect(failure).toMatchObject({ code: 'ErrTransaction', retry: 'now' })
    expect(await countsOf(later)).toEqual(new Map([['a', 1]]))
  })

  it('that never came runs', async () => {
    const { core, reopen } = await createWorld(how)
    await run(core, 'a', first(idOf(1)))
    const later = await reopen()
    expect(await run(later, 'b', again(idOf(2)))).toMatchObject({ changes: 1 })
    expect(await countsOf(later)).toEqual(new Map(Object.entries({ a: 1, b: 1 })))
  })

  it('that is older than the table is refused and does not run', async () => {
    const { core, reopen } = await createWorld(how)
    await run(core, 'a', first(idOf(1)))
    await run(core, 'b', first(idOf(1, NOW_S + REQUEST_WINDOW_S + 1)))
    const later = await reopen()
    for (const id of [idOf(1), idOf(2)]) {
      const failure = await rejection(run(later, 'a', again(id)))
      expect(failure).toMatchObject({ code: 'ErrOutcomeUnknown', retry: 'never' })
    }
    expect(await countsOf(later)).toEqual(new Map(Object.entries({ a: 1, b: 1 })))
    // Its client says that it never made it before.
    await run(later, 'c', first(idOf(3)))
    expect((await countsOf(later)).get('c')).toBe(1)
  })

  it('that wrote nothing runs again', async () => {
    const { core, reopen } = await createWorld(how)
    await run(core, 'a', first(idOf(1)))
    const nothing = { sql: "DELETE FROM t WHERE x = 'b'", parameters: [] }
    const gone = await core.run(nothing, { caller: CALLER, request: first(idOf(2)) })
    expect(gone.changes).toBe(0)
    const later = await reopen()
    await run(later, 'b', first(idOf(3)))
    const repeated = await later.run(nothing, { caller: CALLER, request: again(idOf(2)) })
    expect(repeated.changes).toBe(1)
  })
})

describe('a call with a request', () => {
  it('answers rowids beyond 2^53 and below zero as they were', async () => {
    const { core, reopen } = await createWorld('power loss')
    const answers = []
    const ids = [2n ** 63n - 1n, -(2n ** 63n), -1n, 0n]
    for (const [index, rowid] of ids.entries()) {
      const query = { sql: 'INSERT INTO t VALUES (?, 1)', parameters: [rowid] }
      answers.push(await core.run(query, { caller: CALLER, request: first(idOf(index)) }))
    }
    const later = await reopen()
    for (const [index, answer] of answers.entries()) {
      expect(await run(later, 1, again(idOf(index)))).toEqual(answer)
    }
  })

  it('is looked up even where its client does not say that it is repeated', async () => {
    const { core } = await createWorld('same core')
    const [repeated, late] = await Promise.all([
      run(core, 'a', again(idOf(1))),
      run(core, 'a', first(idOf(1))),
    ])
    expect(late).toEqual(repeated)
    expect(await countsOf(core)).toEqual(new Map([['a', 1]]))
  })

  it('whose repetition comes before its answer is answered with it, after the flush', async () => {
    const { core } = await createWorld('same core')
    const both = [run(core, 'a', first(idOf(1))), run(core, 'a', again(idOf(1)))]
    const [one, two] = await Promise.all(both)
    expect(two).toEqual(one)
    expect(await countsOf(core)).toEqual(new Map([['a', 1]]))
  })

  it('that failed is not remembered', async () => {
    const { core } = await createWorld('same core')
    const query = { sql: 'INSERT INTO t VALUES (1, 1)', parameters: [] }
    await core.run(query, { caller: CALLER })
    const failing = (request: ReturnType<typeof first>) =>
      rejection(core.run(query, { caller: CALLER, request }))
    expect((await failing(first(idOf(1)))).code).toBe('ErrSql')
    expect((await failing(again(idOf(1)))).code).toBe('ErrSql')
  })

  it('of a repeated commit never commits the transaction of another', async () => {
    const { core } = await createWorld('same core')
    const open = await core.begin({ caller: CALLER, onEnd: () => undefined })
    await core.run(insert('a'), { caller: CALLER, transaction: open })
    const failure = await rejection(core.commit(open, again(idOf(9))))
    expect(failure.retry).toBe('now')
    await core.rollback(open)
    expect(await countsOf(core)).toEqual(new Map())
  })

  it('inside a transaction is a mistake of the program', async () => {
    const { core } = await createWorld('same core')
    const transaction = await core.begin({ caller: CALLER, onEnd: () => undefined })
    const call = { caller: CALLER, transaction, request: first(idOf(1)) }
    expect((await rejection(core.run(insert('a'), call))).code).toBe('ErrInternal')
  })
})
