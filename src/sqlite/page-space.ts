/** Page space: what the VFS needs of the database below it; a shard satisfies it. */

import type { PageChanges, PageStore } from '../pages/store.ts'

export type PageSpace = {
  readonly pages: PageStore
  /** True on a follower: any write is SQLITE_READONLY at the RESERVED lock. */
  readonly isReadOnly: boolean
  /** Takes one committed transaction; a thrown ErrWalFull or ErrQuota becomes SQLITE_FULL, anything else
   *  SQLITE_IOERR, and SQLite rolls back.  The images in `changes` are never written to again. */
  commit(transaction: {
    readonly changes: PageChanges
    readonly pageCount: number
    readonly pageSize: number
    /** Tables that changed; empty means "unknown: assume all". */
    readonly tables: readonly string[]
  }): void
}
