import { describe, expect, it } from 'vitest'
import { TRANSACTION_IDLE_MS } from '../../src/database/slot.ts'
import type { Database } from '../../src/database/types.ts'
import { createTestRealm, rejection, settle, type TestRealm } from './database-fixtures.ts'

async function openCounter(): Promise<{ db: Database; realm: TestRealm }> {
  const realm = createTestRealm()
  const db = await realm.open('counter')
  await db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (0)')
  return { db, realm }
}

const count = (db: Database): Promise<{ n: number } | undefined> =>
  db.get<{ n: number }>('SELECT count(*) AS n FROM t')

describe('a transaction', () => {
  it('commits what it wrote as one frame and answers what its callback answers', async () => {
    const { db } = await openCounter()
    const before = await db.run('UPDATE t SET x = 1')
    const answer = await db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (1)')
      await tx.run('INSERT INTO t VALUES (2)')
      await tx.exec('INSERT INTO t VALUES (3)')
      return tx.get('SELECT count(*) AS n FROM t')
    })
    expect(answer).toEqual({ n: 4 })
    const after = await db.run('UPDATE t SET x = 2')
    expect(after.seq).toBe(before.seq + 2n)
  })

  it('rolls back when its callback throws, and rethrows that', async () => {
    const { db } = await openCounter()
    const reason = new Error('no')
    const failing = db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (1)')
      throw reason
    })
    expect(await rejection(failing)).toBe(reason)
    expect(await count(db)).toEqual({ n: 1 })
    const atOnce = db.transaction(() => {
      throw reason
    })
    expect(await rejection(atOnce)).toBe(reason)
  })

  it('lets reads pass beside it, which see the state before it, and holds other writes back', async () => {
    const { db } = await openCounter()
    const order: string[] = []
    let finish: () => void = () => undefined
    const gate = new Promise<void>((resolve) => {
      finish = resolve
    })
    const transaction = db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (1)')
      order.push('inside')
      await gate
      await tx.run('INSERT INTO t VALUES (2)')
    })
    await settle()
    const write = db.run('INSERT INTO t VALUES (9)').then(() => order.push('write'))
    expect(await count(db)).toEqual({ n: 1 })
    expect(await db.all('WITH a AS (SELECT x FROM t) SELECT count(*) AS n FROM a')).toEqual([
      { n: 1 },
    ])
    order.push('read')
    finish()
    await Promise.all([transaction, write])
    expect(order).toEqual(['inside', 'read', 'write'])
    expect(await count(db)).toEqual({ n: 4 })
  })

  it('runs one at a time', async () => {
    const { db } = await openCounter()
    const increments = Array.from({ length: 20 }, () =>
      db.transaction(async (tx) => {
        const row = await tx.get<{ x: number }>('SELECT x FROM t')
        await tx.run('UPDATE t SET x = ?', [(row?.x ?? 0) + 1])
      }),
    )
    await Promise.all(increments)
    expect(await db.all('SELECT x FROM t')).toEqual([{ x: 20 }])
  })

  it('keeps savepoints and refuses to begin, commit or roll back by hand', async () => {
    const { db } = await openCounter()
    await db.transaction(async (tx) => {
      await tx.run('SAVEPOINT a')
      await tx.run('INSERT INTO t VALUES (1)')
      await tx.run('ROLLBACK TO a')
      await tx.run('RELEASE a')
      for (const word of ['BEGIN', 'COMMIT', ' /* x */ end', '-- x\nROLLBACK']) {
        expect((await rejection(tx.run(word))).code).toBe('ErrTransaction')
      }
    })
    for (const word of ['BEGIN', 'SAVEPOINT a', 'COMMIT', 'ROLLBACK TO a', 'RELEASE a']) {
      expect((await rejection(db.run(word))).hint).toContain('db.transaction')
    }
    expect(await count(db)).toEqual({ n: 1 })
  })

  it('cannot be begun by a script outside', async () => {
    const { db } = await openCounter()
    const failing = db.exec('INSERT INTO t VALUES (1); BEGIN; INSERT INTO t VALUES (2); COMMIT')
    expect(await rejection(failing)).toMatchObject({
      code: 'ErrTransaction',
      hint: expect.stringContaining('db.transaction'),
    })
    expect(await count(db)).toEqual({ n: 2 })
    expect((await rejection(db.exec('SAVEPOINT a; RELEASE a'))).code).toBe('ErrTransaction')
  })

  it.each(['SELECT 1; COMMIT', 'SELECT 1; COMMIT; BEGIN', 'INSERT INTO t VALUES (2); ROLLBACK'])(
    'cannot be ended by a script inside: %s',
    async (text) => {
      const { db } = await openCounter()
      const before = await db.run('UPDATE t SET x = 1')
      const failing = db.transaction(async (tx) => {
        await tx.run('INSERT INTO t VALUES (1)')
        await tx.exec(text)
      })
      expect((await rejection(failing)).code).toBe('ErrTransaction')
      expect(await count(db)).toEqual({ n: 1 })
      // Nothing of it became a frame.
      expect((await db.run('UPDATE t SET x = 2')).seq).toBe(before.seq + 1n)
    },
  )

  it('goes on where its callback catches the refusal', async () => {
    const { db } = await openCounter()
    await db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (1)')
      expect((await rejection(tx.exec('SELECT 1; COMMIT'))).code).toBe('ErrTransaction')
      await tx.run('INSERT INTO t VALUES (2)')
    })
    expect(await count(db)).toEqual({ n: 3 })
  })

  it('that SQLite rolled back by itself rejects with SQLite’s reason', async () => {
    const { db } = await openCounter()
    await db.exec('CREATE TABLE once (x UNIQUE ON CONFLICT ROLLBACK)')
    const failing = db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (1)')
      await tx.run('INSERT INTO once VALUES (1), (1)')
    })
    expect(await rejection(failing)).toMatchObject({ code: 'ErrSql', sqlite: { code: 19 } })
    expect(await count(db)).toEqual({ n: 1 })
    await db.run('INSERT INTO t VALUES (5)')
  })

  it('whose COMMIT fails keeps nothing and leaves the writer free', async () => {
    const { db } = await openCounter()
    await db.exec(`PRAGMA foreign_keys = ON; CREATE TABLE parent (id INTEGER PRIMARY KEY);
      CREATE TABLE child (p REFERENCES parent DEFERRABLE INITIALLY DEFERRED)`)
    const failing = db.transaction((tx) => tx.run('INSERT INTO child VALUES (7)'))
    expect(await rejection(failing)).toMatchObject({ code: 'ErrSql', sqlite: { code: 19 } })
    expect(await db.all('SELECT * FROM child')).toEqual([])
    await db.run('INSERT INTO t VALUES (5)')
  })

  it('cannot be used after it has finished', async () => {
    const { db } = await openCounter()
    const kept = await db.transaction(async (tx) => ({ tx }))
    expect(await rejection(kept.tx.run('INSERT INTO t VALUES (1)'))).toMatchObject({
      code: 'ErrTransaction',
      message: expect.stringContaining('finished'),
    })
  })

  it('runs what its callback did not await before it commits', async () => {
    const { db } = await openCounter()
    await db.transaction((tx) => {
      tx.run('INSERT INTO t VALUES (1)')
      tx.run('INSERT INTO t VALUES (2)')
    })
    expect(await count(db)).toEqual({ n: 3 })
  })

  it('refuses what is no function, and unknown options', async () => {
    const { db } = await openCounter()
    expect((await rejection(db.transaction('BEGIN' as never))).code).toBe('ErrOption')
    const timed = db.transaction(async () => 1, { timeout: 1 } as never)
    expect((await rejection(timed)).code).toBe('ErrOption')
  })
})

