/** Engine: the official SQLite WASM build over the page VFS of one shard.
 *  Keeps: one commit is one call of `PageSpace.commit`; rollbacks call it never.
 *  Never: touches storage; pages come from and go to the `PageSpace`. */

import type { PageChanges, PageStore } from '../pages/store.ts'

/** What the VFS needs of the database below it; a shard satisfies it. */
export type PageSpace = {
  readonly pages: PageStore
  /** True on a follower: any write is SQLITE_READONLY at the RESERVED lock. */
  readonly isReadOnly: boolean
  /** Takes one committed transaction; a thrown ErrWalFull or ErrQuota becomes SQLITE_FULL, anything else
   *  SQLITE_IOERR, and SQLite rolls back. */
  commit(transaction: {
    readonly changes: PageChanges
    readonly pageCount: number
    readonly pageSize: number
    readonly tables: readonly string[]
  }): void
}

/** A value that SQLite takes.  Integers beyond 2^53 are bigint. */
export type SqlValue = null | number | bigint | string | Uint8Array
export type SqlParameters = readonly SqlValue[] | Readonly<Record<string, SqlValue>>
export type Row = Record<string, SqlValue>

export type RunResult = { readonly changes: number; readonly lastInsertRowid: number | bigint }

/** One SQLite connection.  All calls are synchronous.  Failures are ErrSql with SQLite's codes,
 *  ErrRefused, ErrParameter. */
export type SqlConnection = {
  /** One statement that may write; rows are dropped. */
  run(sql: string, parameters?: SqlParameters): RunResult
  /** One statement; all its rows.  Integers are numbers when safe, else bigint. */
  all(sql: string, parameters?: SqlParameters): Row[]
  /** Any number of statements, without parameters or rows. */
  exec(sql: string): void
  /** Tables that a statement reads and writes, triggers and views resolved, and whether it only reads. */
  describe(sql: string): {
    readonly reads: readonly string[]
    readonly writes: readonly string[]
    readonly isReadOnly: boolean
  }
  /** True between BEGIN and COMMIT or ROLLBACK. */
  readonly inTransaction: boolean
  /** Stops the running statement from another callback: sqlite3_interrupt. */
  interrupt(): void
  close(): void
}

export type Engine = {
  /** Connections of one engine see one another's commits at once. */
  connect(role: 'writer' | 'reader'): SqlConnection
  /** Drops every connection's page cache: pages changed under SQLite (frames applied, installed). */
  resetCaches(): void
  /** SQLite's version, "3.54.1". */
  readonly version: string
  close(): void
}
