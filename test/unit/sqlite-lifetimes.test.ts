/** Proves: opening, closing and callbacks in the middle of things leave nothing behind and harm nobody
 *  else. */

import { expect, test } from 'vitest'
import { isFailure } from '../../src/base/failure.ts'
import { createMemoryFile, createTestEngine, createTestSpace } from './sqlite-fixtures.ts'

const FILL = `CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT);
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
  INSERT INTO t SELECT i, hex(randomblob(100)) FROM n`

test('closing in the middle of a spilled transaction commits nothing and frees every block', async () => {
  const space = await createTestSpace()
  const spill = await createMemoryFile()
  const engine = await createTestEngine(space, { spill, transientMemoryBytesMax: 0 })
  const db = engine.connect('writer')
  db.exec(FILL)
  const { length } = space.commits
  db.control("PRAGMA cache_size = 3; BEGIN; UPDATE t SET body = 'x' || body")
  expect(spill.size()).toBeGreaterThan(0)
  db.close()
  expect(space.commits.length).toBe(length)
  expect(space.pinCount()).toBe(0)
  expect(spill.size()).toBe(0)
  expect(engine.connect('writer').all("SELECT 1 FROM t WHERE body LIKE 'x%'")).toEqual([])
  engine.close()
})

test('a transaction left open does not block another writer once its connection is closed', async () => {
  const engine = await createTestEngine(await createTestSpace())
  const first = engine.connect('writer')
  const second = engine.connect('writer')
  first.control('CREATE TABLE t (x); BEGIN IMMEDIATE')
  expect(() => second.run('INSERT INTO t VALUES (1)')).toThrow(/SQLITE_BUSY/)
  first.close()
  second.run('INSERT INTO t VALUES (1)')
  engine.close()
})

test('bytes that are no database are refused at the first statement, not taken for an empty one', async () => {
  const garbage = new Uint8Array(16384).fill(0x41)
  garbage.set([0x20, 0x00], 16)
  const space = await createTestSpace(garbage)
  const engine = await createTestEngine(space)
  const attempt = (): unknown => engine.connect('writer').all('SELECT * FROM sqlite_schema')
  expect(attempt).toThrow(/SQLITE_NOTADB/)
  engine.close()
  expect(space.pinCount()).toBe(0)
})

test('a closed engine answers ErrClosed', async () => {
  const engine = await createTestEngine(await createTestSpace())
  const db = engine.connect('writer')
  engine.close()
  for (const call of [() => engine.connect('reader'), () => db.all('SELECT 1')]) {
    expect(call).toThrow(expect.objectContaining({ code: 'ErrClosed' }))
  }
})

test('another connection may read inside a commit, and sees the state before it', async () => {
  const space = await createTestSpace()
  const engine = await createTestEngine(space)
  const writer = engine.connect('writer')
  const reader = engine.connect('reader')
  writer.run('CREATE TABLE t (a, b)')
  const commit = space.commit
  const long = 'y'.repeat(1000)
  let inside: unknown
  space.commit = (transaction) => {
    inside = reader.all('SELECT count(*) AS n, ? AS v FROM t', [long])
    commit(transaction)
  }
  const values = ['x'.repeat(100), 'z'.repeat(100)]
  const rows = writer.all('INSERT INTO t VALUES (?, ?) RETURNING a, b', values)
  expect(rows).toEqual([{ a: values[0], b: values[1] }])
  expect(inside).toEqual([{ n: 0, v: long }])
  expect(reader.all('SELECT a, b FROM t')).toEqual(rows)
  engine.close()
})

test('a callback that uses the connection it runs in fails, and the commit with it', async () => {
  const space = await createTestSpace()
  const engine = await createTestEngine(space)
  const db = engine.connect('writer')
  db.run('CREATE TABLE t (x)')
  const commit = space.commit
  space.commit = () => void db.all('SELECT 1')
  let failure: unknown
  try {
    db.run('INSERT INTO t VALUES (1)')
  } catch (error) {
    failure = error
  }
  expect(isFailure(failure, 'ErrInternal')).toBe(true)
  space.commit = commit
  expect(db.all('SELECT * FROM t')).toEqual([])
  db.run('INSERT INTO t VALUES (2)')
  expect(db.all('SELECT * FROM t')).toEqual([{ x: 2 }])
  engine.close()
})

test('resetCaches inside a commit waits until the statement is done', async () => {
  const space = await createTestSpace()
  const engine = await createTestEngine(space)
  const db = engine.connect('writer')
  const commit = space.commit
  space.commit = (transaction) => {
    commit(transaction)
    engine.resetCaches()
  }
  db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)')
  expect(db.all('SELECT * FROM t')).toEqual([{ x: 1 }])
  engine.close()
})
