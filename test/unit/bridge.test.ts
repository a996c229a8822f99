import { describe, expect, it } from 'vitest'
import { ConstelliteError, isFailure } from '../../src/base/failure.ts'
import { flattenFailure, reviveFailure } from '../../src/database/bridge/failure.ts'
import { HELLO_MS } from '../../src/database/bridge/start.ts'
import { TRANSACTION_IDLE_MS } from '../../src/database/slot.ts'
import { createBridgeRealm, WORKER_URL } from './bridge-fixtures.ts'
import { rejection, settle } from './database-fixtures.ts'

const migrations = ['CREATE TABLE t (x UNIQUE)']

describe('a database in a worker', () => {
  it('answers like one in this thread', async () => {
    const { open, workers } = createBridgeRealm()
    const db = open('notes', { migrations })
    expect(await db.ready).toMatchObject({ address: 'constellite:test', role: 'writer' })
    expect(await db.run`INSERT INTO t VALUES (${'a'})`).toMatchObject({ changes: 1, seq: 3n })
    expect(await db.all('SELECT x FROM t')).toEqual([{ x: 'a' }])
    expect(await db.get('SELECT 2 * 4611686018427387904 - 1 AS x')).toBeDefined()
    await db.exec('DELETE FROM t')
    const inside = await db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (?)', [Uint8Array.of(1)])
      return tx.all('SELECT x FROM t')
    })
    expect(inside).toEqual([{ x: Uint8Array.of(1) }])
    await db.until('durable')
    expect((await db.export()).size).toBeGreaterThan(0)
    expect(db.status).toMatchObject({ state: 'open', storage: { kind: 'memory' } })
    await db.close()
    expect(db.status.state).toBe('closed')
    expect(workers[0]?.isTerminated).toBe(true)
  })

  it('sends the calls of one turn as one message, and gets the answers of one flush as one', async () => {
    const { open, workers } = createBridgeRealm()
    const db = open('notes', { migrations })
    await db.ready
    const [worker] = workers
    const [out, back] = [worker?.toWorker.length ?? 0, worker?.toPage.length ?? 0]
    await Promise.all(Array.from({ length: 50 }, (_, x) => db.run('INSERT INTO t VALUES (?)', [x])))
    expect(worker?.toWorker.slice(out).map((it) => it.length)).toEqual([50])
    expect(worker?.toPage.slice(back).map((it) => it.length)).toContain(50)
    await db.close()
  })

  it('answers each caller with its own result, however many there are', async () => {
    const { open } = createBridgeRealm()
    const db = open('notes', { migrations })
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, x) => db.get('SELECT ? AS x', [x])),
    )
    expect(answers).toEqual(Array.from({ length: 300 }, (_, x) => ({ x })))
    await db.close()
  })

  it('tells live queries and their errors, and stops them', async () => {
    const { open, workers } = createBridgeRealm()
    const db = open('notes', { migrations })
    const told: unknown[] = []
    const stop = db.watch('SELECT x FROM t').subscribe(
      (rows) => told.push(rows),
      (error) => told.push(error.code),
    )
    await db.run('INSERT INTO t VALUES (1)')
    await settle()
    stop()
    await db.run('INSERT INTO t VALUES (2)')
    await settle()
    expect(told.at(-1)).toEqual([{ x: 1 }])
    const broken = db.watch('SELECT x FROM missing')
    expect(
      (
        await rejection(
          (async () => {
            for await (const _ of broken) await settle(1)
          })(),
        )
      ).code,
    ).toBe('ErrSql')
    const names = workers[0]?.toWorker.flat().map((it) => (it as { op: string }).op)
    expect(names).toContain('unwatch')
    await db.close()
  })

  it('takes calls out of the queue when their signal fires', async () => {
    const { open, opened } = createBridgeRealm()
    const db = open('notes', { migrations })
    await db.ready
    const shard = opened[0]?.parts.shard
    shard?.hold()
    const first = db.run('INSERT INTO t VALUES (1)')
    await settle()
    const abort = new AbortController()
    const second = db.run('INSERT INTO t VALUES (2)', [], { signal: abort.signal })
    await settle()
    abort.abort('enough')
    expect(await rejection(second)).toMatchObject({ code: 'ErrAborted', cause: 'enough' })
    shard?.letGo()
    await first
    expect(await db.all('SELECT x FROM t')).toEqual([{ x: 1 }])
    await db.close()
  })

  it('rolls a transaction back when its signal fires, and when it is idle', async () => {
    const { open, host } = createBridgeRealm()
    const db = open('notes', { migrations })
    const hang = (signal?: AbortSignal): Promise<ConstelliteError> =>
      rejection(
        db.transaction(
          async (tx) => {
            await tx.run('INSERT INTO t VALUES (1)')
            await new Promise(() => undefined)
          },
          signal === undefined ? {} : { signal },
        ),
      )
    const abort = new AbortController()
    const first = hang(abort.signal)
    await settle()
    abort.abort()
    expect((await first).code).toBe('ErrAborted')
    const second = hang()
    await settle()
    host.advanceNow(TRANSACTION_IDLE_MS)
    expect((await second).code).toBe('ErrTransactionTimeout')
    expect(await db.all('SELECT x FROM t')).toEqual([])
    await db.close()
  })

  it('refuses the database inside its own transaction', async () => {
    const { open } = createBridgeRealm()
    const db = open('notes', { migrations })
    await db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (1)')
      expect((await rejection(db.run('DELETE FROM t'))).code).toBe('ErrTransaction')
    })
    await db.close()
  })

  it('calls the progress of an import in the page', async () => {
    const { open, opened } = createBridgeRealm()
    const db = open('notes')
    await db.ready
    const core = opened[0]?.core
    if (core === undefined) throw new Error('Nothing was opened.')
    core.importFile = async (source, { onProgress }) => {
      onProgress?.(0.5)
      return { pageSize: 512, pageCount: 1, sizeBytes: 512, seq: 2n, warnings: [String(source)] }
    }
    const told: number[] = []
    const report = await db.import('x.db', { onProgress: (fraction) => told.push(fraction) })
    expect(report).toMatchObject({ warnings: ['x.db'], seq: 2n })
    expect(told).toEqual([0.5])
    await db.close()
  })

  it('opens with options as plain data; callbacks stay in the page', async () => {
    const { open, workers } = createBridgeRealm()
    const options = { migrations, worker: () => workers[0] as never }
    const db = open('notes', options)
    expect(await db.all('SELECT x FROM t')).toEqual([])
    await db.close()
  })

  it('leaves nothing behind when the page goes away without closing', async () => {
    const { open, workers, opened } = createBridgeRealm()
    const db = open('notes', { migrations })
    const hanging = rejection(
      db.transaction(async (tx) => {
        await tx.run('INSERT INTO t VALUES (1)')
        await new Promise(() => undefined)
      }),
    )
    await settle()
    const { core, parts } = opened[0] ?? {}
    let isReleased = false
    Object.assign(parts ?? {}, {
      release: async () => {
        isReleased = true
      },
    })
    workers[0]?.vanish()
    await hanging
    await settle()
    expect(isReleased).toBe(true)
    expect(core?.status.state).toBe('closed')
  })
})

