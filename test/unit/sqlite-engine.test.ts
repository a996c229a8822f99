/** Proves: one commit is one call of `PageSpace.commit`, a rollback is none, and what was committed
 *  reads back. */

import { expect, test } from 'vitest'
import { equalBytes } from '../../src/bytes/compare.ts'
import type { SqlConnection } from '../../src/sqlite/engine.ts'
import { createTestEngine, createTestSpace, readFile, type TestSpace } from './sqlite-fixtures.ts'

type Bench = { readonly space: TestSpace; readonly db: SqlConnection; close(): void }

async function open(): Promise<Bench> {
  const space = await createTestSpace()
  const engine = await createTestEngine(space)
  return { space, db: engine.connect('writer'), close: engine.close }
}

function integrity(db: SqlConnection): unknown {
  return db.all('PRAGMA integrity_check')[0]?.['integrity_check']
}

const FILL =
  'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO t (id, body) SELECT i, hex(randomblob(200)) FROM n'

/** A database whose free list is long, with a page cache so small that dirty pages spill. */
async function openWithFreeList(): Promise<Bench> {
  const bench = await open()
  bench.db.exec(
    'CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT); CREATE TABLE kept (id INTEGER)',
  )
  bench.db.run(FILL, [3000])
  bench.db.exec('DELETE FROM t; INSERT INTO kept VALUES (1); PRAGMA cache_size = 10')
  return bench
}

test('a first commit stores rows and is one record', async () => {
  const { space, db, close } = await open()
  db.run('CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)')
  expect(space.commits.length).toBe(1)
  const result = db.run('INSERT INTO note (body) VALUES (?)', ['hello'])
  expect(result).toEqual({ changes: 1, lastInsertRowid: 1 })
  expect(space.commits.length).toBe(2)
  expect(space.commits[1]?.tables).toEqual(['note'])
  expect(space.commits[1]?.pageSize).toBe(8192)
  expect(db.all('SELECT * FROM note')).toEqual([{ id: 1, body: 'hello' }])
  close()
  expect(space.pinCount()).toBe(0)
})

test('reads, empty transactions and writes that change nothing call commit never', async () => {
  const { space, db, close } = await open()
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT)')
  const { length } = space.commits
  db.all('SELECT * FROM t')
  db.control('BEGIN; COMMIT; BEGIN IMMEDIATE; COMMIT; BEGIN; SELECT 1; ROLLBACK')
  db.run('DELETE FROM t WHERE id = 9')
  db.exec('CREATE TEMP TABLE scratch (x); INSERT INTO scratch VALUES (1)')
  expect(space.commits.length).toBe(length)
  close()
})

test('a transaction of several statements is one record with the tables of all', async () => {
  const { space, db, close } = await open()
  db.exec('CREATE TABLE a (x); CREATE TABLE b (x); CREATE TABLE c (x)')
  const { length } = space.commits
  db.control('BEGIN')
  expect(db.inTransaction).toBe(true)
  db.run('INSERT INTO b VALUES (1)')
  db.run('INSERT INTO a VALUES (1)')
  db.control('COMMIT')
  expect(db.inTransaction).toBe(false)
  expect(space.commits.slice(length).map((commit) => commit.tables)).toEqual([['a', 'b']])
  db.run('INSERT INTO c VALUES (1)')
  expect(space.commits.at(-1)?.tables).toEqual(['c'])
  close()
})

test('a transaction that changes the schema says that its tables are unknown', async () => {
  const { space, db, close } = await open()
  db.control('BEGIN; CREATE TABLE t (x); INSERT INTO t VALUES (1); COMMIT')
  expect(space.commits.map((commit) => commit.tables)).toEqual([[]])
  db.run('INSERT INTO t VALUES (2)')
  expect(space.commits.at(-1)?.tables).toEqual(['t'])
  db.run('ALTER TABLE t ADD COLUMN y')
  expect(space.commits.at(-1)?.tables).toEqual([])
  close()
})

