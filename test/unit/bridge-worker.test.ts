import { describe, expect, it } from 'vitest'
import { HELLO_MS } from '../../src/database/bridge/start.ts'
import { createBridgeRealm, WORKER_URL } from './bridge-fixtures.ts'
import { rejection, settle } from './database-fixtures.ts'

const migrations = ['CREATE TABLE t (x UNIQUE)']

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
    const [written, ...others] = await Promise.all(calls)
    // It may have been written before the worker ended.
    expect(written).toMatchObject({ code: 'ErrOutcomeUnknown', cause: { code: 'ErrWorkerFailed' } })
    expect(written?.message).toContain('out of memory')
    for (const failure of others) {
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
