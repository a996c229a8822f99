/** Values: what crosses between JavaScript and SQLite. */

/** A value that SQLite takes.  Integers beyond 2^53 are bigint. */
export type SqlValue = null | number | bigint | string | Uint8Array
export type SqlParameters = readonly SqlValue[] | Readonly<Record<string, SqlValue>>
export type Row = Record<string, SqlValue>

export type RunResult = { readonly changes: number; readonly lastInsertRowid: number | bigint }
