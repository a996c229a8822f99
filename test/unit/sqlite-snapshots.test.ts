/** Proves: connections see stable snapshots and one another's commits; pages that change under SQLite
 *  (applied frames, a cut tail, an installed snapshot) never leave a stale cache behind. */

import { expect, test } from 'vitest'
import { equalBytes } from '../../src/bytes/compare.ts'
import type { Engine } from '../../src/sqlite/engine.ts'
import {
  createStockFile,
  createTestEngine,
  createTestSpace,
  pageSizeOf,
  readFile,
  type TestSpace,
} from './sqlite-fixtures.ts'

async function open(sql: string): Promise<{ space: TestSpace; engine: Engine }> {
  const space = await createTestSpace()
  const engine = await createTestEngine(space)
  const setup = engine.connect('writer')
  setup.exec(sql)
  setup.close()
  return { space, engine }
}

/** All pages of a file as one change, as an installed snapshot or a rebuilt tail would bring them. */
function pagesOf(file: Uint8Array): Map<number, Uint8Array> {
  const pageSize = pageSizeOf(file)
  const pages = new Map<number, Uint8Array>()
  for (let at = 0; at < file.byteLength; at += pageSize) {
    pages.set(at / pageSize + 1, file.slice(at, at + pageSize))
  }
  return pages
}

function overwrite(space: TestSpace, file: Uint8Array): void {
  const pages = pagesOf(file)
  space.pages.commit(pages, pages.size, pageSizeOf(file))
}

const TABLE = 'CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT);'
const ROWS = `${TABLE} WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
  INSERT INTO t SELECT i, 'old ' || hex(zeroblob(50)) FROM n`