test('tables written by triggers, cascades and FTS5 are in the record', async () => {
  const { space, db, close } = await open()
  db.exec(`
    PRAGMA foreign_keys = ON;
    CREATE TABLE parent (id INTEGER PRIMARY KEY);
    CREATE TABLE child (parent INTEGER REFERENCES parent ON DELETE CASCADE);
    CREATE TABLE journal (what TEXT);
    CREATE TRIGGER logged AFTER DELETE ON child BEGIN INSERT INTO journal VALUES ('gone'); END;
    CREATE VIRTUAL TABLE search USING fts5 (body);
    INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1)`)
  db.run('DELETE FROM parent')
  expect(space.commits.at(-1)?.tables).toEqual(['child', 'journal', 'parent'])
  db.run("INSERT INTO search VALUES ('salt water')")
  expect(space.commits.at(-1)?.tables).toContain('search')
  expect(db.all("SELECT rowid FROM search WHERE search MATCH 'water'")).toEqual([{ rowid: 1 }])
  close()
})

test('a trigger added by another connection is in the record of a statement compiled before', async () => {
  const space = await createTestSpace()
  const engine = await createTestEngine(space)
  const db = engine.connect('writer')
  const other = engine.connect('writer')
  db.exec('CREATE TABLE t (x); CREATE TABLE log (x)')
  db.run('INSERT INTO t VALUES (?)', [1])
  other.exec('CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.x); END')
  db.run('INSERT INTO t VALUES (?)', [2])
  expect(space.commits.at(-1)?.tables).toEqual(['log', 't'])
  engine.close()
})

test('ROLLBACK after a spill over free-list pages calls commit never and moves no version', async () => {
  const { space, db, close } = await openWithFreeList()
  const before = { length: space.commits.length, version: space.pages.version }
  const file = readFile(space.pages)
  for (let round = 0; round < 5; round++) {
    db.control('BEGIN')
    db.run(FILL, [2000])
    db.control('ROLLBACK')
  }
  expect({ length: space.commits.length, version: space.pages.version }).toEqual(before)
  expect(equalBytes(readFile(space.pages), file)).toBe(true)
  expect(db.all('SELECT count(*) AS n FROM t')).toEqual([{ n: 0 }])
  expect(integrity(db)).toBe('ok')
  db.run("INSERT INTO t VALUES (1, 'after')")
  expect(space.commits.length).toBe(before.length + 1)
  close()
})

test('a failed autocommit statement after a spill calls commit never', async () => {
  const { space, db, close } = await openWithFreeList()
  const { length } = space.commits
  db.run("INSERT INTO t VALUES (2500, 'in the way')")
  expect(() => db.run(FILL, [2600])).toThrow(/UNIQUE/)
  expect(space.commits.length).toBe(length + 1)
  expect(db.all('SELECT count(*) AS n FROM t')).toEqual([{ n: 1 }])
  expect(integrity(db)).toBe('ok')
  close()
})

test('savepoints with spill: what was rolled back to is not in the one record', async () => {
  const { space, db, close } = await openWithFreeList()
  const { length } = space.commits
  db.control('BEGIN')
  db.run(FILL, [500])
  db.control('SAVEPOINT one')
  db.run('UPDATE t SET body = hex(randomblob(400))')
  db.control('SAVEPOINT two')
  db.run('DELETE FROM t')
  db.run('ROLLBACK TO two')
  db.run('ROLLBACK TO one')
  expect(() => db.run('INSERT INTO t SELECT id + 400, body FROM t')).toThrow(/UNIQUE/)
  db.run('RELEASE one')
  db.control('COMMIT')
  expect(space.commits.length).toBe(length + 1)
  const rows = db.all('SELECT count(*) AS n, max(length(body)) AS size FROM t')
  expect(rows).toEqual([{ n: 500, size: 400 }])
  expect(integrity(db)).toBe('ok')
  close()
})

