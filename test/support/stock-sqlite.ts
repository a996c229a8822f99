/** Stock SQLite for tests: the official build with its own file system in memory, in which Constellite has
 *  no part.  It makes the files that are imported and looks into those that were exported. */

import { readFileSync } from 'node:fs'
import sqlite3InitModule, { type Database } from '@sqlite.org/sqlite-wasm'

export type Stock = {
  exec(sql: string): void
  /** First column of the first row. */
  value(sql: string): unknown
  /** First column of every row. */
  values(sql: string): unknown[]
  rows(sql: string): Record<string, unknown>[]
  /** The whole file as it is now. */
  bytes(): Uint8Array
  close(): void
}

const sqlite = await sqlite3InitModule()
let made = 0

/** A new database, or the one in a file or in bytes. */
export function openStock(source?: string | Uint8Array): Stock {
  const name = `/stock-${made++}.db`
  const content = typeof source === 'string' ? readFileSync(source) : source
  if (content !== undefined) sqlite.capi.sqlite3_js_posix_create_file(name, new Uint8Array(content))
  const db: Database = new sqlite.oo1.DB(name, 'c', 'unix-none')
  // Alone with its file, it can do WAL without shared memory; this build's own page size is not stock.
  db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA page_size = 4096')
  return {
    exec: (sql) => void db.exec(sql),
    value: (sql) => db.selectValue(sql),
    values: (sql) => db.selectValues(sql),
    rows: (sql) => db.selectObjects(sql),
    bytes: () => sqlite.capi.sqlite3_js_db_export(db),
    close: () => db.close(),
  }
}
