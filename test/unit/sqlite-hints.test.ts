/** Proves: every failure that SQLite reports comes with a hint for its kind, and a broken constraint
 *  with facts that say which and where. */

import { afterEach, beforeEach, expect, test } from 'vitest'
import { type ConstelliteError, isFailure } from '../../src/base/failure.ts'
import type { Engine, SqlConnection } from '../../src/sqlite/engine.ts'
import { hintFor } from '../../src/sqlite/hints.ts'
import { createTestEngine, createTestSpace } from './sqlite-fixtures.ts'

let engine: Engine
let db: SqlConnection

beforeEach(async () => {
  engine = await createTestEngine(await createTestSpace())
  db = engine.connect('writer')
  db.exec(`PRAGMA foreign_keys = ON;
    CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b TEXT, n INTEGER CHECK (n > 0),
      p REFERENCES t (id), CONSTRAINT both UNIQUE (a, b));
    CREATE TABLE s (x INTEGER) STRICT;
    CREATE TRIGGER kept BEFORE DELETE ON t BEGIN SELECT RAISE(ABORT, 'rows are kept'); END;
    INSERT INTO t (id, a, b) VALUES (1, 'a', 'b')`)
})

afterEach(() => engine.close())

function failureOf(sql: string): ConstelliteError {
  try {
    db.control(sql)
  } catch (error) {
    if (isFailure(error)) return error
    throw error
  }
  throw new Error(`Did not fail: ${sql}`)
}

const MISTAKES: readonly (readonly [string, RegExp])[] = [
  ['SELECT * FROM nowhere', /migrations.*follower/],
  ['DROP TABLE nowhere', /migrations/],
  ['SELECT absent FROM t', /single quotes/],
  ['INSERT INTO t (absent) VALUES (1)', /migration/],
  ['SELECT * FROM t WHERE a = "text"', /single quotes/],
  ['SELECT frobnicate(1)', /built in/],
  ['SELECT abs()', /SQLite/],
  ['SELEKT 1', /sqlOffset/],
  ['SELECT (1', /ends too early/],
  ["SELECT 'open", /sqlOffset/],
  ['SELECT 1 WHERE 1 IN ((1, 2))', /list\(\)/],
  ['CREATE TABLE t (x)', /IF NOT EXISTS/],
  ['CREATE UNIQUE INDEX both ON t (a); CREATE INDEX both ON t (a)', /IF NOT EXISTS/],
  ['BEGIN; VACUUM', /outside/],
  ["SELECT json('{')", /SQLite/],
]

test.each(MISTAKES)('%s fails with a hint for its kind', (sql, hint) => {
  const failure = failureOf(sql)
  expect(failure.code).toBe('ErrSql')
  expect(failure.sqlite?.code).toBe(1)
  expect(failure.hint).toMatch(hint)
})

const CONSTRAINTS: readonly (readonly [string, object, RegExp])[] = [
  ["INSERT INTO t (a, b) VALUES ('a', 'b')", { constraint: 'UNIQUE', on: 't.a, t.b' }, /CONFLICT/],
  ["INSERT INTO t (id, a) VALUES (1, 'c')", { constraint: 'UNIQUE', on: 't.id' }, /CONFLICT/],
  ['INSERT INTO t (b) VALUES (1)', { constraint: 'NOT NULL', on: 't.a' }, /DEFAULT/],
  ["INSERT INTO t (a, n) VALUES ('c', -1)", { constraint: 'CHECK', on: 'n > 0' }, /condition/],
  ["INSERT INTO t (a, p) VALUES ('c', 9)", { constraint: 'FOREIGN KEY' }, /parent/],
  ["INSERT INTO s VALUES ('x')", {}, /STRICT/],
  ['DELETE FROM t', {}, /trigger/],
]

test('a syntax error says where SQLite stopped', () => {
  expect(failureOf("SELECT 'ä', FROM t").facts).toEqual({ sqlOffset: 13 })
})

test.each(CONSTRAINTS)('%s names the constraint', (sql, facts, hint) => {
  const failure = failureOf(sql)
  expect(failure).toMatchObject({ code: 'ErrSql', sqlite: { code: 19 }, retry: 'never' })
  expect(failure.facts).toEqual(facts)
  expect(failure.hint).toMatch(hint)
})

test('a database at its page limit says which pragma set it', () => {
  db.exec('PRAGMA max_page_count = 8')
  const failure = failureOf(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
     INSERT INTO t (a) SELECT i || hex(zeroblob(200)) FROM n`,
  )
  expect(failure).toMatchObject({ code: 'ErrSql', sqlite: { code: 13 } })
  expect(failure.hint).toMatch(/max_page_count/)
})

test('values too large, and what the table does not know, have hints too', () => {
  expect(failureOf('SELECT zeroblob(1000000001)').hint).toMatch(/pieces/)
  expect(failureOf("INSERT INTO t (id, a) VALUES ('x', 'a')").hint).toMatch(/SQLite/)
})

test('damage points to verify, whether of a page or of the whole file', () => {
  for (const code of [11, 26]) expect(hintFor(code, 'file is not a database')).toMatch(/verify/)
})

test('no result code and no message is left without a hint', () => {
  for (let code = 1; code < 30; code++) {
    for (const message of ['', 'something new']) expect(hintFor(code, message)).not.toBe('')
  }
})
