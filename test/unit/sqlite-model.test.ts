/** Proves: random scripts of statements, transactions, savepoints, failures and VACUUM under a tiny page
 *  cache give what plain SQLite gives; commits are records, nothing else is; a follower that applies
 *  the records has the same file and coherent readers. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { equalBytes } from '../../src/bytes/compare.ts'
import type { SqlConnection } from '../../src/sqlite/engine.ts'
import {
  createMemoryFile,
  createOracle,
  createTestEngine,
  createTestSpace,
  type Oracle,
  readFile,
  type TestSpace,
} from './sqlite-fixtures.ts'

const SETUP = `CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER UNIQUE, body TEXT);
  CREATE INDEX by_body ON t (body); CREATE TABLE log (id INTEGER PRIMARY KEY, what TEXT);
  CREATE TRIGGER gone AFTER DELETE ON t BEGIN INSERT INTO log (what) VALUES (old.id); END`

/** Rows `first` to `first + count`, each with a body of `size` digits. */
const insert = ([first, count, size]: readonly [number, number, number]): string =>
  `WITH RECURSIVE n(i) AS (SELECT ${first} UNION ALL SELECT i + 1 FROM n WHERE i < ${first + count})
   INSERT INTO t SELECT i, i * 7 % 10007, printf('%0${size + 1}d', i * 7919) FROM n`

const id = fc.nat(2000)
const statement: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(id, fc.nat(600), fc.nat(300)).map(insert) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(id, fc.nat(400))
      .map(([from, size]) => `UPDATE t SET body = printf('%0${size + 1}d', id) WHERE id > ${from}`),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(id, id)
      .map(([from, span]) => `DELETE FROM t WHERE id BETWEEN ${from} AND ${from + span}`),
  },
  { weight: 1, arbitrary: id.map((from) => `UPDATE t SET k = 5 WHERE id > ${from}`) },
  {
    weight: 1,
    arbitrary: id.map(
      (from) => `INSERT OR FAIL INTO t SELECT id + 700, k + 20000, 'f' FROM t WHERE id > ${from}`,
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('DELETE FROM t', 'DELETE FROM log', 'VACUUM', 'REINDEX'),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('CREATE TABLE extra AS SELECT * FROM t', 'DROP TABLE extra'),
  },
  { weight: 4, arbitrary: fc.constantFrom('BEGIN', 'BEGIN IMMEDIATE') },
  { weight: 3, arbitrary: fc.constant('COMMIT') },
  { weight: 3, arbitrary: fc.constant('ROLLBACK') },
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      'SAVEPOINT a',
      'SAVEPOINT b',
      'ROLLBACK TO a',
      'ROLLBACK TO b',
      'RELEASE a',
    ),
  },
)

const DIGEST = `SELECT (SELECT count(*) FROM t) AS n, (SELECT sum(id * k) FROM t) AS s,
  (SELECT sum(length(body)) FROM t) AS l, (SELECT count(*) FROM log) AS g,
  (SELECT group_concat(name) FROM sqlite_schema) AS names`

function failed(work: () => void): boolean {
  try {
    work()
    return false
  } catch {
    return true
  }
}

/** One statement in both; answers how many records it made. */
function runBoth(sql: string, db: SqlConnection, oracle: Oracle, space: TestSpace): number {
  const { length } = space.commits
  const isFailed = failed(() => db.control(sql))
  expect(isFailed, sql).toBe(failed(() => oracle.exec(sql)))
  expect(db.inTransaction, sql).toBe(oracle.inTransaction())
  const records = space.commits.length - length
  // OR FAIL keeps the rows before the failing one.
  const isKept = !isFailed || sql.includes('OR FAIL')
  const mayCommit = isKept && !db.inTransaction && sql !== 'ROLLBACK'
  expect(records, sql).toBeLessThanOrEqual(mayCommit ? 1 : 0)
  return records
}

test('random scripts give what plain SQLite gives, here and on a follower', async () => {
  let records = 0
  await fc.assert(
    fc.asyncProperty(fc.array(statement, { minLength: 5, maxLength: 40 }), async (script) => {
      const [space, copy] = [await createTestSpace(), await createTestSpace()]
      copy.isReadOnly = true
      const spill = await createMemoryFile()
      const engine = await createTestEngine(space, { spill, transientMemoryBytesMax: 65536 })
      const follower = await createTestEngine(copy)
      const oracle = await createOracle()
      const [db, reader] = [engine.connect('writer'), engine.connect('reader')]
      const remote = follower.connect('reader')
      for (const sql of [SETUP, 'PRAGMA cache_size = 4']) {
        db.exec(sql)
        oracle.exec(sql)
      }
      let applied = 0
      let committed = oracle.all(DIGEST)
      for (const sql of script) {
        records += runBoth(sql, db, oracle, space)
        expect(db.all(DIGEST), sql).toEqual(oracle.all(DIGEST))
        if (!db.inTransaction) committed = oracle.all(DIGEST)
        for (const { changes, pageCount, pageSize } of space.commits.slice(applied)) {
          copy.pages.commit(changes, pageCount, pageSize)
        }
        applied = space.commits.length
        expect(reader.all(DIGEST), sql).toEqual(committed)
        expect(remote.all(DIGEST), sql).toEqual(committed)
      }
      expect(equalBytes(readFile(copy.pages), readFile(space.pages))).toBe(true)
      expect(db.all('SELECT * FROM t')).toEqual(oracle.all('SELECT * FROM t'))
      for (const one of [db, reader, remote]) {
        expect(one.all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
      }
      for (const one of [engine, follower, oracle]) one.close()
      expect(space.pinCount() + copy.pinCount()).toBe(0)
    }),
    { numRuns: 25 },
  )
  expect(records).toBeGreaterThan(25)
}, 60_000)
