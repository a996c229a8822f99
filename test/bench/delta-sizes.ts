/** What a changed page costs on the wire: the deltas of real transactions on a table of 20 000 rows with an
 *  index, by the rule of FORMATS §7 beside runs alone.
 *  Twice: over all pages that a transaction changes, and without page 1, whose counter every commit moves. */

import sqlite3InitModule from '@sqlite.org/sqlite-wasm'
import type { Kernel } from '../../src/crypto/kernel-interface.ts'
import { encodeRuns } from '../../src/crypto/kernel-plain-runs.ts'
import type { Line } from './pairs.ts'

const PAGE_BYTES = 4096
const ROWS = 20_000
const TRANSACTIONS = 30

const WORKLOADS = [
  {
    name: 'update of a number in one row',
    sql: 'UPDATE t SET n = n + 1 WHERE id = ?1 * 7919 % 20000',
  },
  {
    name: 'update of a text in one row',
    sql: "UPDATE t SET body = body || hex(?1) || 'longer' WHERE id = ?1 * 7919 % 20000",
  },
  {
    name: 'insert of one row',
    sql: "INSERT INTO t VALUES (20000 + ?1, ?1, hex(?1 * 48271 % 65537) || ' body of a new row')",
  },
  { name: 'delete of one row', sql: 'DELETE FROM t WHERE id = ?1 * 7901 % 20000' },
]

type Changed = { readonly pgno: number; readonly shipped: number; readonly runsOnly: number }

export async function deltaSizes(kernel: Kernel): Promise<Line[]> {
  const sqlite3 = await sqlite3InitModule()
  // A file, though in memory: a database that calls itself that does not count its commits.
  const db = new sqlite3.oo1.DB('/delta-sizes.db', 'c')
  db.exec(`PRAGMA page_size=${PAGE_BYTES}; CREATE TABLE t (id INTEGER PRIMARY KEY, n INT, body TEXT);
    CREATE INDEX by_body ON t (body);
    WITH RECURSIVE i (x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM i WHERE x < ${ROWS - 1})
    INSERT INTO t SELECT x, x, hex(x * 48271 % 65537) || ' body of row number ' || x FROM i`)
  const image = (): Uint8Array => sqlite3.capi.sqlite3_js_db_export(db)
  const lines: Line[] = []
  const all: Changed[] = []
  let before = image()
  for (const { name, sql } of WORKLOADS) {
    const changed: Changed[] = []
    for (let time = 1; time <= TRANSACTIONS; time++) {
      db.exec(sql, { bind: [time] })
      const after = image()
      changed.push(...changesOf(kernel, before, after))
      before = after
    }
    lines.push(...linesOf(name, changed))
    all.push(...changed)
  }
  db.close()
  return [...lines, ...linesOf('all of these', all)]
}

function linesOf(name: string, changed: readonly Changed[]): Line[] {
  const others = changed.filter(({ pgno }) => pgno !== 1)
  return [lineOf(name, changed), lineOf(`${name}, without page 1`, others)]
}

function lineOf(name: string, changed: readonly Changed[]): Line {
  const sum = (of: 'shipped' | 'runsOnly'): number =>
    changed.reduce((total, page) => total + page[of], 0)
  return {
    bench: 'kernels',
    case: `delta sizes, ${name}`,
    ours: sum('shipped') / changed.length,
    peer: sum('runsOnly') / changed.length,
    ratio: sum('runsOnly') / sum('shipped'),
    unit: 'bytes',
    note: `mean of ${changed.length} changed pages of 4 KiB, peer runs alone; goal 100 bytes or less`,
  }
}

/** A page that was not there before counts as zeros. */
function* changesOf(kernel: Kernel, before: Uint8Array, after: Uint8Array): Generator<Changed> {
  const zeros = new Uint8Array(PAGE_BYTES)
  for (let at = 0; at < after.byteLength; at += PAGE_BYTES) {
    const page = after.slice(at, at + PAGE_BYTES)
    const old = at < before.byteLength ? before.slice(at, at + PAGE_BYTES) : zeros
    const delta = kernel.delta.encode(old, page)
    if (delta === undefined) continue
    const pgno = at / PAGE_BYTES + 1
    yield { pgno, shipped: delta.bytes.byteLength, runsOnly: runsSize(old, page) }
  }
}

function runsSize(old: Uint8Array, page: Uint8Array): number {
  const size = encodeRuns(old, page, new Uint8Array(PAGE_BYTES))
  return size < 0 ? PAGE_BYTES : size
}
