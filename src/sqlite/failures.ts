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
import type { Pointer, Sqlite3 } from './module.ts'

type Words = { readonly code: FailureCode; readonly hint: string; readonly retry: Retry }

const WORDS: ReadonlyMap<number, Words> = new Map([
  [
    SQLITE_BUSY,
    {
      code: 'ErrSql',
      hint: 'Another connection holds the write transaction, or this snapshot is older than the newest commit: roll back and start again.',
      retry: 'later',
    },
  ],
  [
    SQLITE_READONLY,
    {
      code: 'ErrReadOnly',
      hint: 'Write through the writer of this database; temporary tables work here.',
      retry: 'never',
    },
  ],
  [
    SQLITE_INTERRUPT,
    {
      code: 'ErrAborted',
      hint: 'The statement was stopped; nothing of it was kept.',
      retry: 'later',
    },
  ],
  [
    SQLITE_IOERR,
    { code: 'ErrStorage', hint: 'The cause says what storage reported.', retry: 'after-repair' },
  ],
])

const OTHER_WORDS: Words = { code: 'ErrSql', hint: '', retry: 'never' }

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
  const words = WORDS.get(codes.code) ?? OTHER_WORDS
  const offset = exports.sqlite3_error_offset(database)
  const message = heap.cText(exports.sqlite3_errmsg(database))
  return new ConstelliteError({
    code: words.code,
    message: `${codes.name}: ${message}`,
    hint: words.hint,
    facts: offset >= 0 ? { sqlOffset: offset } : {},
    retry: words.retry,
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
