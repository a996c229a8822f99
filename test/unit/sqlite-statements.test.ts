/** Proves: statements are compiled, cached, described and stopped as the seam says. */

import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ConstelliteError } from '../../src/base/failure.ts'
import type { Engine, SqlConnection } from '../../src/sqlite/engine.ts'
import { createTestEngine, createTestSpace, type TestSpace } from './sqlite-fixtures.ts'

let space: TestSpace
let engine: Engine
let db: SqlConnection

beforeEach(async () => {
  space = await createTestSpace()
  engine = await createTestEngine(space, { statementsMax: 4 })
  db = engine.connect('writer')
})

afterEach(() => engine.close())

function failureOf(work: () => unknown): ConstelliteError {
  try {
    work()
  } catch (error) {
    return error as ConstelliteError
  }
  throw new Error('Nothing was thrown.')
}

test('of columns with one name none is lost', () => {
  expect(db.all('SELECT 1 AS x, 2 AS x, 3 AS "x:1", 4 AS x')).toEqual([
    { x: 1, 'x:1': 2, 'x:1:1': 3, 'x:2': 4 },
  ])
  const row = db.all('SELECT 1 AS "__proto__"')[0]
  expect(Object.entries(row ?? {})).toEqual([['__proto__', 1]])
})

test('a cached statement follows a changed schema', () => {
  db.exec('CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 2)')
  const sql = 'SELECT * FROM t'
  expect(db.all(sql)).toEqual([{ a: 1, b: 2 }])
  db.exec('ALTER TABLE t RENAME COLUMN b TO c')
  expect(db.all(sql)).toEqual([{ a: 1, c: 2 }])
  db.exec('ALTER TABLE t ADD COLUMN d DEFAULT 3')
  expect(db.all(sql)).toEqual([{ a: 1, c: 2, d: 3 }])
})

test('more texts than the cache holds are compiled again and stay right', () => {
  db.exec('CREATE TABLE t (x)')
  for (let round = 0; round < 3; round++) {
    for (let id = 0; id < 10; id++) expect(db.all(`SELECT ${id} AS n`)).toEqual([{ n: id }])
  }
})

test('run answers the changes of its own statement', () => {
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x)')
  expect(db.run('INSERT INTO t (x) VALUES (1), (2), (3)')).toEqual({
    changes: 3,
    lastInsertRowid: 3,
  })
  expect(db.run('CREATE TABLE other (x)').changes).toBe(0)
  expect(db.run('SELECT * FROM t').changes).toBe(0)
  expect(db.run('UPDATE t SET x = 0 WHERE id > 1').changes).toBe(2)
  expect(db.run('DELETE FROM t WHERE id = 77').changes).toBe(0)
  expect(db.run('INSERT INTO t VALUES (9007199254740993, 1)').lastInsertRowid).toBe(
    9007199254740993n,
  )
  expect(db.all('INSERT INTO t VALUES (70, 1) RETURNING id')).toEqual([{ id: 70 }])
})

test('a text of several statements, of none, or with NUL is refused by run and all', () => {
  db.run('CREATE TABLE t (x)')
  for (const sql of [
    'SELECT 1; SELECT 2',
    'INSERT INTO t VALUES (1); garbage',
    '',
    '-- only',
    ';',
  ]) {
    for (const call of [() => db.run(sql), () => db.all(sql)]) {
      expect(failureOf(call).code).toBe('ErrRefused')
    }
  }
  expect(failureOf(() => db.run('SELECT 1; SELECT 2')).hint).toMatch(/exec\(\)/)
  expect(failureOf(() => db.run('SELECT 1 --\0')).message).toMatch(/NUL/)
  expect(db.all('SELECT count(*) AS n FROM t')).toEqual([{ n: 0 }])
  expect(db.all(' ; /* a */ SELECT 1 AS x -- end\n ; /* tail')).toEqual([{ x: 1 }])
})

test('exec runs all statements up to a failure and keeps what came before', () => {
  db.exec("-- comment\nCREATE TABLE t (x); INSERT INTO t VALUES ('a;b'); ;; SELECT 1; -- end")
  const failure = failureOf(() =>
    db.exec('INSERT INTO t VALUES (1); INSERT INTO nowhere VALUES (1)'),
  )
  expect(failure.message).toMatch(/no such table: nowhere/)
  expect(db.all('SELECT x FROM t')).toEqual([{ x: 'a;b' }, { x: 1 }])
})

test("failures carry SQLite's codes and the offset of the error", () => {
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x NOT NULL CHECK (x > 0))')
  const codes = (sql: string): unknown => failureOf(() => db.run(sql)).sqlite
  expect(codes('INSERT INTO t VALUES (1, NULL)')).toEqual({
    code: 19,
    extendedCode: 1299,
    name: 'SQLITE_CONSTRAINT_NOTNULL',
  })
  expect(codes('INSERT INTO t VALUES (1, -1)')).toMatchObject({ name: 'SQLITE_CONSTRAINT_CHECK' })
  const failure = failureOf(() => db.run('SELECT nothing FROM t'))
  expect(failure).toMatchObject({ code: 'ErrSql', retry: 'never', facts: { sqlOffset: 7 } })
  expect(failure.sqlite).toEqual({ code: 1, extendedCode: 1, name: 'SQLITE_ERROR' })
})

