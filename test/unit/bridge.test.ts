import { describe, expect, it } from 'vitest'
import type { ConstelliteError } from '../../src/base/failure.ts'
import { LIVE_QUERIES_MAX } from '../../src/database/live.ts'
import { TRANSACTION_IDLE_MS } from '../../src/database/slot.ts'
import { createBridgeRealm } from './bridge-fixtures.ts'
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
    const types = (): string[] =>
      workers[0]?.toPage.flat().map((it) => (it as { type: string }).type) ?? []
    const before = types().filter((type) => type === 'rows').length
    await db.run('INSERT INTO t VALUES (3)')
    await settle()
    expect(types().filter((type) => type === 'rows').length).toBe(before)
    await db.close()
  })

  it('tells many subscribers of one query by one message, and only what changed', async () => {
    const { open, workers } = createBridgeRealm()
    const [db, other] = [open('notes', { migrations }), open('notes', { migrations })]
    await db.run('INSERT INTO t VALUES (1), (2)')
    const watches = Array.from({ length: 50 }, (_, index) =>
      (index % 2 === 0 ? db : other).watch('SELECT x FROM t ORDER BY x'),
    )
    let calls = 0
    for (const watch of watches) {
      watch.subscribe(
        () => {
          calls += 1
        },
        () => undefined,
      )
    }
    await settle()
    const before = watches[0]?.current
    // A reader may do with its array what it likes.
    before?.reverse()
    await db.run('INSERT INTO t VALUES (3)')
    await settle()
    expect(calls).toBe(100)
    const rows = workers[0]?.toPage.flat().filter((it) => (it as { type?: string }).type === 'rows')
    expect(rows).toMatchObject([
      { change: { length: 2, rows: [1, 'x', 1, 2] } },
      { change: { length: 3, at: [2], rows: [1, 'x', 3] } },
    ])
    expect(watches[49]?.current).toBe(watches[0]?.current)
    expect(watches[0]?.current).toEqual([{ x: 1 }, { x: 2 }, { x: 3 }])
    expect(watches[0]?.current?.[0]).toBe(before?.[1])
    const asked = workers[0]?.toWorker.flat().filter((it) => (it as { op?: string }).op === 'watch')
    expect(asked?.length).toBe(1)
    await Promise.all([db.close(), other.close()])
  })

  it('refuses what is one live query too many, and goes on with the others', async () => {
    const { open } = createBridgeRealm()
    const db = open('notes', { migrations })
    const codes: string[] = []
    const stops = Array.from({ length: LIVE_QUERIES_MAX + 1 }, (_, x) =>
      db.watch('SELECT ? AS x', [x]).subscribe(
        () => undefined,
        ({ code }) => codes.push(code),
      ),
    )
    await settle()
    expect(codes).toEqual(['ErrBackpressure'])
    for (const stop of stops) stop()
    for await (const rows of db.watch('SELECT 1 AS x')) {
      expect(rows).toEqual([{ x: 1 }])
      break
    }
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
