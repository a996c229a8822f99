/** A Durable Object's `ctx.storage` for unit tests, over stock SQLite in memory.
 *  Models: `transactionSync` undoes what its task did when that throws; `sync` confirms what was written
 *  before it; `crash` answers the storage as the platform confirmed it last.  Injects: failing statements
 *  and a failing sync.  Never: a limit of the platform; test/workerd/ runs the real thing. */

import sqlite3InitModule, { type Database } from '@sqlite.org/sqlite-wasm'
import type { ObjectCursor, ObjectStorage } from '../../src/storage/durable-object-tables.ts'

export type FakeObjectStorage = ObjectStorage & {
  /** What is there after the object's machine died. */
  crash(): FakeObjectStorage
  /** Makes the statement that begins with `prefix`, the `nth` from now, fail. */
  failStatement(prefix: string, nth: number, message: string): void
  failSync(message: string): void
  /** What every cursor said, added up. */
  readonly rowsWritten: number
  readonly transactionCount: number
  rows(query: string): readonly Record<string, unknown>[]
}

const sqlite = await sqlite3InitModule()
let made = 0

type State = {
  readonly db: Database
  confirmed: Uint8Array
  rowsWritten: number
  transactionCount: number
  fault: { readonly prefix: string; left: number; readonly message: string } | undefined
  syncFault: string | undefined
}

export function createFakeObjectStorage(content?: Uint8Array): FakeObjectStorage {
  const name = `/object-${made++}.db`
  if (content !== undefined) sqlite.capi.sqlite3_js_posix_create_file(name, content)
  const db: Database = new sqlite.oo1.DB(name, 'c', 'unix-none')
  const state: State = {
    db,
    confirmed: content ?? new Uint8Array(0),
    rowsWritten: 0,
    transactionCount: 0,
    fault: undefined,
    syncFault: undefined,
  }
  return {
    sql: {
      exec: (query, ...bindings) => execute(state, query, bindings),
      get databaseSize() {
        const pages = Number(db.selectValue('PRAGMA page_count'))
        return pages * Number(db.selectValue('PRAGMA page_size'))
      },
    },
    transactionSync: (task) => inTransaction(state, task),
    sync: async () => {
      const { syncFault } = state
      state.syncFault = undefined
      if (syncFault !== undefined) throw new Error(syncFault)
      state.confirmed = sqlite.capi.sqlite3_js_db_export(db)
    },
    crash: () => createFakeObjectStorage(state.confirmed.length > 0 ? state.confirmed : undefined),
    failStatement: (prefix, nth, message) => {
      state.fault = { prefix, left: nth, message }
    },
    failSync: (message) => {
      state.syncFault = message
    },
    get rowsWritten() {
      return state.rowsWritten
    },
    get transactionCount() {
      return state.transactionCount
    },
    rows: (query) => db.selectObjects(query),
  }
}

function execute(
  state: State,
  query: string,
  bindings: readonly (ArrayBuffer | string | number)[],
): ObjectCursor {
  const { db, fault } = state
  if (fault !== undefined && query.startsWith(fault.prefix)) {
    fault.left -= 1
    if (fault.left === 0) {
      state.fault = undefined
      throw new Error(fault.message)
    }
  }
  const before = Number(db.changes(true))
  const found =
    bindings.length === 0 ? db.selectObjects(query) : db.selectObjects(query, [...bindings])
  const rowsWritten = Number(db.changes(true)) - before
  state.rowsWritten += rowsWritten
  const rows = found.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([column, value]) => [column, plainValue(value)] as const),
    ),
  )
  return Object.assign(rows, { rowsWritten })
}

/** Blobs are ArrayBuffers there. */
function plainValue(value: unknown): ArrayBuffer | string | number | null {
  if (value instanceof Uint8Array) return value.slice().buffer
  if (typeof value === 'string' || typeof value === 'number' || value === null) return value
  throw new Error(`the fake storage has no ${typeof value}`)
}

function inTransaction<T>(state: State, task: () => T): T {
  const { db } = state
  state.transactionCount += 1
  db.exec('BEGIN')
  try {
    const result = task()
    db.exec('COMMIT')
    return result
  } catch (error) {
    db.exec('ROLLBACK')
    throw error
  }
}