test('describe names tables behind views, triggers, subqueries and foreign keys', () => {
  db.exec(`
    PRAGMA foreign_keys = ON;
    CREATE TABLE a (id INTEGER PRIMARY KEY, x) ;
    CREATE TABLE b (id INTEGER PRIMARY KEY REFERENCES a ON DELETE CASCADE);
    CREATE TABLE w (k PRIMARY KEY, v) WITHOUT ROWID;
    CREATE TABLE log (what);
    CREATE VIEW v AS SELECT a.x, w.v FROM a JOIN w ON w.k = a.id;
    CREATE TRIGGER ins INSTEAD OF INSERT ON v BEGIN INSERT INTO w VALUES (new.x, new.v); END;
    CREATE TRIGGER logged AFTER DELETE ON a BEGIN INSERT INTO log SELECT count(*) FROM w; END;
    CREATE TEMP TABLE mine (x)`)
  expect(db.describe('SELECT * FROM v')).toEqual({
    reads: ['a', 'w'],
    writes: [],
    isReadOnly: true,
  })
  expect(db.describe('SELECT count(*) FROM A')).toMatchObject({ reads: ['a'] })
  expect(db.describe('SELECT count(*) FROM v')).toMatchObject({ reads: ['a', 'w'] })
  expect(db.describe('SELECT (SELECT max(k) FROM w), e.value FROM json_each(?) e')).toMatchObject({
    reads: ['w'],
  })
  expect(db.describe('INSERT INTO v VALUES (1, 2)')).toMatchObject({
    writes: ['w'],
    isReadOnly: false,
  })
  expect(db.describe('DELETE FROM a WHERE id = ?')).toMatchObject({
    reads: ['a', 'b', 'w'],
    writes: ['a', 'b', 'log'],
  })
  expect(db.describe('INSERT INTO mine SELECT x FROM a')).toMatchObject({
    reads: ['a'],
    writes: [],
  })
  expect(db.describe('WITH c AS (SELECT * FROM a) SELECT * FROM c')).toMatchObject({ reads: ['a'] })
  const { length } = space.commits
  db.describe('DROP TABLE a')
  expect(space.commits.length).toBe(length)
})

test('describe counts the shadow tables of a virtual table as that table', () => {
  db.exec(`CREATE VIRTUAL TABLE search USING fts5 (body); CREATE VIRTUAL TABLE search_x USING fts5 (b);
    CREATE TABLE search_note (x)`)
  expect(db.describe('SELECT * FROM search WHERE search MATCH ?')).toMatchObject({
    reads: ['search'],
  })
  expect(db.describe('SELECT * FROM search_content')).toMatchObject({ reads: ['search'] })
  expect(db.describe('SELECT * FROM search_x_data')).toMatchObject({ reads: ['search_x'] })
  expect(db.describe('SELECT * FROM search_note')).toMatchObject({ reads: ['search_note'] })
  expect(db.describe("INSERT INTO search VALUES ('x')")).toMatchObject({ writes: ['search'] })
})

test('describe follows a changed schema', () => {
  db.exec('CREATE TABLE a (x); CREATE TABLE b (x); CREATE VIEW v AS SELECT * FROM a')
  expect(db.describe('SELECT * FROM v')).toMatchObject({ reads: ['a'] })
  db.exec('DROP VIEW v; CREATE VIEW v AS SELECT * FROM b')
  expect(db.describe('SELECT * FROM v')).toMatchObject({ reads: ['b'] })
})

const ENDLESS =
  'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'

test('shouldStop interrupts a statement that never ends, and the connection stays usable', () => {
  let questions = 0
  const bounded = engine.connect('reader', { shouldStop: () => ++questions > 3 })
  const failure = failureOf(() => bounded.all(ENDLESS))
  expect(failure).toMatchObject({
    code: 'ErrAborted',
    sqlite: { code: 9, name: 'SQLITE_INTERRUPT' },
  })
  expect(questions).toBe(4)
  questions = -1000
  expect(bounded.all('SELECT 1 AS x')).toEqual([{ x: 1 }])
})

test('an exception from shouldStop stops the statement and is its cause', () => {
  const bounded = engine.connect('reader', {
    shouldStop: () => {
      throw new RangeError('from the callback')
    },
  })
  const failure = failureOf(() => bounded.all(ENDLESS))
  expect(failure.message).toMatch(/from the callback/)
})

test('interrupt stops the statement that runs, from a callback', () => {
  const bounded: SqlConnection = engine.connect('writer', {
    shouldStop: () => {
      bounded.interrupt()
      return false
    },
  })
  bounded.control('CREATE TABLE t (x); BEGIN; INSERT INTO t VALUES (1)')
  expect(failureOf(() => bounded.all(ENDLESS)).code).toBe('ErrAborted')
  expect(bounded.inTransaction).toBe(true)
  bounded.control('COMMIT')
  expect(bounded.all('SELECT * FROM t')).toEqual([{ x: 1 }])
})

test('a closed connection answers ErrClosed, and closing twice is harmless', () => {
  db.close()
  db.close()
  for (const call of [
    () => db.run('SELECT 1'),
    () => db.all('SELECT 1'),
    () => db.exec('SELECT 1'),
  ]) {
    expect(failureOf(call).code).toBe('ErrClosed')
  }
  expect(db.inTransaction).toBe(false)
})
