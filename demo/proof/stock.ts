/** Stock: looks into an exported file with what Constellite has no part in: SQLite's official build in
 *  memory and, where it is installed, the `sqlite3` program. */

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import sqlite3InitModule, { type Database, type Sqlite3Static } from '@sqlite.org/sqlite-wasm'

export type StockReport = {
  readonly version: string
  readonly integrity: string
  readonly rowCountByTable: Readonly<Record<string, number>>
  /** Over every row of every table, in order. */
  readonly digest: string
}

export async function inspectFile(path: string): Promise<StockReport> {
  const sqlite = await sqlite3InitModule()
  // A Buffer is not known to the engine, a plain array of bytes is.
  const db = openBytes(sqlite, new Uint8Array(readFileSync(path)))
  try {
    const hash = createHash('sha256')
    const rowCountByTable: Record<string, number> = {}
    for (const table of tablesOf(db)) {
      const rows = db.selectArrays(`SELECT * FROM "${table}" ORDER BY 1, 2`)
      rowCountByTable[table] = rows.length
      hash.update(JSON.stringify([table, rows]))
    }
    return {
      version: sqlite.version.libVersion,
      integrity: String(db.selectValue('PRAGMA integrity_check')),
      rowCountByTable,
      digest: hash.digest('hex'),
    }
  } finally {
    db.close()
  }
}

/** What the `sqlite3` program says to `PRAGMA integrity_check`, or undefined where it is missing. */
export function askProgram(path: string): string | undefined {
  const { status, stdout } = spawnSync('sqlite3', ['-readonly', path, 'PRAGMA integrity_check'])
  if (status === null) return undefined
  return status === 0 ? stdout.toString().trim() : `ended with ${status}`
}

function openBytes(sqlite: Sqlite3Static, bytes: Uint8Array): Database {
  const { capi, wasm } = sqlite
  const db = new sqlite.oo1.DB(':memory:')
  const pointer = wasm.allocFromTypedArray(bytes)
  const flags = capi.SQLITE_DESERIALIZE_FREEONCLOSE | capi.SQLITE_DESERIALIZE_READONLY
  // An open database has a pointer.
  const handle = db.pointer as number
  const code = capi.sqlite3_deserialize(handle, 'main', pointer, bytes.length, bytes.length, flags)
  db.checkRc(code)
  return db
}

function tablesOf(db: Database): string[] {
  const names = db.selectValues(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1",
  )
  return names.map(String)
}
