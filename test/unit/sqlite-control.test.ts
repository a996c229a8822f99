/** Proves: SQL text cannot begin or end a transaction, wherever in it the statement stands; savepoints
 *  work inside a transaction that the program began, and make none of their own. */

import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ConstelliteError } from '../../src/base/failure.ts'
import type { Engine, SqlConnection } from '../../src/sqlite/engine.ts'
import { createTestEngine, createTestSpace, refusalOf, type TestSpace } from './sqlite-fixtures.ts'

let space: TestSpace
let engine: Engine
let db: SqlConnection

beforeEach(async () => {
  space = await createTestSpace()
  engine = await createTestEngine(space)
  db = engine.connect('writer')
  db.run('CREATE TABLE t (x)')
})

afterEach(() => engine.close())

const refusal = (work: () => unknown): ConstelliteError => refusalOf('ErrTransaction', work)

const ENDS = ['COMMIT', 'end transaction', '/* x */ ROLLBACK', '-- x\nROLLBACK TRANSACTION']
const BEGINS = ['BEGIN', 'begin immediate', ';; BEGIN EXCLUSIVE TRANSACTION']
const SAVEPOINTS = [
  'SAVEPOINT a',
  'RELEASE a',
  'ROLLBACK TO a',
  'ROLLBACK TRANSACTION TO SAVEPOINT a',
]

test.each([...ENDS, ...BEGINS, ...SAVEPOINTS])('%s is refused outside a transaction', (sql) => {
  const { length } = space.commits
  for (const call of [() => db.run(sql), () => db.all(sql), () => db.exec(sql)]) {
    expect(refusal(call).hint).toContain('db.transaction')
    expect(db.inTransaction).toBe(false)
  }
  expect(refusal(() => db.exec(`INSERT INTO t VALUES (1); ${sql}; DELETE FROM t`)).hint).not.toBe(
    '',
  )
  expect(db.inTransaction).toBe(false)
  expect(db.all('SELECT x FROM t')).toEqual([{ x: 1 }])
  expect(space.commits.length).toBe(length + 1)
})

test.each([...ENDS, ...BEGINS])('%s is refused inside a transaction, which goes on', (sql) => {
  const { length } = space.commits
  db.control('BEGIN IMMEDIATE')
  for (const call of [() => db.run(sql), () => db.all(sql), () => db.exec(`SELECT 1; ${sql}`)]) {
    expect(refusal(call).hint).toContain('savepoint')
    expect(db.inTransaction).toBe(true)
  }
  refusal(() => db.exec(`INSERT INTO t VALUES (1); ${sql}; BEGIN`))
  expect(db.inTransaction).toBe(true)
  expect(space.commits.length).toBe(length)
  db.control('ROLLBACK')
  expect(db.all('SELECT x FROM t')).toEqual([])
  expect(space.commits.length).toBe(length)
})

test('savepoints inside a transaction work and never end it', () => {
  const { length } = space.commits
  db.control('BEGIN IMMEDIATE')
  db.exec('SAVEPOINT a; INSERT INTO t VALUES (1); SAVEPOINT b; INSERT INTO t VALUES (2)')
  db.run('ROLLBACK TO b')
  db.run('RELEASE a')
  expect(db.inTransaction).toBe(true)
  expect(space.commits.length).toBe(length)
  db.control('COMMIT')
  expect(db.all('SELECT x FROM t')).toEqual([{ x: 1 }])
  expect(space.commits.length).toBe(length + 1)
})

test('a savepoint compiled inside a transaction is refused outside, though it is kept compiled', () => {
  db.control('BEGIN')
  db.run('SAVEPOINT a')
  db.run('RELEASE a')
  db.control('COMMIT')
  expect(refusal(() => db.run('SAVEPOINT a')).facts).toEqual({ statement: 'SAVEPOINT' })
  expect(db.inTransaction).toBe(false)
  db.control('BEGIN')
  db.run('SAVEPOINT a')
  db.control('COMMIT')
})

test('VACUUM, triggers and names with such words are no control statements', () => {
  db.exec(`CREATE TABLE "commit" (x); INSERT INTO "commit" VALUES ('COMMIT; ROLLBACK');
    CREATE TRIGGER "begin" AFTER INSERT ON t BEGIN INSERT INTO "commit" VALUES (new.x); END;
    INSERT INTO t VALUES (1); VACUUM`)
  expect(db.all('SELECT count(*) AS n FROM "commit"')).toEqual([{ n: 2 }])
})