test('a large transaction that spills is one record of the final pages', async () => {
  const { space, db, close } = await open()
  db.exec('PRAGMA cache_size = 10; CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT)')
  const { length } = space.commits
  db.control('BEGIN')
  for (let id = 0; id < 100_000; id++) db.run('INSERT INTO t VALUES (?, ?)', [id, `row ${id}`])
  db.control('COMMIT')
  expect(space.commits.length).toBe(length + 1)
  expect(db.all('SELECT count(*) AS n, sum(id) AS s FROM t')).toEqual([
    { n: 100_000, s: 4999950000 },
  ])
  expect(integrity(db)).toBe('ok')
  close()
})

test('VACUUM is one record, shrinks the database and leaves no page above its count', async () => {
  const { space, db, close } = await openWithFreeList()
  const { length } = space.commits
  const countBefore = space.pages.pageCount(space.pages.version)
  db.run('VACUUM')
  const count = space.pages.pageCount(space.pages.version)
  expect(space.commits.length).toBe(length + 1)
  expect(count).toBeLessThan(countBefore / 10)
  expect(Math.max(...(space.commits.at(-1)?.changes.keys() ?? []))).toBeLessThanOrEqual(count)
  expect(space.commits.at(-1)?.tables).toEqual([])
  expect(db.all('SELECT * FROM kept')).toEqual([{ id: 1 }])
  expect(integrity(db)).toBe('ok')
  close()
})

test('a page is in the record only when its bytes differ', async () => {
  const { space, db, close } = await open()
  db.exec(
    'CREATE TABLE a (x); CREATE TABLE b (x); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)',
  )
  db.control('BEGIN; UPDATE a SET x = x; UPDATE b SET x = 2; COMMIT')
  expect([...(space.commits.at(-1)?.changes.keys() ?? [])].sort()).toEqual([1, 3])
  close()
})

test('images given to commit are never written to again', async () => {
  const { space, db, close } = await open()
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT)')
  db.run('INSERT INTO t VALUES (1, ?)', ['first'])
  const images = [...(space.commits.at(-1)?.changes.values() ?? [])]
  const copies = images.map((image) => image.slice())
  for (let turn = 0; turn < 20; turn++) db.run('UPDATE t SET body = ?', [`turn ${turn}`])
  expect(images).toEqual(copies)
  close()
})

test('current_timestamp is the time of the host', async () => {
  const { db, close } = await open()
  expect(db.all('SELECT current_timestamp AS t')).toEqual([{ t: '2026-01-01 00:00:00' }])
  close()
})

test('FTS5 and JSON work from triggers and views, although the schema is not trusted', async () => {
  const { space, db, close } = await open()
  db.exec(`CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT, tags TEXT);
    CREATE VIRTUAL TABLE search USING fts5 (body, content = 'note', content_rowid = 'id');
    CREATE TRIGGER added AFTER INSERT ON note
      BEGIN INSERT INTO search (rowid, body) VALUES (new.id, new.body); END;
    CREATE VIEW tag AS SELECT note.id, j.value AS name FROM note, json_each(note.tags) j;
    CREATE VIRTUAL TABLE place USING rtree (id, x0, x1);
    CREATE TRIGGER placed AFTER INSERT ON note BEGIN INSERT INTO place VALUES (new.id, 1, 2); END`)
  db.run('INSERT INTO note VALUES (?, ?, ?)', [1, 'salt and water', '["sea"]'])
  expect(space.commits.at(-1)?.tables).toEqual(expect.arrayContaining(['note', 'place', 'search']))
  const found = db.all(
    "SELECT note.id FROM search JOIN note ON note.id = search.rowid WHERE search MATCH 'water'",
  )
  expect(found).toEqual([{ id: 1 }])
  expect(db.all('SELECT * FROM tag')).toEqual([{ id: 1, name: 'sea' }])
  expect(db.describe('SELECT * FROM tag')).toMatchObject({ reads: ['note'] })
  close()
})
