/** Failures of SQLite as ConstelliteErrors with its codes.
 *  Keeps: what a callback threw (ErrWalFull, ErrSnapshotTooOld, …) stays the failure that the caller
 *  sees, with SQLite's codes added and the original as cause.
 *  Never: carries the SQL text or parameters; they may hold what must not be logged. */

import {
  ConstelliteError,
  type FailureCode,
  failureOf,
  type Retry,
  type SqliteCodes,
} from '../base/failure.ts'
import { SQLITE_BUSY, SQLITE_INTERRUPT, SQLITE_IOERR, SQLITE_READONLY } from './codes.ts'
import type { Heap } from './heap.ts'
import { constraintFacts, hintFor } from './hints.ts'
import type { Pointer, Sqlite3 } from './module.ts'

type Kind = { readonly code: FailureCode; readonly retry: Retry }

const KINDS: ReadonlyMap<number, Kind> = new Map([
  [SQLITE_BUSY, { code: 'ErrSql', retry: 'later' }],
  [SQLITE_READONLY, { code: 'ErrReadOnly', retry: 'never' }],
  [SQLITE_INTERRUPT, { code: 'ErrAborted', retry: 'later' }],
  [SQLITE_IOERR, { code: 'ErrStorage', retry: 'after-repair' }],
])

const OTHER_KIND: Kind = { code: 'ErrSql', retry: 'never' }

/** The failure that SQLite reports for the newest call on `database`. */
export function sqlFailure(options: {
  readonly sqlite3: Sqlite3
  readonly heap: Heap
  readonly database: Pointer
  readonly resultCode: number
  /** What a callback threw during the call, if anything. */
  readonly thrown: unknown
}): ConstelliteError {
  const { sqlite3, heap, database, resultCode, thrown } = options
  const { exports } = sqlite3.wasm
  const reported = exports.sqlite3_extended_errcode(database)
  // A refused bind or prepare leaves the connection's code alone in places; the result code is sure.
  const extendedCode = (reported & 0xff) === (resultCode & 0xff) ? reported : resultCode
  const codes = sqliteCodes(sqlite3, extendedCode)
  if (thrown !== undefined) return withCodes(failureOf(thrown), codes)
  const kind = KINDS.get(codes.code) ?? OTHER_KIND
  const offset = exports.sqlite3_error_offset(database)
  const message = heap.cText(exports.sqlite3_errmsg(database))
  return new ConstelliteError({
    code: kind.code,
    message: `${codes.name}: ${message}`,
    hint: hintFor(codes.code, message),
    facts: { ...(offset < 0 ? {} : { sqlOffset: offset }), ...constraintFacts(message) },
    retry: kind.retry,
    sqlite: codes,
  })
}

export function sqliteCodes(sqlite3: Sqlite3, extendedCode: number): SqliteCodes {
  const name =
    sqlite3.capi.sqlite3_js_rc_str(extendedCode) ??
    sqlite3.capi.sqlite3_js_rc_str(extendedCode & 0xff) ??
    'SQLITE_UNKNOWN'
  return { code: extendedCode & 0xff, extendedCode, name }
}

function withCodes(original: ConstelliteError, sqlite: SqliteCodes): ConstelliteError {
  return new ConstelliteError({
    code: original.code,
    message: original.message,
    hint: original.hint,
    facts: original.facts,
    retry: original.retry,
    sqlite,
    cause: original,
  })
}