describe('a worker that fails', () => {
  it('to load rejects everything pending with ErrWorkerFailed, its URL and the likely cause', async () => {
    const realm = createBridgeRealm()
    realm.behaviour = 'silent'
    const db = realm.open('notes')
    const calls = [rejection(db.ready), rejection(db.all('SELECT 1'))]
    await settle()
    realm.workers[0]?.fail()
    for (const failure of await Promise.all(calls)) {
      expect(failure).toMatchObject({ code: 'ErrWorkerFailed', facts: { url: WORKER_URL } })
      expect(failure.message).toContain(WORKER_URL)
      expect(failure.hint).toMatch(/404|worker-src/)
    }
    expect(realm.workers[0]?.isTerminated).toBe(true)
  })

  it('to be made, because the platform refuses it, says so', async () => {
    const realm = createBridgeRealm()
    realm.behaviour = 'refused'
    const failure = await rejection(realm.open('notes').ready)
    expect(failure.code).toBe('ErrWorkerFailed')
    expect(failure.cause).toMatchObject({ message: 'Refused by policy.' })
  })

  it('to answer its first hello in time is given up', async () => {
    const realm = createBridgeRealm()
    realm.behaviour = 'silent'
    const opening = rejection(realm.open('notes').ready)
    await settle()
    realm.host.advanceNow(HELLO_MS)
    expect(await opening).toMatchObject({
      code: 'ErrWorkerFailed',
      message: expect.stringContaining(`${HELLO_MS} ms`),
    })
  })

  it('because it is of another build is named', async () => {
    const realm = createBridgeRealm()
    realm.behaviour = 'old'
    const failure = await rejection(realm.open('notes').ready)
    expect(failure.message).toContain('another version')
  })

  it('while it works rejects calls, transactions and live queries, and tells the status', async () => {
    const { open, workers, opened } = createBridgeRealm()
    const db = open('notes', { migrations })
    await db.ready
    const live: string[] = []
    db.watch('SELECT x FROM t').subscribe(
      (rows) => live.push(`${rows.length}`),
      (error) => live.push(error.code),
    )
    await settle()
    opened[0]?.parts.shard.hold()
    const calls = [
      rejection(db.run('INSERT INTO t VALUES (1)')),
      rejection(db.transaction(async () => new Promise(() => undefined))),
      rejection(db.until('durable')),
    ]
    await settle()
    workers[0]?.fail('out of memory')
    for (const failure of await Promise.all(calls)) {
      expect(failure.code).toBe('ErrWorkerFailed')
      expect(failure.message).toContain('out of memory')
    }
    expect((await rejection(db.all('SELECT 1'))).code).toBe('ErrWorkerFailed')
    expect(live).toEqual(['0', 'ErrWorkerFailed'])
    expect(db.status).toMatchObject({ state: 'failed', failure: { code: 'ErrWorkerFailed' } })
    await db.close()
  })

  it('without an event is noticed by the lock that it held', async () => {
    const { open, workers } = createBridgeRealm()
    const db = open('notes', { migrations })
    await db.ready
    const pending = rejection(db.transaction(async () => new Promise(() => undefined)))
    await settle()
    workers[0]?.vanish()
    expect(await pending).toMatchObject({
      code: 'ErrWorkerFailed',
      message: expect.stringContaining('gone'),
    })
  })

  it('lets the name be opened again, in a new worker', async () => {
    const { open, workers } = createBridgeRealm()
    const db = open('notes', { migrations })
    await db.run('INSERT INTO t VALUES (1)')
    workers[0]?.vanish()
    await settle()
    const again = open('notes', { migrations })
    expect(await again.all('SELECT x FROM t')).toEqual([{ x: 1 }])
    expect(workers.length).toBe(2)
    await again.close()
  })

  it('works without locks, which insecure pages lack', async () => {
    const realm = createBridgeRealm()
    realm.hasLocks = false
    const db = realm.open('notes')
    expect(await db.get('SELECT 1 AS one')).toEqual({ one: 1 })
    await db.close()
  })
})

