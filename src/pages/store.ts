/** Page store: the committed pages of one copy, as versions over a page file.
 *  A *version* counts commits and applies since open; readers pin one and see a stable snapshot.
 *  Keeps: images are immutable once committed; a page at or below the page count that nobody wrote since
 *  the database last shrank below it is zeros, whatever the page file holds there; an image leaves
 *  memory only when the page file holds it durably and no pin needs an older one.
 *  Never: writes the log; the shard does that before it calls `commit`.  Never checks a page against
 *  its leaf.  Older versions are in pins.ts, writing in place in page-file.ts. */

import { assert } from '../base/assert.ts'
import { createMutex } from '../base/mutex.ts'
import type { DeviceFile } from '../storage/device.ts'
import { isPageSize, lockBytePgno, PAGE_COUNT_MAX } from './layout.ts'
import { writePages } from './page-file.ts'
import { createPins, type SavedPage } from './pins.ts'

/** A plain number, not a Seq: it starts at 0 at every open. */
export type Version = number

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

/** A page count that fell, and the version that began with it. */
type Shrink = { readonly version: Version; readonly pageCount: number }

export function createPageStore(options: PageStoreOptions): PageStore {
  const pins = createPins(options.retainedBytesMax ?? RETAINED_BYTES_MAX)
  const checkpoints = createMutex()
  let { file, pageSize, pageCount } = options
  assert(pageCount === 0 || isPageSize(pageSize), `${pageSize} is a page size of SQLite`)
  let version: Version = 0
  let generation = 0
  /** Newest images that the page file does not hold durably. */
  const newest = new Map<number, Uint8Array>()
  /** The version that the page file holds under the images above, and its page count. */
  let fileVersion: Version = 0
  let filePageCount = pageCount
  /** Page counts that fell after `fileVersion`, ascending by version. */
  let shrinks: Shrink[] = []
  /** Pages of the file that the newest version sees; above, what nobody wrote is zeros. */
  let visibleCount = pageCount

  const readFile = (pgno: number, target: Uint8Array, offset: number): void => {
    const count = file.read((pgno - 1) * pageSize + offset, target)
    if (count < target.byteLength) target.fill(0, count)
  }
  const fileImage = (pgno: number): Uint8Array => {
    const image = new Uint8Array(pageSize)
    readFile(pgno, image, 0)
    return image
  }
  const newestPage = (pgno: number): SavedPage => {
    const image = newest.get(pgno)
    if (image !== undefined) return image
    return pgno <= visibleCount && pgno !== lockBytePgno(pageSize) ? 'in-file' : 'zeros'
  }
  const pageAt = (pgno: number, at: Version): SavedPage =>
    (at === version ? undefined : pins.find(pgno, at)) ?? newestPage(pgno)
  const countAt = (at: Version): number => {
    const count = at === version ? pageCount : pins.pageCount(at)
    assert(count !== undefined, `version ${at} is the newest or pinned`)
    return count
  }
  const visibleAt = (at: Version): number =>
    shrinks.reduce(
      (count, shrink) => (shrink.version <= at ? Math.min(count, shrink.pageCount) : count),
      filePageCount,
    )
  const shrinkTo = (nextCount: number): void => {
    const savedEnd = Math.min(pageCount, pins.newestPageCount)
    for (let pgno = nextCount + 1; pgno <= savedEnd; pgno++) pins.save(pgno, newestPage(pgno))
    for (const pgno of newest.keys()) if (pgno > nextCount) newest.delete(pgno)
    visibleCount = Math.min(visibleCount, nextCount)
    // Only the newest and pinned versions are ever asked for; what lies between two counts as one.
    const last = shrinks.at(-1)
    const joined =
      last !== undefined && last.version > pins.newestVersion ? shrinks.pop() : undefined
    const lowest = Math.min(nextCount, joined?.pageCount ?? nextCount)
    shrinks.push({ version: version + 1, pageCount: lowest })
  }
  /** The images that the page file lacks to be version `at`. */
  const dirtyAt = (at: Version): Map<number, Uint8Array> => {
    const count = countAt(at)
    if (at === version) return new Map(newest)
    const changed = pins.changedSince(at)
    const dirty = new Map<number, Uint8Array>()
    for (const [pgno, page] of changed) if (typeof page !== 'string') dirty.set(pgno, page)
    for (const [pgno, image] of newest) {
      if (pgno <= count && !changed.has(pgno)) dirty.set(pgno, image)
    }
    return dirty
  }
  /** Everything up to the sync happens at once, so that no commit comes between. */
  const runCheckpoint = async (at: Version): Promise<void> => {
    assert(at >= fileVersion, 'the page file never goes back')
    const count = countAt(at)
    const images = dirtyAt(at)
    const keptCount = visibleAt(at)
    for (const pgno of [...images.keys(), ...pins.inFileAbove(keptCount)]) {
      pins.materialise(pgno, () => fileImage(pgno))
      pins.enforceLimit()
    }
    writePages({ file, pageSize, keptCount, images })
    fileVersion = at
    filePageCount = count
    shrinks = shrinks.filter((shrink) => shrink.version > at)
    visibleCount = visibleAt(version)
    const generationThen = generation
    await file.sync()
    if (generation !== generationThen) return
    for (const [pgno, image] of images) {
      if (newest.get(pgno) === image && pgno <= visibleCount) newest.delete(pgno)
    }
  }
  return {
    get pageSize() {
      return pageSize
    },
    get version() {
      return version
    },
    get dirtyBytes() {
      return newest.size * pageSize
    },
    pageCount: countAt,
    read(pgno, at, target, offset) {
      if (pgno < 1 || pgno > countAt(at)) return false
      assert(offset + target.byteLength <= pageSize, 'a read stays inside its page')
      const page = pageAt(pgno, at)
      if (page === 'in-file') readFile(pgno, target, offset)
      else if (page === 'zeros') target.fill(0)
      else target.set(page.subarray(offset, offset + target.byteLength))
      return true
    },
    image(pgno) {
      assert(pgno >= 1 && pgno <= pageCount, `page ${pgno} is within the page count`)
      const page = newestPage(pgno)
      if (typeof page !== 'string') return page
      return page === 'in-file' ? fileImage(pgno) : new Uint8Array(pageSize)
    },
    pin() {
      pins.pin(version, pageCount)
      return version
    },
    unpin: pins.unpin,
    commit(changes, nextCount, nextPageSize) {
      assert(
        nextCount >= 0 && nextCount <= PAGE_COUNT_MAX,
        `${nextCount} pages are within the limit`,
      )
      assert(
        nextCount === 0 || isPageSize(nextPageSize),
        `${nextPageSize} is a page size of SQLite`,
      )
      assert(pageSize === 0 || nextCount === 0 || nextPageSize === pageSize, 'the page size stays')
      if (pageSize === 0) pageSize = nextPageSize
      const lockByte = lockBytePgno(pageSize)
      if (nextCount < pageCount) shrinkTo(nextCount)
      for (const [pgno, image] of changes) {
        if (pgno > nextCount || pgno === lockByte) continue
        assert(pgno >= 1 && image.byteLength === pageSize, 'an image is one page')
        pins.save(pgno, newestPage(pgno))
        newest.set(pgno, image)
      }
      pageCount = nextCount
      version += 1
      pins.enforceLimit()
      return version
    },
    dirtyPages: (at = version) => [...dirtyAt(at).keys()].sort((one, other) => one - other),
    checkpoint: (at) => checkpoints.run(() => runCheckpoint(at ?? version)),
    replace(nextFile, nextPageSize, nextCount) {
      assert(
        nextCount === 0 || isPageSize(nextPageSize),
        `${nextPageSize} is a page size of SQLite`,
      )
      newest.clear()
      pins.dropAll()
      generation += 1
      version += 1
      file = nextFile
      pageSize = nextPageSize
      pageCount = nextCount
      fileVersion = version
      filePageCount = nextCount
      visibleCount = nextCount
      shrinks = []
    },
  }
}
