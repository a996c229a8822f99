import { describe, expect, it } from 'vitest'
import type { ConstelliteError } from '../../src/base/failure.ts'
import type { Host } from '../../src/base/host.ts'
import { createTurnScope, type Scope } from '../../src/database/scope.ts'
import { TRANSACTION_IDLE_MS } from '../../src/database/slot.ts'
import type { Database } from '../../src/database/types.ts'
import { createAsyncScope } from '../../src/platform/scope-node.ts'
import { createTestRealm, rejection, settle, type TestRealm } from './database-fixtures.ts'

async function openCounter(
  scope: (host: Host) => Scope,
): Promise<{ db: Database; realm: TestRealm }> {
  const realm = createTestRealm({ scope })
  const db = await realm.open('counter')
  await db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (0)')
  return { db, realm }
}

const count = (db: Database): Promise<{ n: number } | undefined> =>
  db.get<{ n: number }>('SELECT count(*) AS n FROM t')

const scopes: readonly (readonly [string, (host: Host) => Scope])[] = [
  ['by turns (browsers)', createTurnScope],
  ['by AsyncLocalStorage (servers)', createAsyncScope],
]

describe.each(scopes)('the database inside its own transaction, seen %s', (_, scope) => {
  const insideCalls: readonly (readonly [string, (db: Database) => Promise<unknown>])[] = [
    ['run', (db) => db.run('INSERT INTO t VALUES (1)')],
    ['all', (db) => db.all('SELECT 1')],
    ['exec', (db) => db.exec('SELECT 1')],
    ['transaction', (db) => db.transaction(async () => 1)],
    ['export', (db) => db.export()],
    ['verify', (db) => db.verify()],
    ['until', (db) => db.until('durable')],
    ['a loop over watch', (db) => db.watch('SELECT 1')[Symbol.asyncIterator]().next()],
    ['close', (db) => db.close()],
  ]
  it.each(insideCalls)('refuses %s at once', async (_name, call) => {
    const { db } = await openCounter(scope)
    const helper = async (): Promise<unknown> => {
      await Promise.resolve()
      return call(db)
    }
    await db.transaction(async (tx) => {
      expect((await rejection(call(db))).code).toBe('ErrTransaction')
      await tx.run('INSERT INTO t VALUES (1)')
      expect((await rejection(helper())).code).toBe('ErrTransaction')
      expect((await rejection(tx.run('SELEC 1'))).code).toBe('ErrSql')
      expect((await rejection(call(db))).hint).toContain('tx')
    })
    expect(await count(db)).toEqual({ n: 2 })
  })

  it('does not refuse the callers beside it', async () => {
    const { db } = await openCounter(scope)
    const writes: Promise<unknown>[] = []
    let isRunning = true
    const beside = (async () => {
      while (isRunning) {
        await new Promise((resolve) => setImmediate(resolve))
        writes.push(db.all('SELECT 1'))
      }
    })()
    await db.transaction(async (tx) => {
      for (let call = 0; call < 50; call++) {
        await tx.run('INSERT INTO t VALUES (1)')
        await settle(1)
      }
    })
    isRunning = false
    await beside
    expect(writes.length).toBeGreaterThan(10)
    await Promise.all(writes)
  })

  it('refuses the same of another handle, and allows another database', async () => {
    const { db, realm } = await openCounter(scope)
    const same = realm.open('counter')
    const other = realm.open('other')
    await other.exec('CREATE TABLE t (x)')
    await same.ready
    await db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (1)')
      expect((await rejection(same.run('DELETE FROM t'))).code).toBe('ErrTransaction')
      await tx.run('INSERT INTO t VALUES (1)')
      expect(await other.run('INSERT INTO t VALUES (1)')).toMatchObject({ changes: 1 })
    })
  })
})

describe.each(scopes)('a handle whose first call is made inside, seen %s,', (_, scope) => {
  it.each([
    ['run', (db: Database) => db.run('INSERT INTO t VALUES (1)')],
    ['all', (db: Database) => db.all('SELECT 1')],
    ['until', (db: Database) => db.until('durable')],
    ['a loop over watch', (db: Database) => db.watch('SELECT 1')[Symbol.asyncIterator]().next()],
    ['ready', (db: Database) => db.ready],
  ])('refuses %s at once where it would wait for itself', async (name, call) => {
    const { db, realm } = await openCounter(scope)
    const other = realm.open('counter')
    await db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (1)')
      if (name === 'ready') expect((await other.ready).role).toBe('writer')
      else expect((await rejection(call(other))).code).toBe('ErrTransaction')
    })
    expect(await count(other)).toEqual({ n: 2 })
    await Promise.all([db.close(), other.close()])
  })
})

describe('a call of the same handle that is queued behind an idle transaction', () => {
  it('goes on when that is rolled back, where the scope sees every call from inside', async () => {
    const { db, realm } = await openCounter(createAsyncScope)
    const hanging = rejection(db.transaction(() => new Promise(() => undefined)))
    await settle()
    const waiting = db.run('INSERT INTO t VALUES (2)')
    await settle()
    realm.host.advanceNow(TRANSACTION_IDLE_MS)
    expect((await hanging).code).toBe('ErrTransactionTimeout')
    expect(await waiting).toMatchObject({ changes: 1 })
    expect(await count(db)).toEqual({ n: 2 })
  })
})

describe('a call that no scope sees', () => {
  it('is refused when the transaction has been idle for 5 s, and nothing of either is kept', async () => {
    const { db, realm } = await openCounter(createTurnScope)
    let inner: Promise<ConstelliteError> | undefined
    const hanging = db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (1)')
      await new Promise((resolve) => setImmediate(resolve))
      inner = rejection(db.run('INSERT INTO t VALUES (2)'))
      throw await inner
    })
    const failed = rejection(hanging)
    await settle()
    realm.host.advanceNow(TRANSACTION_IDLE_MS)
    expect((await failed).code).toBe('ErrTransactionTimeout')
    expect(await inner).toMatchObject({ code: 'ErrTransaction', retry: 'later' })
    expect(await count(db)).toEqual({ n: 1 })
  })

  it('of another handle goes on when the transaction is rolled back', async () => {
    const { db, realm } = await openCounter(createTurnScope)
    const other = realm.open('counter')
    const hanging = rejection(db.transaction(() => new Promise(() => undefined)))
    await settle()
    const waiting = other.run('INSERT INTO t VALUES (2)')
    await settle()
    realm.host.advanceNow(TRANSACTION_IDLE_MS)
    expect(await waiting).toMatchObject({ changes: 1 })
    await hanging
  })
})
