import { open } from 'constellite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { place } from '#place'

const migrations = ['CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)']

describe('commit', () => {
  it('makes one frame of one transaction, however many statements and rows', async () => {
    const db = await open(place.freshName('commit'), { migrations })
    onTestFinished(() => db.close())
    const before = db.status.seq
    const { seq } = await db.run`INSERT INTO note (body) VALUES ('one')`
    expect(seq).toBe(before + 1n)
    await db.transaction(async (tx) => {
      for (let index = 0; index < 50; index++)
        await tx.run`INSERT INTO note (body) VALUES (${index})`
    })
    expect((await db.run`DELETE FROM note WHERE id = 1`).seq).toBe(before + 3n)
  })

  it('makes no frame of a read, and none of a write that changes nothing', async () => {
    const db = await open(place.freshName('commit'), { migrations })
    onTestFinished(() => db.close())
    const before = db.status.seq
    await db.all`SELECT * FROM note`
    await db.run`DELETE FROM note WHERE id = 7`
    expect((await db.run`INSERT INTO note (body) VALUES ('x')`).seq).toBe(before + 1n)
  })

  it('keeps the order of calls made at once, and answers each with its own row', async () => {
    const db = await open(place.freshName('commit'), { migrations })
    onTestFinished(() => db.close())
    const calls = Array.from({ length: 100 }, (_, index) =>
      db.run('INSERT INTO note (body) VALUES (?)', [`${index}`]),
    )
    const rowids = (await Promise.all(calls)).map((it) => it.lastInsertRowid)
    expect(rowids).toEqual(Array.from({ length: 100 }, (_, index) => index + 1))
    expect(await db.get`SELECT count(*) AS count FROM note`).toEqual({ count: 100 })
  })

  it('holds 100 000 rows in one transaction', async () => {
    const db = await open(place.freshName('commit'), { migrations })
    onTestFinished(() => db.close())
    await db.run`
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
      INSERT INTO note SELECT i, 'body ' || i FROM n`
    expect(await db.get`SELECT count(*) AS count, max(id) AS top FROM note`).toEqual({
      count: 100_000,
      top: 100_000,
    })
    expect(await db.get`PRAGMA integrity_check`).toEqual({ integrity_check: 'ok' })
    const { ok, pages } = await db.verify()
    expect({ ok, pages }).toEqual({ ok: true, pages: 'match' })
  })

  it('tells those who watch, and only when their rows change', async () => {
    const db = await open(place.freshName('commit'), { migrations })
    onTestFinished(() => db.close())
    const seen: unknown[] = []
    for await (const rows of db.watch`SELECT body FROM note ORDER BY id`) {
      seen.push(rows.length)
      if (rows.length === 2) break
      await db.run`INSERT INTO note (body) VALUES ('x')`
    }
    expect(seen).toEqual([0, 1, 2])
  })
})