describe('a failure across the bridge', () => {
  it('keeps code, message, hint, facts, retry, SQLite’s codes and causes', async () => {
    const { open, realm } = createBridgeRealm()
    const sqlite = { code: 13, extendedCode: 13, name: 'SQLITE_FULL' }
    const inner = new RangeError('inner')
    const middle = new ConstelliteError({ code: 'ErrQuota', message: 'Full.', cause: inner })
    realm.failNext = new ConstelliteError({
      code: 'ErrInUse',
      message: 'Taken.',
      hint: 'Close it there.',
      facts: { who: 'tab 7', since: 5, key: Uint8Array.of(1), seq: 3n },
      retry: 'later',
      sqlite,
      cause: middle,
    })
    const failure = await rejection(open('notes').ready)
    expect(isFailure(failure, 'ErrInUse')).toBe(true)
    expect(failure).toMatchObject({
      message: 'Taken.',
      hint: 'Close it there.',
      facts: { who: 'tab 7', since: 5, key: Uint8Array.of(1), seq: 3n },
      retry: 'later',
      sqlite,
      cause: { code: 'ErrQuota', cause: { name: 'RangeError', message: 'inner' } },
    })
    expect(failure).toBeInstanceOf(ConstelliteError)
  })

  it('of a statement keeps what SQLite said', async () => {
    const { open } = createBridgeRealm()
    const db = open('notes', { migrations })
    await db.run('INSERT INTO t VALUES (1)')
    const failure = await rejection(db.run('INSERT INTO t VALUES (1)'))
    expect(failure).toMatchObject({
      code: 'ErrSql',
      sqlite: { code: 19, name: 'SQLITE_CONSTRAINT_UNIQUE' },
    })
    await db.close()
  })

  it('has causes to a depth, and takes anything as a cause', () => {
    let failure = new ConstelliteError({ code: 'ErrSql', message: 'deepest', cause: 'text' })
    for (let depth = 0; depth < 20; depth++) {
      failure = new ConstelliteError({ code: 'ErrSql', message: `${depth}`, cause: failure })
    }
    let seen: unknown = reviveFailure(structuredClone(flattenFailure(failure)))
    let depth = 0
    while (isFailure(seen)) {
      seen = seen.cause
      depth += 1
    }
    expect(depth).toBe(9)
    const text = reviveFailure(
      flattenFailure(new ConstelliteError({ code: 'ErrSql', message: '', cause: 7 })),
    )
    expect(text.cause).toBe('7')
  })
})