describe('a transaction that hangs', () => {
  it('is rolled back after 5 s without a call, and others go on', async () => {
    const { db, realm } = await openCounter()
    const other = realm.open('counter')
    const hanging = db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (1)')
      await new Promise(() => undefined)
    })
    const failed = rejection(hanging)
    await settle()
    const waiting = other.run('INSERT INTO t VALUES (2)')
    realm.host.advanceNow(TRANSACTION_IDLE_MS - 1)
    await settle()
    realm.host.advanceNow(1)
    expect(await failed).toMatchObject({ code: 'ErrTransactionTimeout', retry: 'later' })
    await waiting
    expect(await count(db)).toEqual({ n: 2 })
  })

  it('is not idle while it is called', async () => {
    const { db, realm } = await openCounter()
    await db.transaction(async (tx) => {
      for (let call = 0; call < 4; call++) {
        await tx.run('INSERT INTO t VALUES (1)')
        realm.host.advanceNow(TRANSACTION_IDLE_MS - 1)
      }
    })
    expect(await count(db)).toEqual({ n: 5 })
  })

  it('is rolled back when its signal fires, and its later calls are refused', async () => {
    const { db } = await openCounter()
    const abort = new AbortController()
    let late: Promise<unknown> | undefined
    const hanging = db.transaction(
      async (tx) => {
        await tx.run('INSERT INTO t VALUES (1)')
        await new Promise((resolve) => abort.signal.addEventListener('abort', resolve))
        late = rejection(tx.run('INSERT INTO t VALUES (2)'))
      },
      { signal: abort.signal },
    )
    const failed = rejection(hanging)
    await settle()
    abort.abort('gone')
    expect(await failed).toMatchObject({ code: 'ErrAborted', cause: 'gone' })
    await settle()
    expect(await late).toMatchObject({ code: 'ErrAborted' })
    expect(await count(db)).toEqual({ n: 1 })
  })

  it('is waited for by close', async () => {
    const { db, realm } = await openCounter()
    const running = db.transaction(async (tx) => {
      await settle()
      await tx.run('INSERT INTO t VALUES (1)')
    })
    await settle(2)
    await Promise.all([db.close(), running])
    const again = realm.open('counter')
    expect(await again.get('SELECT count(*) AS n FROM t')).toEqual({ n: 2 })
  })
})
