/** Overlay: the newest version of all pages, as images over a page file, and the way from one version to
 *  the next (multi-version reads of store.ts).
 *  Keeps: what is not in `newest` and not visible in the page file is zeros; a page that changes or is cut
 *  off is first saved for those who pinned an older version.
 *  Never: writes the page file; checkpoint.ts does. */

import { assert } from '../base/assert.ts'
import type { DeviceFile } from '../storage/device.ts'
import { isPageSize, lockBytePgno, PAGE_COUNT_MAX } from './layout.ts'
import {
  createPins,
  enforceLimit,
  findPage,
  newestPin,
  type Pins,
  type SavedPage,
  savePage,
  type Version,
} from './pins.ts'

/** A page count that fell, and the version that began with it. */
type Shrink = { readonly version: Version; readonly pageCount: number }

export type Overlay = {
  file: DeviceFile
  pageSize: number
  pageCount: number
  version: Version
  readonly pins: Pins
  /** Newest images that the page file does not hold durably. */
  readonly newest: Map<number, Uint8Array>
  /** The version that the page file holds under the images above, and its page count. */
  fileVersion: Version
  filePageCount: number
  /** Page counts that fell after `fileVersion`, ascending by version. */
  shrinks: Shrink[]
  /** Pages of the file that the newest version sees; above, what nobody wrote is zeros. */
  visibleCount: number
  /** Looks at a page when it is first read from the file; throws for one that is not what was written. */
  check: PageCheck | undefined
  /** 1 for each page, by number, that was looked at since the file was opened. */
  checked: Uint8Array
  /** Counts page files. */
  generation: number
}

/** Given a page of the newest version, as the file holds it. */
export type PageCheck = (pgno: number, page: Uint8Array) => void

export type OverlayInit = {
  readonly file: DeviceFile
  readonly pageSize: number
  readonly pageCount: number
}

export function createOverlay(init: OverlayInit, retainedBytesMax: number): Overlay {
  const { file, pageSize, pageCount } = init
  assertPageSize(pageSize, pageCount)
  return {
    file,
    pageSize,
    pageCount,
    version: 0,
    pins: createPins(retainedBytesMax),
    newest: new Map(),
    fileVersion: 0,
    filePageCount: pageCount,
    shrinks: [],
    visibleCount: pageCount,
    check: undefined,
    checked: new Uint8Array(0),
    generation: 0,
  }
}

/** Page count of the newest or a pinned version. */
export function pageCountAt(overlay: Overlay, version: Version): number {
  if (version === overlay.version) return overlay.pageCount
  const pin = overlay.pins.byVersion.get(version)
  assert(pin !== undefined, `version ${version} is the newest or pinned`)
  return pin.pageCount
}

/** A page of the newest or a pinned version.  Throws ErrSnapshotTooOld. */
export function pageAt(overlay: Overlay, pgno: number, version: Version): SavedPage {
  const isNewest = version === overlay.version
  return (isNewest ? undefined : findPage(overlay.pins, pgno, version)) ?? newestPage(overlay, pgno)
}

export function newestPage(overlay: Overlay, pgno: number): SavedPage {
  const image = overlay.newest.get(pgno)
  if (image !== undefined) return image
  const isVisible = pgno <= overlay.visibleCount && pgno !== lockBytePgno(overlay.pageSize)
  return isVisible ? 'in-file' : 'zeros'
}

/** Reads the page file; bytes beyond its end are zeros. */
export function readPageFile(
  overlay: Overlay,
  pgno: number,
  target: Uint8Array,
  offset: number,
): void {
  if (overlay.check !== undefined && overlay.checked[pgno] !== 1) checkPage(overlay, pgno)
  readUnchecked(overlay, pgno, target, offset)
}

/** What an older version alone still sees in the file has no leaf in the tree any more. */
function checkPage(overlay: Overlay, pgno: number): void {
  const { check, newest, pageSize, visibleCount } = overlay
  if (check === undefined || newest.has(pgno) || pgno > visibleCount) return
  const page = new Uint8Array(pageSize)
  readUnchecked(overlay, pgno, page, 0)
  check(pgno, page)
  if (pgno >= overlay.checked.length) {
    const grown = new Uint8Array(Math.max(pgno + 1, overlay.pageCount + 1))
    grown.set(overlay.checked)
    overlay.checked = grown
  }
  overlay.checked[pgno] = 1
}

function readUnchecked(
  { file, pageSize }: Overlay,
  pgno: number,
  target: Uint8Array,
  offset: number,
): void {
  const count = file.read((pgno - 1) * pageSize + offset, target)
  if (count < target.byteLength) target.fill(0, count)
}

export function imageInFile(overlay: Overlay, pgno: number): Uint8Array {
  const image = new Uint8Array(overlay.pageSize)
  readPageFile(overlay, pgno, image, 0)
  return image
}

/** Pages of the page file that a version sees, its own images aside. */
export function visibleCountAt({ filePageCount, shrinks }: Overlay, version: Version): number {
  return shrinks.reduce(
    (count, shrink) => (shrink.version <= version ? Math.min(count, shrink.pageCount) : count),
    filePageCount,
  )
}

/** The next version. */
export function advanceOverlay(
  overlay: Overlay,
  changes: ReadonlyMap<number, Uint8Array>,
  pageCount: number,
  pageSize: number,
): void {
  const { pins, newest } = overlay
  assert(pageCount >= 0 && pageCount <= PAGE_COUNT_MAX, `${pageCount} pages are within the limit`)
  assertPageSize(pageSize, pageCount)
  const isSame = overlay.pageSize === 0 || pageCount === 0 || pageSize === overlay.pageSize
  assert(isSame, 'the page size of a database never changes')
  if (overlay.pageSize === 0) overlay.pageSize = pageSize
  if (pageCount < overlay.pageCount) cutOff(overlay, pageCount)
  const lockByte = lockBytePgno(overlay.pageSize)
  for (const [pgno, image] of changes) {
    if (pgno > pageCount || pgno === lockByte) continue
    assert(pgno >= 1 && image.byteLength === overlay.pageSize, 'an image is one page')
    savePage(pins, pgno, newestPage(overlay, pgno))
    newest.set(pgno, image)
  }
  overlay.pageCount = pageCount
  overlay.version += 1
  enforceLimit(pins)
}

function cutOff(overlay: Overlay, pageCount: number): void {
  const { pins, newest, shrinks } = overlay
  const pin = newestPin(pins)
  const savedEnd = Math.min(overlay.pageCount, pin?.pageCount ?? 0)
  for (let pgno = pageCount + 1; pgno <= savedEnd; pgno++) {
    savePage(pins, pgno, newestPage(overlay, pgno))
  }
  for (const pgno of newest.keys()) if (pgno > pageCount) newest.delete(pgno)
  overlay.visibleCount = Math.min(overlay.visibleCount, pageCount)
  // Only the newest and pinned versions are ever asked for; what lies between two counts as one.
  const last = shrinks.at(-1)
  const joined =
    last !== undefined && last.version > (pin?.version ?? -1) ? shrinks.pop() : undefined
  const lowest = Math.min(pageCount, joined?.pageCount ?? pageCount)
  shrinks.push({ version: overlay.version + 1, pageCount: lowest })
}

export function assertPageSize(pageSize: number, pageCount: number): void {
  assert(pageCount === 0 || isPageSize(pageSize), `${pageSize} is a page size of SQLite`)
}
