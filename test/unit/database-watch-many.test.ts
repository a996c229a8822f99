import { describe, expect, it } from 'vitest'
import type { Database } from '../../src/database/types.ts'
import { createTestRealm, settle } from './database-fixtures.ts'

type Note = { id: number; body: string }

function follow(db: Database, sql: string) {
  const told: string[] = []
  const stop = db.watch<Note>(sql).subscribe(
    (rows) => told.push(rows.map((row) => row.body).join(' ')),
    (error) => told.push(error.code),
  )
  return { told, stop }
}

describe('a live query', () => {
  it('follows every kind of table: full text, vocabularies, external content, R-Tree, counters', async () => {
    const db = await createTestRealm().open('notes')
    await db.exec(`CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT);
      CREATE TABLE numbered (id INTEGER PRIMARY KEY AUTOINCREMENT);
      CREATE VIRTUAL TABLE search USING fts5(body);
      CREATE VIRTUAL TABLE word USING fts5vocab('search', 'row');
      CREATE VIRTUAL TABLE outside USING fts5(body, content = 'note', content_rowid = 'id');
      CREATE VIRTUAL TABLE box USING rtree(id, low, high);
      CREATE VIEW results AS WITH it AS (SELECT body FROM search) SELECT body FROM it`)
    const cases: readonly (readonly [string, string])[] = [
      ["SELECT body FROM search WHERE search MATCH 'hello'", "INSERT INTO search VALUES ('hello')"],
      ['SELECT c0 AS body FROM search_content', "INSERT INTO search VALUES ('shadow')"],
      ['SELECT term AS body FROM word', "INSERT INTO search VALUES ('new')"],
      ['SELECT body FROM results', "INSERT INTO search VALUES ('viewed')"],
      ['SELECT body FROM outside', "INSERT INTO note VALUES (7, 'seven')"],
      ['SELECT count(*) AS body FROM box', 'INSERT INTO box VALUES (1, 2, 3)'],
      ['SELECT seq AS body FROM sqlite_sequence', 'INSERT INTO numbered DEFAULT VALUES'],
      ['SELECT name AS body FROM SQLITE_SCHEMA', 'CREATE TABLE more (x)'],
      ["SELECT name AS body FROM pragma_table_info('more')", 'ALTER TABLE more ADD COLUMN y'],
      ['SELECT count(*) AS body FROM NoTe', "INSERT INTO note VALUES (8, 'eight')"],
    ]
    for (const [watched, change] of cases) {
      const { told, stop } = follow(db, watched)
      await settle()
      await db.run(change)
      await settle()
      expect([watched, told.length]).toEqual([watched, 2])
      stop()
    }
  })

  it('is one for equal ones of other handles too, and a row that stayed equal stays the same object', async () => {
    const realm = createTestRealm()
    const [db, other] = [realm.open('notes'), realm.open('notes')]
    await db.exec("CREATE TABLE note (id INTEGER, body TEXT); INSERT INTO note VALUES (1, 'one')")
    const watches = [db, other].map((it) => it.watch<Note>`SELECT * FROM note WHERE id > ${0}`)
    for (const watch of watches) {
      watch.subscribe(
        () => undefined,
        () => undefined,
      )
      await settle()
    }
    const [left, right] = watches
    const before = left?.current
    expect(right?.current).toBe(before)
    await db.run("INSERT INTO note VALUES (2, 'two')")
    await settle()
    expect(right?.current).toBe(left?.current)
    expect(left?.current?.length).toBe(2)
    expect(left?.current?.[0]).toBe(before?.[0])
    await Promise.all([db.close(), other.close()])
  })

  it('tells a late subscriber the error that it told the others', async () => {
    const db = createTestRealm().open('notes')
    const watch = db.watch('SELECT x FROM later')
    const told: unknown[] = []
    const listen = () =>
      watch.subscribe(
        (rows) => told.push(rows),
        ({ code }) => told.push(code),
      )
    listen()
    await settle()
    listen()
    expect(told).toEqual(['ErrSql', 'ErrSql'])
    await db.exec('CREATE TABLE later (x)')
    await settle()
    listen()
    expect(told.slice(2)).toEqual([[], [], []])
    await db.close()
  })

  it('ends at its first rows when the listener wants no more, also where others watch the same', async () => {
    const realm = createTestRealm()
    const [db, other] = [realm.open('notes'), realm.open('notes')]
    await db.exec('CREATE TABLE note (id INTEGER)')
    const { stop } = follow(db, 'SELECT id AS body FROM note')
    await settle()
    for await (const rows of other.watch`SELECT id AS body FROM note`) {
      expect(rows).toEqual([])
      break
    }
    stop()
    await settle()
    const late = follow(db, 'SELECT id AS body FROM note')
    expect(late.told).toEqual([])
    await settle()
    expect(late.told).toEqual([''])
    await Promise.all([db.close(), other.close()])
  })
})
