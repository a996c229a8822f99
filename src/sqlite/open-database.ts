/** Opening: one SQLite connection with the settings that make a commit one record.
 *  Keeps: rollback journals and temporary files go to the VFS, never to the WASM heap, which would hold
 *  a copy of every touched page and never shrink; DEFENSIVE keeps raw page writes out.
 *  The settings are made before the authorizer that refuses to change them is there. */

import {
  DBCONFIG_DEFENSIVE,
  DBCONFIG_TRUSTED_SCHEMA,
  OPEN_CREATE,
  OPEN_READWRITE,
  SQLITE_DONE,
  SQLITE_OK,
  SQLITE_ROW,
} from './codes.ts'
import type { CommitIntent, DatabaseFile } from './database-file.ts'
import { sqlFailure } from './failures.ts'
import type { Heap } from './heap.ts'
import type { Pointer, Sqlite3 } from './module.ts'
import type { Vfs } from './vfs.ts'

/** For databases that have no page yet; others keep their own. */
export const NEW_PAGE_SIZE = 8192

type Opening = {
  readonly sqlite3: Sqlite3
  readonly heap: Heap
  readonly vfs: Vfs
  readonly file: DatabaseFile
  readonly intent: CommitIntent
  readonly cacheBytesMax: number
}

export function openDatabase(opening: Opening): Pointer {
  const { sqlite3 } = opening
  const { capi } = sqlite3
  const { exports } = sqlite3.wasm
  const { code, database } = openPointer(opening)
  try {
    if (code !== SQLITE_OK) failOpening(opening, database, code)
    exports.sqlite3_extended_result_codes(database, 1)
    capi.sqlite3_db_config(database, DBCONFIG_DEFENSIVE, 1, 0)
    capi.sqlite3_db_config(database, DBCONFIG_TRUSTED_SCHEMA, 0, 0)
    // A page size has no effect on a database that has pages.
    setUp(opening, database, `PRAGMA page_size = ${NEW_PAGE_SIZE}`)
    setUp(opening, database, 'PRAGMA journal_mode = TRUNCATE')
    setUp(opening, database, 'PRAGMA temp_store = FILE')
    setUp(opening, database, `PRAGMA cache_size = -${Math.ceil(opening.cacheBytesMax / 1024)}`)
    return database
  } catch (error) {
    exports.sqlite3_close_v2(database)
    throw error
  }
}

function openPointer(opening: Opening): { code: number; database: Pointer } {
  const { sqlite3, heap, vfs, file, intent } = opening
  const name = heap.allocateText('database')
  const vfsName = heap.allocateText(vfs.name)
  const result = heap.allocate(4)
  try {
    const flags = OPEN_READWRITE | OPEN_CREATE
    const code = vfs.opening(file.openHandle(intent), () =>
      sqlite3.wasm.exports.sqlite3_open_v2(name.pointer, result, flags, vfsName.pointer),
    )
    return { code, database: heap.view().getUint32(result, true) }
  } finally {
    for (const pointer of [name.pointer, vfsName.pointer, result]) heap.free(pointer)
  }
}

function setUp(opening: Opening, database: Pointer, sql: string): void {
  const { sqlite3, heap } = opening
  const { exports } = sqlite3.wasm
  const text = heap.allocateText(sql)
  const results = heap.allocate(8)
  try {
    let code = exports.sqlite3_prepare_v3(database, text.pointer, -1, 0, results, results + 4)
    if (code !== SQLITE_OK) failOpening(opening, database, code)
    const statement = heap.view().getUint32(results, true)
    do code = exports.sqlite3_step(statement)
    while (code === SQLITE_ROW)
    exports.sqlite3_finalize(statement)
    if (code !== SQLITE_DONE) failOpening(opening, database, code)
  } finally {
    heap.free(text.pointer)
    heap.free(results)
  }
}

function failOpening(opening: Opening, database: Pointer, resultCode: number): never {
  const { sqlite3, heap, vfs } = opening
  throw sqlFailure({ sqlite3, heap, database, resultCode, thrown: vfs.takeFailure() })
}
