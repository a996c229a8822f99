/** Proves: a commit that the page space refuses, or a temporary file that is full, rolls back cleanly:
 *  the caller sees the original failure with SQLite's codes, the database is as it was, the next
 *  commit works. */

import { expect, test } from 'vitest'
import { ConstelliteError, type FailureCode, isFailure } from '../../src/base/failure.ts'
import { equalBytes } from '../../src/bytes/compare.ts'
import type { SqlConnection } from '../../src/sqlite/engine.ts'
import { TRANSIENT_BLOCK_BYTES } from '../../src/sqlite/transient-file.ts'
import {
  createMemoryFile,
  createTestEngine,
  createTestSpace,
  failure,
  readFile,
  type TestSpace,
} from './sqlite-fixtures.ts'

type Bench = { readonly space: TestSpace; readonly db: SqlConnection; close(): void }

async function open(): Promise<Bench> {
  const space = await createTestSpace()
  const engine = await createTestEngine(space)
  const db = engine.connect('writer')
  db.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT UNIQUE);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
    INSERT INTO t SELECT i, i || hex(zeroblob(200)) FROM n`)
  return { space, db, close: engine.close }
}

function thrownBy(work: () => unknown): ConstelliteError {
  try {
    work()
  } catch (error) {
    if (isFailure(error)) return error
    throw error
  }
  throw new Error('Nothing was thrown.')
}

function expectIntact(bench: Bench, file: Uint8Array): void {
  const { space, db } = bench
  expect(equalBytes(readFile(space.pages), file)).toBe(true)
  expect(db.all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
  expect(db.all('SELECT count(*) AS n, max(id) AS m FROM t')).toEqual([{ n: 1000, m: 1000 }])
}

const CASES: readonly (readonly [string, unknown, FailureCode, string])[] = [
  ['ErrWalFull', failure('ErrWalFull'), 'ErrWalFull', 'SQLITE_FULL'],
  ['ErrQuota', failure('ErrQuota'), 'ErrQuota', 'SQLITE_FULL'],
  ['ErrPoisoned', failure('ErrPoisoned'), 'ErrPoisoned', 'SQLITE_IOERR'],
  ['ErrReadOnly', failure('ErrReadOnly'), 'ErrReadOnly', 'SQLITE_READONLY'],
  ['a stray error', new RangeError('stray'), 'ErrInternal', 'SQLITE_IOERR'],
]

const WRITES: readonly (readonly [string, string])[] = [
  ['an autocommit statement', "INSERT INTO t VALUES (2000, 'new')"],
  ['a transaction', "BEGIN; UPDATE t SET body = 'new ' || id; DELETE FROM t WHERE id > 9; COMMIT"],
  [
    'a spilled transaction',
    'PRAGMA cache_size = 5; BEGIN; UPDATE t SET body = id || hex(zeroblob(300)); COMMIT',
  ],
  ['a schema change', 'CREATE INDEX by_body ON t (body, id)'],
  ['VACUUM', 'VACUUM'],
]

for (const [what, thrown, code, name] of CASES) {
  test.each(WRITES)(`${what} at the commit of %s rolls back cleanly`, async (_, sql) => {
    const bench = await open()
    const { space, db } = bench
    const file = readFile(space.pages)
    const before = { length: space.commits.length, version: space.pages.version }
    space.failure = thrown
    const caught = thrownBy(() => db.control(sql))
    expect(caught.code).toBe(code)
    expect(caught.sqlite?.name).toMatch(name)
    const { cause } = caught
    expect(cause === thrown || (cause as { cause?: unknown }).cause === thrown).toBe(true)
    expect(db.inTransaction).toBe(false)
    expect({ length: space.commits.length, version: space.pages.version }).toEqual(before)
    expectIntact(bench, file)
    db.run("INSERT INTO t VALUES (3000, 'after')")
    expect(space.commits.length).toBe(before.length + 1)
    expect(space.commits.at(-1)?.tables).toEqual(['t'])
    bench.close()
    expect(space.pinCount()).toBe(0)
  })
}

test('a failed first commit leaves the database empty and usable', async () => {
  const space = await createTestSpace()
  const engine = await createTestEngine(space)
  const db = engine.connect('writer')
  space.failure = failure('ErrWalFull')
  expect(thrownBy(() => db.run('CREATE TABLE t (x)')).code).toBe('ErrWalFull')
  expect(space.pages.pageCount(space.pages.version)).toBe(0)
  db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)')
  expect(db.all('SELECT * FROM t')).toEqual([{ x: 1 }])
  engine.close()
})

/** Runs `sql` on a copy of `file` while the n-th write to the rollback journal fails. */
async function runWithJournalFault(file: Uint8Array, sql: string, failAt: number): Promise<number> {
  const space = await createTestSpace(file)
  const spill = await createMemoryFile()
  let writes = 0
  const engine = await createTestEngine(space, {
    transientMemoryBytesMax: 0,
    spill: {
      ...spill,
      write(at, bytes) {
        writes += 1
        if (writes === failAt) throw failure('ErrQuota')
        spill.write(at, bytes)
      },
    },
  })
  const db = engine.connect('writer')
  db.run('PRAGMA cache_size = 3')
  try {
    db.run(sql)
    expect(space.commits.length).toBe(1)
    expect(writes).toBeLessThan(failAt)
  } catch (error) {
    if (!isFailure(error, 'ErrQuota')) throw error
    expect(writes).toBeGreaterThanOrEqual(failAt)
    expect(space.commits.length).toBe(0)
    expectIntact({ space, db, close: engine.close }, file)
  }
  const used = writes
  db.run("INSERT INTO t VALUES (2000, 'after')")
  expect(db.all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
  engine.close()
  return used
}

test('whichever write to the rollback journal fails, the statement is whole or nothing', async () => {
  const stock = await open()
  const file = readFile(stock.space.pages)
  stock.close()
  const sql = 'UPDATE t SET body = id || hex(zeroblob(210))'
  const writes = await runWithJournalFault(file, sql, Number.POSITIVE_INFINITY)
  expect(writes).toBeGreaterThan(100)
  for (let failAt = 1; failAt <= writes; failAt += failAt < writes - 30 ? 19 : 1) {
    await runWithJournalFault(file, sql, failAt)
  }
})

test('with a spill file, sorts, VACUUM and rollback go past the memory limit and leave it empty', async () => {
  const space = await createTestSpace()
  const spill = await createMemoryFile()
  spill.write(0, new Uint8Array(1000).fill(9))
  let largest = 0
  const engine = await createTestEngine(space, {
    transientMemoryBytesMax: TRANSIENT_BLOCK_BYTES,
    spill: {
      ...spill,
      write(at, bytes) {
        spill.write(at, bytes)
        largest = Math.max(largest, spill.size())
      },
      sync() {
        throw new Error('The spill file is never synced.')
      },
    },
  })
  expect(spill.size()).toBe(0)
  const db = engine.connect('writer')
  db.exec(`PRAGMA cache_size = 10; CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
    INSERT INTO t SELECT i, hex(randomblob(200)) FROM n`)
  expect(db.all('SELECT body FROM t ORDER BY body LIMIT 1').length).toBe(1)
  db.control('BEGIN; UPDATE t SET body = hex(randomblob(210)); ROLLBACK')
  db.exec('CREATE INDEX by_body ON t (body); VACUUM')
  expect(largest).toBeGreaterThan(1_000_000)
  expect(db.all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
  expect(db.all('SELECT count(*) AS n FROM t')).toEqual([{ n: 5000 }])
  engine.close()
  expect(spill.size()).toBe(0)
})

test('a spill file that is full is ErrQuota, and the database stays intact', async () => {
  const stock = await open()
  const file = readFile(stock.space.pages)
  stock.close()
  const space = await createTestSpace(file)
  const spill = await createMemoryFile()
  const engine = await createTestEngine(space, {
    transientMemoryBytesMax: 0,
    spill: {
      ...spill,
      write(at, bytes) {
        if (at + bytes.byteLength > 200_000) throw failure('ErrQuota')
        spill.write(at, bytes)
      },
    },
  })
  const db = engine.connect('writer')
  const sql = 'PRAGMA cache_size = 3; UPDATE t SET body = id || hex(randomblob(900))'
  expect(thrownBy(() => db.exec(sql))).toMatchObject({
    code: 'ErrQuota',
    sqlite: { code: 13, name: 'SQLITE_FULL' },
  })
  expectIntact({ space, db, close: engine.close }, file)
  db.run("INSERT INTO t VALUES (2000, 'after')")
  engine.close()
})

test('a page that cannot be read is the failure of its statement only', async () => {
  const bench = await open()
  const stock = readFile(bench.space.pages)
  bench.close()
  const space = await createTestSpace(stock)
  let isBroken = false
  const broken: typeof space = Object.create(space, {
    pages: {
      value: Object.create(space.pages, {
        read: {
          value: (...rest: Parameters<typeof space.pages.read>) => {
            if (isBroken && rest[0] > 3) {
              throw new ConstelliteError({
                hint: 'Try it.',
                code: 'ErrCorrupt',
                message: 'Injected.',
              })
            }
            return space.pages.read(...rest)
          },
        },
      }),
    },
  })
  const engine = await createTestEngine(broken)
  const db = engine.connect('writer')
  db.all('SELECT count(*) FROM sqlite_schema')
  isBroken = true
  expect(thrownBy(() => db.all('SELECT * FROM t'))).toMatchObject({
    code: 'ErrCorrupt',
    sqlite: { code: 10, extendedCode: 266, name: 'SQLITE_IOERR_READ' },
  })
  isBroken = false
  expect(db.all('SELECT count(*) AS n FROM t')).toEqual([{ n: 1000 }])
  engine.close()
})

test('after a rollback that could not read its journal, later calls find the database intact', async () => {
  for (const isOvertaken of [false, true]) {
    const stock = await open()
    const file = readFile(stock.space.pages)
    stock.close()
    const space = await createTestSpace(file)
    const spill = await createMemoryFile()
    let isBroken = false
    const engine = await createTestEngine(space, {
      transientMemoryBytesMax: 0,
      spill: {
        ...spill,
        read(at, into) {
          if (isBroken) throw failure('ErrStorage')
          return spill.read(at, into)
        },
      },
    })
    const db = engine.connect('writer')
    db.control('PRAGMA cache_size = 3; BEGIN; UPDATE t SET body = id || hex(zeroblob(300))')
    isBroken = true
    // SQLite does not report it; the cache is dropped and the journal played back later.
    db.control('ROLLBACK')
    isBroken = false
    if (isOvertaken) engine.connect('writer').run("UPDATE t SET body = 'other' WHERE id = 1")
    const expected = { n: 1000, m: isOvertaken ? 'other' : `1${'00'.repeat(200)}` }
    const sql = 'SELECT count(*) AS n, (SELECT body FROM t WHERE id = 1) AS m FROM t'
    expect(db.all(sql)).toEqual([expected])
    db.run("INSERT INTO t VALUES (2000, 'after')")
    expect(space.commits.length).toBe(isOvertaken ? 2 : 1)
    expect(db.all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
    engine.close()
  }
})

test('a change counter that wraps is still a commit', async () => {
  const bench = await open()
  const file = readFile(bench.space.pages)
  bench.close()
  for (const at of [24, 92]) file.fill(0xff, at, at + 4)
  const space = await createTestSpace(file)
  const engine = await createTestEngine(space)
  const [db, reader] = [engine.connect('writer'), engine.connect('reader')]
  for (let id = 2000; id < 2003; id++) {
    db.run('INSERT INTO t VALUES (?, ?)', [id, `${id}`])
    expect(reader.all('SELECT max(id) AS m FROM t')).toEqual([{ m: id }])
  }
  expect(space.commits.length).toBe(3)
  engine.close()
})
