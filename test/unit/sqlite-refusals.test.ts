/** Proves: what would change how commits are made is refused with its reason, what would change
 *  nothing is allowed, and raw page writes do not get through. */

import { afterEach, beforeEach, expect, test } from 'vitest'
import { type ConstelliteError, isFailure } from '../../src/base/failure.ts'
import type { Engine, SqlConnection } from '../../src/sqlite/engine.ts'
import {
  createStockFile,
  createTestEngine,
  createTestSpace,
  type TestSpace,
} from './sqlite-fixtures.ts'

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

function refusal(sql: string): ConstelliteError {
  for (const call of [() => db.exec(sql), () => db.run(sql), () => db.describe(sql)]) {
    try {
      call()
    } catch (error) {
      if (isFailure(error, 'ErrRefused')) return error
      throw error
    }
  }
  throw new Error(`Not refused: ${sql}`)
}

const REFUSED: readonly (readonly [string, RegExp])[] = [
  ['PRAGMA page_size = 4096', /page size/],
  ['PRAGMA main.page_size(4096)', /page size/],
  ['PRAGMA journal_mode = WAL', /journal/],
  ['PRAGMA journal_mode = off', /journal/],
  ["PRAGMA journal_mode = 'memory'", /journal/],
  ['PRAGMA synchronous = OFF', /flush/],
  ['PRAGMA Synchronous = 1', /flush/],
  ['PRAGMA locking_mode = EXCLUSIVE', /normal locking/],
  ['PRAGMA temp_store = MEMORY', /Temporary files/],
  ['PRAGMA encoding = "UTF-16"', /UTF-8/],
  ['PRAGMA auto_vacuum = full', /free pages/],
  ["ATTACH 'other.db' AS other", /ATTACH/],
  ["ATTACH ':memory:' AS other", /ATTACH/],
  ["ATTACH '' AS other", /ATTACH/],
  ["ATTACH 'file:x?vfs=memdb' AS other", /ATTACH/],
  ["ATTACH 'a' || 'b' AS other", /ATTACH/],
  ["CREATE TABLE copy AS SELECT load_extension('x')", /native libraries/],
]

test.each(REFUSED)('%s is refused with its reason', (sql, reason) => {
  const failure = refusal(sql)
  expect(failure.message).toMatch(reason)
  expect(failure.hint).not.toBe('')
  db.run('INSERT INTO t VALUES (1)')
  expect(db.all('SELECT count(*) AS n FROM t')).toEqual([{ n: 1 }])
})

test('VACUUM INTO is refused and points to export', () => {
  const { length } = space.commits
  for (const target of ["'copy.db'", "'copy' || '.db'", "'file:copy?vfs=memdb'"]) {
    const failure = refusal(`/* a comment */ VACUUM INTO ${target}`)
    expect(failure.message).toMatch(/VACUUM INTO/)
    expect(failure.hint).toMatch(/export\(\)/)
  }
  expect(space.commits.length).toBe(length)
  db.run('VACUUM')
  expect(space.commits.length).toBe(length + 1)
})

test('a pragma that changes nothing is allowed, and so is asking', () => {
  db.exec(`PRAGMA page_size = 8192; PRAGMA journal_mode = truncate; PRAGMA synchronous = FULL;
    PRAGMA synchronous = 2; PRAGMA locking_mode = normal; PRAGMA temp_store = FILE;
    PRAGMA encoding = 'UTF-8'; PRAGMA auto_vacuum = 0; PRAGMA auto_vacuum = NONE`)
  const value = (name: string): unknown => db.all(`PRAGMA ${name}`)[0]?.[name]
  expect(value('page_size')).toBe(8192)
  expect(value('journal_mode')).toBe('truncate')
  expect(value('synchronous')).toBe(2)
  expect(value('locking_mode')).toBe('normal')
  expect(value('temp_store')).toBe(1)
  expect(value('auto_vacuum')).toBe(0)
})

test('auto_vacuum is what the file says', async () => {
  const stock = await createStockFile('PRAGMA auto_vacuum = incremental; CREATE TABLE t (x)')
  const other = await createTestEngine(await createTestSpace(stock))
  const connection = other.connect('writer')
  connection.run('PRAGMA auto_vacuum = incremental')
  expect(() => connection.run('PRAGMA auto_vacuum = none')).toThrow(
    expect.objectContaining({ code: 'ErrRefused' }),
  )
  other.close()
})

test('other pragmas work', () => {
  db.exec('PRAGMA user_version = 7; PRAGMA cache_size = 100; PRAGMA foreign_keys = ON')
  expect(db.all('PRAGMA user_version')).toEqual([{ user_version: 7 }])
  expect(space.commits.at(-1)?.tables).toEqual([])
  expect(db.all('PRAGMA foreign_keys')).toEqual([{ foreign_keys: 1 }])
})

test('DEFENSIVE keeps raw page and schema writes out', () => {
  const { length } = space.commits
  expect(() => db.run('UPDATE sqlite_dbpage SET data = zeroblob(8192) WHERE pgno = 1')).toThrow()
  expect(() => db.run('DELETE FROM sqlite_schema')).toThrow(/may not be modified/)
  db.run('CREATE VIRTUAL TABLE search USING fts5 (body)')
  expect(() => db.run('DELETE FROM search_data')).toThrow(/may not be modified/)
  expect(space.commits.length).toBe(length + 1)
  expect(db.all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
})

test('a refusal inside a transaction leaves the transaction open', () => {
  db.control('BEGIN; INSERT INTO t VALUES (1)')
  refusal("ATTACH 'other.db' AS other")
  expect(db.inTransaction).toBe(true)
  db.control('COMMIT')
  expect(db.all('SELECT x FROM t')).toEqual([{ x: 1 }])
})
