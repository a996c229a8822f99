/** Page store: the committed pages of one copy, as versions over a page file.
 *  A *version* counts commits and applies since open; readers pin one and see a stable snapshot.
 *  Keeps: images are immutable once committed; a page at or below the page count that nobody wrote since
 *  the database last shrank below it is zeros, whatever the page file holds there; an image leaves
 *  memory only when the page file holds it durably and no pin needs an older one.
 *  Never: writes the log; the shard does that before it calls `commit`.  Never checks a page against
 *  its leaf.  The newest version is in overlay.ts, older ones in pins.ts, writing in place in
 *  checkpoint.ts. */

import { assert } from '../base/assert.ts'
import { createMutex } from '../base/mutex.ts'
import type { DeviceFile } from '../storage/device.ts'
import { checkpointOverlay, dirtyImages } from './checkpoint.ts'
import {
  advanceOverlay,
  assertPageSize,
  createOverlay,
  imageInFile,
  newestPage,
  type Overlay,
  type OverlayInit,
  type PageCheck,
  pageAt,
  pageCountAt,
  readPageFile,
} from './overlay.ts'
import { dropPins, pinVersion, unpinVersion, type Version } from './pins.ts'

export type { Version } from './pins.ts'

export type PageChanges = ReadonlyMap<number, Uint8Array>

export type PageStore = {
  /** Bytes of a page; 0 while the database has none. */
  readonly pageSize: number
  readonly version: Version
  /** Of the newest or a pinned version. */
  pageCount(version: Version): number
  /** Copies bytes of page `pgno` from `offset` into `target`, as of `version` (the newest or a pinned
   *  one); false above its count.  Throws ErrSnapshotTooOld. */
  read(pgno: number, version: Version, target: Uint8Array, offset: number): boolean
  /** The whole page as of the newest version.  Not to be written to. */
  image(pgno: number): Uint8Array
  /** Readers: `pin` answers the newest version. */
  pin(): Version
  unpin(version: Version): void
  /** Makes a new version.  `changes` are owned by the store from here on; those above `pageCount` are
   *  left out. */
  commit(changes: PageChanges, pageCount: number, pageSize: number): Version
  /** Pages that the page file does not hold yet, ascending; as of a pinned version when one is given. */
  dirtyPages(version?: Version): readonly number[]
  readonly dirtyBytes: number
  /** Writes every dirty image in place, truncates to the page count and syncs.  With a pinned version
   *  the page file becomes that version, however many commits came since. */
  checkpoint(version?: Version): Promise<void>
  /** From now on every page is shown to `check` when it is first read from the page file.  It throws for
   *  one that is not what was written, and the read with it. */
  checkFirstReads(check: PageCheck): void
  /** Goes on over another page file (an installed snapshot), all versions forgotten. */
  replace(file: DeviceFile, pageSize: number, pageCount: number): void
}

export type PageStoreOptions = {
  /** The page file.  What lies beyond `pageCount` in it is ignored. */
  readonly file: DeviceFile
  /** 0 while the database has no page. */
  readonly pageSize: number
  readonly pageCount: number
  /** Images kept for pinned versions; past it the oldest is too old. */
  readonly retainedBytesMax?: number
}

export const RETAINED_BYTES_MAX: number = 64 * 1024 * 1024

export function createPageStore(options: PageStoreOptions): PageStore {
  const overlay = createOverlay(options, options.retainedBytesMax ?? RETAINED_BYTES_MAX)
  const checkpoints = createMutex()
  return {
    get pageSize() {
      return overlay.pageSize
    },
    get version() {
      return overlay.version
    },
    get dirtyBytes() {
      return overlay.newest.size * overlay.pageSize
    },
    pageCount: (version) => pageCountAt(overlay, version),
    read: (pgno, version, target, offset) => readPage(overlay, pgno, version, target, offset),
    image: (pgno) => wholeImage(overlay, pgno),
    pin() {
      pinVersion(overlay.pins, overlay.version, overlay.pageCount)
      return overlay.version
    },
    unpin: (version) => unpinVersion(overlay.pins, version),
    commit(changes, pageCount, pageSize) {
      advanceOverlay(overlay, changes, pageCount, pageSize)
      return overlay.version
    },
    dirtyPages(version = overlay.version) {
      return [...dirtyImages(overlay, version).keys()].sort((one, other) => one - other)
    },
    checkpoint: (version) =>
      checkpoints.run(() => checkpointOverlay(overlay, version ?? overlay.version)),
    checkFirstReads(check) {
      overlay.check = check
    },
    replace: (file, pageSize, pageCount) => replacePages(overlay, { file, pageSize, pageCount }),
  }
}

/** Positional like the seam: this is the hot path of every query. */
function readPage(
  overlay: Overlay,
  pgno: number,
  version: Version,
  target: Uint8Array,
  offset: number,
): boolean {
  if (pgno < 1 || pgno > pageCountAt(overlay, version)) return false
  assert(offset + target.byteLength <= overlay.pageSize, 'a read stays inside its page')
  const page = pageAt(overlay, pgno, version)
  if (page === 'in-file') readPageFile(overlay, pgno, target, offset)
  else if (page === 'zeros') target.fill(0)
  else target.set(page.subarray(offset, offset + target.byteLength))
  return true
}

function wholeImage(overlay: Overlay, pgno: number): Uint8Array {
  assert(pgno >= 1 && pgno <= overlay.pageCount, `page ${pgno} is within the page count`)
  const page = newestPage(overlay, pgno)
  if (typeof page !== 'string') return page
  return page === 'in-file' ? imageInFile(overlay, pgno) : new Uint8Array(overlay.pageSize)
}

function replacePages(overlay: Overlay, { file, pageSize, pageCount }: OverlayInit): void {
  assertPageSize(pageSize, pageCount)
  overlay.newest.clear()
  dropPins(overlay.pins)
  overlay.generation += 1
  overlay.version += 1
  overlay.checked = new Uint8Array(0)
  overlay.file = file
  overlay.pageSize = pageSize
  overlay.pageCount = pageCount
  overlay.fileVersion = overlay.version
  overlay.filePageCount = pageCount
  overlay.visibleCount = pageCount
  overlay.shrinks = []
}
