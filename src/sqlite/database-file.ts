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

const CHANGE_COUNTER_AT = 24
const PAGE_COUNT_AT = 28
/** The pager reads these 16 bytes at each SHARED lock to learn whether its cache is stale. */
const FILE_VERSION_BYTES = 16

type Shared = { readonly space: PageSpace; writer: object | undefined }

export function createDatabaseFile(space: PageSpace): DatabaseFile {
  const shared: Shared = { space, writer: undefined }
  return { openHandle: (intent) => openHandle(shared, intent) }
}

function openHandle(shared: Shared, intent: CommitIntent): VfsFile {
  const { space } = shared
  const { pages } = space
  const self = {}
  const overlay = new Map<number, Uint8Array>()
  let pinned: Version | undefined
  /** Version that SQLite's page cache of this connection belongs to. */
  let cached: Version | undefined
  let filePages = 0

  const isWriter = (): boolean => shared.writer === self
  const version = (): Version => pinned ?? pages.version
  /** A pin of the writer's own would make the store keep every page that it is about to replace. */
  const withoutPin = (work: () => void): void => {
    if (pinned !== undefined) pages.unpin(pinned)
    try {
      work()
    } finally {
      pinned = pages.pin()
    }
  }
  const commit = (): void => {
    const pageSize = overlayPageSize(overlay)
    const pageCount = readPageCount(overlay)
    const changes = changedPages(shared, overlay, pageCount)
    const tables = intent.changedTables()
    withoutPin(() => space.commit({ changes, pageCount, pageSize, tables }))
    overlay.clear()
    filePages = pageCount
  }
  const reserve = (): number => {
    if (isWriter()) return SQLITE_OK
    if (space.isReadOnly || intent.role === 'reader') return SQLITE_READONLY
    if (shared.writer !== undefined) return SQLITE_BUSY
    if (pinned !== pages.version) return SQLITE_BUSY_SNAPSHOT
    shared.writer = self
    filePages = pages.pageCount(pinned)
    return SQLITE_OK
  }
  return {
    read(at, into) {
      if (at === CHANGE_COUNTER_AT && into.byteLength === FILE_VERSION_BYTES) {
        // Others changed pages since this connection last looked.  The counter usually shows it, but
        // not when a tail was cut or a snapshot installed; no file has these bytes, so the cache goes.
        if (cached !== undefined && cached !== pinned) {
          into.fill(0xff)
          return true
        }
      }
      return readPages(shared, overlay, version(), at, into)
    },
    write(at, bytes) {
      assert(isWriter(), 'SQLite writes pages only under the RESERVED lock')
      const size = pages.pageSize || bytes.byteLength
      assert(bytes.byteLength === size && at % size === 0, 'SQLite writes whole pages of one size')
      const pgno = at / size + 1
      const image = overlay.get(pgno)
      if (image === undefined) overlay.set(pgno, bytes.slice())
      else image.set(bytes)
      if (pgno > filePages) filePages = pgno
    },
    truncate(sizeBytes) {
      const size = pages.pageSize || overlayPageSize(overlay)
      filePages = size === 0 ? 0 : Math.ceil(sizeBytes / size)
      for (const pgno of overlay.keys()) if (pgno > filePages) overlay.delete(pgno)
    },
    size() {
      if (!isWriter()) return pages.pageCount(version()) * pages.pageSize
      return filePages * (pages.pageSize || overlayPageSize(overlay))
    },
    lock(level) {
      if (pinned === undefined) pinned = pages.pin()
      return level >= LOCK_RESERVED ? reserve() : SQLITE_OK
    },
    unlock(level) {
      if (isWriter() && level <= LOCK_SHARED) {
        overlay.clear()
        shared.writer = undefined
      }
      if (level === LOCK_NONE && pinned !== undefined) {
        cached = pinned
        pages.unpin(pinned)
        pinned = undefined
      }
    },
    isReserved: () => shared.writer !== undefined,
    control(operation) {
      if (operation === FCNTL_COMMIT_PHASETWO) return SQLITE_OK
      if (operation !== FCNTL_SYNC) return SQLITE_NOTFOUND
      const isAnnounced = intent.isAnnounced || intent.isVacuum
      intent.isAnnounced = false
      if (counterMoved(shared, overlay)) {
        // Dropping it would lose a commit that SQLite believes in; failing makes SQLite roll back.
        assert(isAnnounced, 'a change counter moves only in an announced commit')
        commit()
      } else {
        overlay.clear()
      }
      return SQLITE_OK
    },
    close() {
      this.unlock(LOCK_NONE)
    },
  }
}

function readPages(
  shared: Shared,
  overlay: ReadonlyMap<number, Uint8Array>,
  version: Version,
  at: number,
  into: Uint8Array,
): boolean {
  const { pages } = shared.space
  const size = pages.pageSize || overlayPageSize(overlay)
  let done = 0
  // One turn but for a pager that still expects the page size of a replaced database.
  while (size > 0 && done < into.byteLength) {
    const pgno = Math.floor((at + done) / size) + 1
    const offset = (at + done) % size
    const take = Math.min(into.byteLength - done, size - offset)
    const target = take === into.byteLength ? into : into.subarray(done, done + take)
    const image = overlay.get(pgno)
    if (image !== undefined)
      target.set(take === size ? image : image.subarray(offset, offset + take))
    else if (!pages.read(pgno, version, target, offset)) break
    done += take
  }
  if (done === into.byteLength) return true
  into.fill(0, done)
  return false
}

function overlayPageSize(overlay: ReadonlyMap<number, Uint8Array>): number {
  for (const image of overlay.values()) return image.byteLength
  return 0
}

function readPageCount(overlay: ReadonlyMap<number, Uint8Array>): number {
  const header = overlay.get(1)
  assert(header !== undefined, 'a commit writes page 1')
  return new DataView(header.buffer, header.byteOffset).getUint32(PAGE_COUNT_AT)
}

function counterMoved(shared: Shared, overlay: ReadonlyMap<number, Uint8Array>): boolean {
  const { pages } = shared.space
  const header = overlay.get(1)
  if (header === undefined) return false
  if (pages.pageCount(pages.version) === 0) return true
  const committed = pages.image(1)
  for (let at = CHANGE_COUNTER_AT; at < PAGE_COUNT_AT; at++) {
    if (header[at] !== committed[at]) return true
  }
  return false
}

/** The overlay without pages above the new count and without those that are as they were. */
function changedPages(
  shared: Shared,
  overlay: ReadonlyMap<number, Uint8Array>,
  pageCount: number,
): Map<number, Uint8Array> {
  const { pages } = shared.space
  const countBefore = pages.pageCount(pages.version)
  const changes = new Map<number, Uint8Array>()
  for (const [pgno, image] of overlay) {
    if (pgno > pageCount) continue
    if (pgno <= countBefore && isSamePage(image, pages.image(pgno))) continue
    changes.set(pgno, image)
  }
  return changes
}

/** Whole words, because a page that did not change is compared to its end. */
function isSamePage(left: Uint8Array, right: Uint8Array): boolean {
  if (left.byteLength !== right.byteLength) return false
  if (((left.byteOffset | right.byteOffset) & 3) !== 0) {
    return left.every((byte, index) => byte === right[index])
  }
  const words = left.byteLength >> 2
  const leftWords = new Uint32Array(left.buffer, left.byteOffset, words)
  const rightWords = new Uint32Array(right.buffer, right.byteOffset, words)
  for (let index = 0; index < words; index++) {
    if (leftWords[index] !== rightWords[index]) return false
  }
  return true
}
