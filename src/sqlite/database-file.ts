/** Database file: the main file of SQLite as snapshots of a page store.
 *  Keeps: a reader sees the version that it pinned at its SHARED lock; dirty pages stay in an overlay
 *  that only their writer sees; `PageSpace.commit` is called once for a commit and never for a rollback.
 *
 *  A commit is a SYNC control that `sqlite3_commit_hook` announced and that moves the change counter of
 *  page 1.  Both are needed: after a spill over free-list pages a rollback sends SYNC too, and a commit
 *  that fails after its hook rolls back inside the same statement.  VACUUM calls no hook, so there the
 *  moved counter decides alone.
 *  The database size comes from page 1 because SQLite truncates after the sync; pages above it leave
 *  the overlay.  DESIGN §5 "Page VFS". */

import { assert } from '../base/assert.ts'
import type { Version } from '../pages/store.ts'
import {
  FCNTL_COMMIT_PHASETWO,
  FCNTL_SYNC,
  LOCK_NONE,
  LOCK_RESERVED,
  LOCK_SHARED,
  SQLITE_BUSY,
  SQLITE_BUSY_SNAPSHOT,
  SQLITE_NOTFOUND,
  SQLITE_OK,
  SQLITE_READONLY,
} from './codes.ts'
import {
  changedPages,
  isCounterMoved,
  type Overlay,
  overlayPageSize,
  readPageCount,
  readPages,
} from './overlay.ts'
import type { PageSpace } from './page-space.ts'
import type { VfsFile } from './vfs.ts'

/** What a connection tells its file about the statement that runs. */
export type CommitIntent = {
  readonly role: 'writer' | 'reader'
  /** Set by the commit hook, cleared by SYNC and after every statement. */
  isAnnounced: boolean
  /** The running statement is VACUUM, which commits without the hook. */
  isVacuum: boolean
  /** Tables that the open transaction wrote; empty when that is not known. */
  changedTables(): readonly string[]
}

export type DatabaseFile = { openHandle(intent: CommitIntent): VfsFile }

/** The pager reads these 16 bytes at each SHARED lock to learn whether its cache is stale. */
const FILE_VERSION_AT = 24
const FILE_VERSION_BYTES = 16

type Shared = { readonly space: PageSpace; writer: Handle | undefined }

/** The main file as one connection has it open. */
type Handle = {
  readonly shared: Shared
  readonly intent: CommitIntent
  /** Pages written and not yet committed; empty unless this is the writer. */
  readonly overlay: Overlay
  pinned: Version | undefined
  /** Version that SQLite's page cache of this connection belongs to. */
  cached: Version | undefined
  /** Pages that the writer's file has. */
  filePages: number
}

export function createDatabaseFile(space: PageSpace): DatabaseFile {
  const shared: Shared = { space, writer: undefined }
  return {
    openHandle: (intent) =>
      createFile({
        shared,
        intent,
        overlay: new Map(),
        pinned: undefined,
        cached: undefined,
        filePages: 0,
      }),
  }
}

function createFile(handle: Handle): VfsFile {
  const { shared, overlay } = handle
  const { pages } = shared.space
  const pageSize = (): number => pages.pageSize || overlayPageSize(overlay)
  return {
    read(at, into) {
      const isVersion = at === FILE_VERSION_AT && into.byteLength === FILE_VERSION_BYTES
      if (isVersion && isCacheStale(handle)) {
        // No file has these bytes, so the cache goes.
        into.fill(0xff)
        return true
      }
      return readPages(pages, overlay, handle.pinned ?? pages.version, at, into)
    },
    write: (at, bytes) => writePage(handle, at, bytes),
    truncate(sizeBytes) {
      const size = pageSize()
      handle.filePages = size === 0 ? 0 : Math.ceil(sizeBytes / size)
      for (const pgno of overlay.keys()) if (pgno > handle.filePages) overlay.delete(pgno)
    },
    size() {
      if (shared.writer === handle) return handle.filePages * pageSize()
      return pages.pageCount(handle.pinned ?? pages.version) * pages.pageSize
    },
    lock(level) {
      handle.pinned ??= pages.pin()
      return level >= LOCK_RESERVED ? reserve(handle) : SQLITE_OK
    },
    unlock: (level) => unlock(handle, level),
    isReserved: () => shared.writer !== undefined,
    control(operation) {
      if (operation === FCNTL_COMMIT_PHASETWO) return SQLITE_OK
      if (operation !== FCNTL_SYNC) return SQLITE_NOTFOUND
      sync(handle)
      return SQLITE_OK
    },
    close: () => unlock(handle, LOCK_NONE),
  }
}

/** Others changed pages since this connection last looked.  The change counter shows it mostly, but
 *  not when a tail was cut or a snapshot installed. */
function isCacheStale({ cached, pinned }: Handle): boolean {
  return cached !== undefined && cached !== pinned
}

function reserve(handle: Handle): number {
  const { shared, intent } = handle
  const { space } = shared
  if (shared.writer === handle) return SQLITE_OK
  if (space.isReadOnly || intent.role === 'reader') return SQLITE_READONLY
  if (shared.writer !== undefined) return SQLITE_BUSY
  if (handle.pinned !== space.pages.version) return SQLITE_BUSY_SNAPSHOT
  shared.writer = handle
  handle.filePages = space.pages.pageCount(space.pages.version)
  return SQLITE_OK
}

function unlock(handle: Handle, level: number): void {
  const { shared, overlay, pinned } = handle
  if (shared.writer === handle && level <= LOCK_SHARED) {
    overlay.clear()
    shared.writer = undefined
  }
  if (level !== LOCK_NONE || pinned === undefined) return
  handle.cached = pinned
  handle.pinned = undefined
  shared.space.pages.unpin(pinned)
}

function writePage(handle: Handle, at: number, bytes: Uint8Array): void {
  const { shared, overlay } = handle
  assert(shared.writer === handle, 'SQLite writes pages only under the RESERVED lock')
  const size = shared.space.pages.pageSize || bytes.byteLength
  assert(bytes.byteLength === size && at % size === 0, 'SQLite writes whole pages of one size')
  const pgno = at / size + 1
  const image = overlay.get(pgno)
  if (image === undefined) overlay.set(pgno, bytes.slice())
  else image.set(bytes)
  if (pgno > handle.filePages) handle.filePages = pgno
}

function sync(handle: Handle): void {
  const { shared, intent, overlay } = handle
  const isAnnounced = intent.isAnnounced || intent.isVacuum
  intent.isAnnounced = false
  assert(handle.pinned !== undefined, 'SQLite syncs under a lock')
  if (!isCounterMoved(shared.space.pages, handle.pinned, overlay)) {
    overlay.clear()
    return
  }
  // Dropping it would lose a commit that SQLite believes in; failing makes SQLite roll back.
  assert(isAnnounced, 'a change counter moves only in an announced commit')
  commit(handle)
}

function commit(handle: Handle): void {
  const { shared, intent, overlay } = handle
  const { pages } = shared.space
  assert(handle.pinned === pages.version, 'pages do not change beside an open write transaction')
  const pageCount = readPageCount(overlay)
  const transaction = {
    changes: changedPages(pages, overlay, pageCount),
    pageCount,
    pageSize: overlayPageSize(overlay),
    tables: intent.changedTables(),
  }
  // A pin of the writer's own would make the store keep every page that it is about to replace.
  if (handle.pinned !== undefined) pages.unpin(handle.pinned)
  try {
    shared.space.commit(transaction)
  } finally {
    handle.pinned = pages.pin()
  }
  overlay.clear()
  handle.filePages = pageCount
}