test('a reader keeps its snapshot over commits of the writer and then sees the newest', async () => {
  const { space, engine } = await open(ROWS)
  const writer = engine.connect('writer')
  const reader = engine.connect('reader')
  reader.control('PRAGMA cache_size = 5; BEGIN')
  const count = "SELECT count(*) AS n FROM t WHERE body LIKE 'old %'"
  expect(reader.all(count)).toEqual([{ n: 3000 }])
  writer.run("UPDATE t SET body = 'new ' || id")
  writer.run('DELETE FROM t WHERE id > 100')
  writer.run('VACUUM')
  expect(reader.all(count)).toEqual([{ n: 3000 }])
  expect(reader.all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
  reader.control('COMMIT')
  expect(reader.all(count)).toEqual([{ n: 0 }])
  expect(reader.all('SELECT count(*) AS n FROM t')).toEqual([{ n: 100 }])
  engine.close()
  expect(space.pinCount()).toBe(0)
})

test('a reader sees each commit of the writer at once', async () => {
  const { engine } = await open(TABLE)
  const writer = engine.connect('writer')
  const reader = engine.connect('reader')
  for (let id = 1; id <= 200; id++) {
    writer.run('INSERT INTO t VALUES (?, ?)', [id, 'x'])
    expect(reader.all('SELECT count(*) AS n FROM t')).toEqual([{ n: id }])
  }
  engine.close()
})

test('uncommitted pages are seen by their writer only, spilled or not', async () => {
  const { engine } = await open(ROWS)
  const writer = engine.connect('writer')
  const reader = engine.connect('reader')
  writer.control("PRAGMA cache_size = 5; BEGIN; UPDATE t SET body = 'new'")
  expect(writer.all("SELECT count(*) AS n FROM t WHERE body = 'new'")).toEqual([{ n: 3000 }])
  expect(reader.all("SELECT count(*) AS n FROM t WHERE body = 'new'")).toEqual([{ n: 0 }])
  writer.control('ROLLBACK')
  expect(writer.all("SELECT count(*) AS n FROM t WHERE body = 'new'")).toEqual([{ n: 0 }])
  engine.close()
})

test('a second writer is SQLITE_BUSY until the first is done', async () => {
  const { engine } = await open(TABLE)
  const first = engine.connect('writer')
  const second = engine.connect('writer')
  first.control('BEGIN IMMEDIATE')
  const failure = { code: 'ErrSql', retry: 'later', sqlite: { name: 'SQLITE_BUSY' } }
  expect(() => second.run("INSERT INTO t VALUES (1, 'x')")).toThrow(
    expect.objectContaining({ ...failure, sqlite: expect.objectContaining(failure.sqlite) }),
  )
  first.control('COMMIT')
  second.run("INSERT INTO t VALUES (1, 'x')")
  engine.close()
})

test('a write on a snapshot that is no longer the newest is SQLITE_BUSY_SNAPSHOT', async () => {
  const { space, engine } = await open(TABLE)
  const first = engine.connect('writer')
  const second = engine.connect('writer')
  first.control('BEGIN')
  first.all('SELECT * FROM t')
  second.run("INSERT INTO t VALUES (1, 'x')")
  const { length } = space.commits
  expect(() => first.run("INSERT INTO t VALUES (2, 'y')")).toThrow(
    expect.objectContaining({
      sqlite: { code: 5, extendedCode: 517, name: 'SQLITE_BUSY_SNAPSHOT' },
    }),
  )
  first.control('ROLLBACK')
  first.run("INSERT INTO t VALUES (2, 'y')")
  expect(space.commits.length).toBe(length + 1)
  engine.close()
})

test('a reader connection cannot write but can use temporary tables', async () => {
  const { space, engine } = await open(TABLE)
  const reader = engine.connect('reader')
  const { length } = space.commits
  expect(() => reader.run("INSERT INTO t VALUES (1, 'x')")).toThrow(
    expect.objectContaining({ code: 'ErrReadOnly' }),
  )
  expect(reader.inTransaction).toBe(false)
  reader.exec('CREATE TEMP TABLE mine (x); INSERT INTO mine VALUES (1)')
  expect(reader.all('SELECT * FROM mine')).toEqual([{ x: 1 }])
  expect(space.commits.length).toBe(length)
  engine.close()
})

test('on a follower every write is refused, even before its first frame, and reads go on', async () => {
  const space = await createTestSpace()
  space.isReadOnly = true
  const engine = await createTestEngine(space)
  const db = engine.connect('writer')
  const readOnly = expect.objectContaining({
    code: 'ErrReadOnly',
    sqlite: { code: 8, extendedCode: 8, name: 'SQLITE_READONLY' },
  })
  expect(() => db.run('CREATE TABLE t (x)')).toThrow(readOnly)
  expect(db.all('SELECT count(*) AS n FROM sqlite_schema')).toEqual([{ n: 0 }])
  overwrite(space, await createStockFile(`PRAGMA page_size = 8192; ${TABLE}`))
  expect(() => db.run("INSERT INTO t VALUES (1, 'x')")).toThrow(readOnly)
  expect(() => db.control('BEGIN IMMEDIATE')).toThrow(readOnly)
  db.exec('CREATE TEMP TABLE mine AS SELECT * FROM t; INSERT INTO mine VALUES (1, 2)')
  expect(db.all('SELECT id FROM mine')).toEqual([{ id: 1 }])
  expect(space.commits.length).toBe(0)
  engine.close()
})

test('frames applied on a follower make its pages identical and its open readers coherent', async () => {
  const source = await createTestSpace()
  const sourceEngine = await createTestEngine(source)
  const writer = sourceEngine.connect('writer')
  const target = await createTestSpace()
  target.isReadOnly = true
  const targetEngine = await createTestEngine(target)
  const reader = targetEngine.connect('reader')
  const held = targetEngine.connect('reader')
  writer.exec(TABLE)
  let applied = 0
  const apply = (): void => {
    for (const commit of source.commits.slice(applied)) {
      target.pages.commit(commit.changes, commit.pageCount, commit.pageSize)
    }
    applied = source.commits.length
  }
  apply()
  held.control('BEGIN')
  expect(held.all('SELECT count(*) AS n FROM t')).toEqual([{ n: 0 }])
  for (let id = 1; id <= 100; id++) {
    writer.run('INSERT INTO t (id, body) VALUES (?, ?)', [id, `body ${id}`])
    if (id === 50) writer.run('ALTER TABLE t ADD COLUMN extra DEFAULT 7')
    apply()
    const newest = reader.all('SELECT * FROM t ORDER BY id DESC LIMIT 1')[0]
    expect(newest).toEqual({ id, body: `body ${id}`, ...(id < 50 ? {} : { extra: 7 }) })
  }
  expect(held.all('SELECT count(*) AS n FROM t')).toEqual([{ n: 0 }])
  expect(equalBytes(readFile(target.pages), readFile(source.pages))).toBe(true)
  sourceEngine.close()
  targetEngine.close()
})

test('pages replaced with an equal change counter leave no stale cache in any connection', async () => {
  const make = (body: string): Promise<Uint8Array> =>
    createStockFile(`PRAGMA page_size = 8192; ${TABLE} INSERT INTO t VALUES (1, '${body}')`)
  const [kept, lost] = [await make('kept'), await make('lost')]
  const space = await createTestSpace()
  overwrite(space, lost)
  const engine = await createTestEngine(space)
  const writer = engine.connect('writer')
  const reader = engine.connect('reader')
  expect(equalBytes(kept.subarray(24, 40), lost.subarray(24, 40))).toBe(true)
  expect(writer.all('SELECT body FROM t')).toEqual([{ body: 'lost' }])
  expect(reader.all('SELECT body FROM t')).toEqual([{ body: 'lost' }])
  overwrite(space, kept)
  writer.run("INSERT INTO t VALUES (2, 'next')")
  const rows = [{ body: 'kept' }, { body: 'next' }]
  expect(writer.all('SELECT body FROM t ORDER BY id')).toEqual(rows)
  expect(reader.all('SELECT body FROM t ORDER BY id')).toEqual(rows)
  engine.close()
})

test('resetCaches drops a parsed schema whose cookie is equal, inside a transaction too', async () => {
  const make = (sql: string): Promise<Uint8Array> =>
    createStockFile(`PRAGMA page_size = 8192; ${sql}`)
  const lost = await make('CREATE TABLE a (x, y); INSERT INTO a VALUES (1, 2)')
  const kept = await make('CREATE TABLE b (z, w); INSERT INTO b VALUES (3, 4)')
  const space = await createTestSpace()
  overwrite(space, lost)
  const engine = await createTestEngine(space)
  const writer = engine.connect('writer')
  const reader = engine.connect('reader')
  expect(writer.all('SELECT * FROM a')).toEqual([{ x: 1, y: 2 }])
  reader.control('BEGIN')
  expect(reader.all('SELECT * FROM a')).toEqual([{ x: 1, y: 2 }])
  overwrite(space, kept)
  engine.resetCaches()
  expect(reader.all('SELECT x FROM a')).toEqual([{ x: 1 }])
  reader.control('COMMIT')
  for (const db of [reader, writer]) {
    expect(db.all('SELECT * FROM b')).toEqual([{ z: 3, w: 4 }])
    expect(() => db.all('SELECT * FROM a')).toThrow(/no such table/)
  }
  engine.close()
})

test('a database replaced by one of another page size is read and written with it', async () => {
  const space = await createTestSpace(
    await createStockFile(`PRAGMA page_size = 8192; ${TABLE} INSERT INTO t VALUES (1, 'old')`),
  )
  const engine = await createTestEngine(space)
  const db = engine.connect('writer')
  expect(db.all('SELECT body FROM t')).toEqual([{ body: 'old' }])
  const next = await createStockFile(`PRAGMA page_size = 512; ${ROWS}`)
  space.replaceFile(next)
  engine.resetCaches()
  expect(db.all('SELECT count(*) AS n FROM t')).toEqual([{ n: 3000 }])
  db.run("INSERT INTO t VALUES (9999, 'x')")
  expect(space.commits.at(-1)?.pageSize).toBe(512)
  expect(db.all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
  engine.close()
})

test('a reader of a snapshot that was given up gets ErrSnapshotTooOld, then reads on', async () => {
  const { space, engine } = await open(ROWS)
  const reader = engine.connect('reader')
  reader.control('PRAGMA cache_size = 1; BEGIN')
  reader.all('SELECT * FROM t WHERE id = 1')
  space.replaceFile(await createStockFile(`PRAGMA page_size = 8192; ${TABLE}`))
  expect(() => reader.all('SELECT * FROM t')).toThrow(
    expect.objectContaining({ code: 'ErrSnapshotTooOld' }),
  )
  expect(reader.inTransaction).toBe(false)
  engine.resetCaches()
  expect(reader.all('SELECT * FROM t')).toEqual([])
  engine.close()
})

test('stock files of other page sizes, with pages freed in the same transaction, are read and written', async () => {
  for (const pageSize of [512, 1024, 4096, 65536]) {
    const stock = await createStockFile(
      `PRAGMA page_size = ${pageSize}; PRAGMA auto_vacuum = incremental; ${ROWS}`,
    )
    const space = await createTestSpace(stock)
    const engine = await createTestEngine(space)
    const db = engine.connect('writer')
    db.run('DELETE FROM t WHERE id > 10')
    const count = space.pages.pageCount(space.pages.version)
    db.control(
      'PRAGMA cache_size = 3; BEGIN; UPDATE t SET body = hex(zeroblob(20000)); DELETE FROM t; PRAGMA incremental_vacuum; COMMIT',
    )
    const after = space.pages.pageCount(space.pages.version)
    expect(after).toBeLessThan(count)
    expect(Math.max(...(space.commits.at(-1)?.changes.keys() ?? []))).toBeLessThanOrEqual(after)
    expect(db.all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
    expect(db.all('PRAGMA page_size')).toEqual([{ page_size: pageSize }])
    engine.close()
  }
})

test('pages that change beside an open write transaction fail its commit', async () => {
  const { space, engine } = await open(TABLE)
  const db = engine.connect('writer')
  db.control("BEGIN; INSERT INTO t VALUES (1, 'mine')")
  overwrite(space, await createStockFile(`PRAGMA page_size = 8192; ${TABLE}`))
  const { length } = space.commits
  expect(() => db.control('COMMIT')).toThrow(/beside an open write transaction/)
  expect(space.commits.length).toBe(length)
  expect(db.all('SELECT count(*) AS n FROM t')).toEqual([{ n: 0 }])
  engine.close()
})
