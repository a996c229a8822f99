/** What a changed page costs on the wire: the deltas of real transactions on a table of 20 000 rows with an
 *  index, by the rule of FORMATS §7 beside runs alone. */

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

export async function deltaSizes(kernel: Kernel): Promise<Line[]> {
  const sqlite3 = await sqlite3InitModule()
  const db = new sqlite3.oo1.DB(':memory:')
  db.exec(`PRAGMA page_size=${PAGE_BYTES}; CREATE TABLE t (id INTEGER PRIMARY KEY, n INT, body TEXT);
    CREATE INDEX by_body ON t (body);
    WITH RECURSIVE i (x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM i WHERE x < ${ROWS - 1})
    INSERT INTO t SELECT x, x, hex(x * 48271 % 65537) || ' body of row number ' || x FROM i`)
  const image = (): Uint8Array => sqlite3.capi.sqlite3_js_db_export(db)
  const lines: Line[] = []
  let before = image()
  const all = { pages: 0, shipped: 0, runsOnly: 0 }
  for (const { name, sql } of WORKLOADS) {
    const sums: Sums = { pages: 0, shipped: 0, runsOnly: 0 }
    for (let time = 1; time <= TRANSACTIONS; time++) {
      db.exec(sql, { bind: [time] })
      const after = image()
      for (const [old, page] of changedPages(before, after)) {
        const delta = kernel.delta.encode(old, page)
        sums.pages += 1
        sums.shipped += delta?.bytes.byteLength ?? 0
        sums.runsOnly += runsSize(old, page)
      }
      before = after
    }
    lines.push(lineOf(`${name}, ${(sums.pages / TRANSACTIONS).toFixed(1)} pages`, sums))
    all.pages += sums.pages
    all.shipped += sums.shipped
    all.runsOnly += sums.runsOnly
  }
  db.close()
  return [...lines, lineOf('all of these', all)]
}

type Sums = { pages: number; shipped: number; runsOnly: number }

function lineOf(name: string, { pages, shipped, runsOnly }: Sums): Line {
  return {
    bench: 'kernels',
    case: `delta sizes, ${name}`,
    ours: shipped / pages,
    peer: runsOnly / pages,
    ratio: runsOnly / shipped,
    unit: 'bytes',
    note: 'mean of a changed 4 KiB page, peer runs alone; goal 100 bytes or less',
  }
}

/** A page that was not there before counts as zeros. */
function* changedPages(
  before: Uint8Array,
  after: Uint8Array,
): Generator<readonly [Uint8Array, Uint8Array]> {
  const zeros = new Uint8Array(PAGE_BYTES)
  for (let at = 0; at < after.byteLength; at += PAGE_BYTES) {
    const page = after.slice(at, at + PAGE_BYTES)
    const old = at < before.byteLength ? before.slice(at, at + PAGE_BYTES) : zeros
    if (page.some((byte, index) => byte !== old[index])) yield [old, page]
  }
}

function runsSize(old: Uint8Array, page: Uint8Array): number {
  const size = encodeRuns(old, page, new Uint8Array(PAGE_BYTES))
  return size < 0 ? PAGE_BYTES : size
}
