import { type Database, open } from 'constellite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { place } from '#place'
import { failureOf } from './failures.ts'

const migrations = ['CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT NOT NULL)']

async function openOne(): Promise<{ db: Database; before: bigint }> {
  const db = await open(place.freshName('rollback'), { migrations })
  onTestFinished(() => db.close())
  const { seq } = await db.run`INSERT INTO note VALUES (1, 'kept')`
  return { db, before: seq }
}

/** Nothing of what was rolled back is there, and the next commit takes the next position. */
async function expectUntouched({ db, before }: { db: Database; before: bigint }): Promise<void> {
  expect(await db.all`SELECT * FROM note`).toEqual([{ id: 1, body: 'kept' }])
  expect((await db.run`INSERT INTO note VALUES (2, 'next')`).seq).toBe(before + 1n)
  expect((await db.verify()).ok).toBe(true)
}

describe('rollback', () => {
  it('keeps nothing of a transaction whose callback throws, and passes the error on', async () => {
    const one = await openOne()
    const failed = one.db.transaction(async (tx) => {
      await tx.run`DELETE FROM note`
      throw new Error('changed my mind')
    })
    await expect(failed).rejects.toThrow('changed my mind')
    await expectUntouched(one)
  })

  it('keeps nothing of a statement that fails in the middle', async () => {
    const one = await openOne()
    const call = one.db
      .run`INSERT INTO note SELECT 10 + value, NULLIF(value, 3) FROM json_each('[1,2,3]')`
    expect(await failureOf(call)).toBe('ErrSql')
    await expectUntouched(one)
  })

  it('keeps nothing after a spill over free pages, where a rollback looks like a commit', async () => {
    const { db } = await openOne()
    const fill = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
      INSERT INTO note SELECT 1000 + i, hex(zeroblob(400)) FROM n`
    await db.exec('PRAGMA cache_size = 10')
    await db.run(fill)
    const { seq } = await db.run`DELETE FROM note WHERE id > 1`
    const failed = db.transaction(async (tx) => {
      await tx.run(fill)
      throw new Error('back')
    })
    await expect(failed).rejects.toThrow('back')
    await expectUntouched({ db, before: seq })
  })

  it('goes back to a savepoint and keeps the rest', async () => {
    const { db, before } = await openOne()
    await db.transaction(async (tx) => {
      await tx.run`INSERT INTO note VALUES (2, 'kept too')`
      await tx.exec('SAVEPOINT here')
      await tx.run`DELETE FROM note`
      await tx.exec('ROLLBACK TO here; RELEASE here')
    })
    expect(await db.get`SELECT count(*) AS count FROM note`).toEqual({ count: 2 })
    expect((await db.run`DELETE FROM note WHERE id = 2`).seq).toBe(before + 2n)
  })

  it('refuses the database itself inside its own transaction, at once', async () => {
    const one = await openOne()
    const failed = one.db.transaction(async () => {
      await one.db.run`DELETE FROM note`
    })
    expect(await failureOf(failed)).toBe('ErrTransaction')
    await expectUntouched(one)
  })

  it('refuses a transaction that has ended', async () => {
    const one = await openOne()
    const late = await one.db.transaction(async (tx) => tx)
    expect(await failureOf(late.run`DELETE FROM note`)).toBe('ErrTransaction')
    await expectUntouched(one)
  })
})
