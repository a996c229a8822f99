/** Overlay: the pages that a transaction has written and not committed, over a version of the store.
 *  Never: keeps a page above the count that page 1 gives; what SQLite truncates after the sync must not
 *  reach the record. */

import { assert } from '../base/assert.ts'
import type { PageStore, Version } from '../pages/store.ts'

/** Images by page number. */
export type Overlay = Map<number, Uint8Array>

const CHANGE_COUNTER_AT = 24
const PAGE_COUNT_AT = 28

/** Fills `into` from `at` as the writer sees it: its own pages over a version.  False past the end. */
export function readPages(
  pages: PageStore,
  overlay: Overlay,
  version: Version,
  at: number,
  into: Uint8Array,
): boolean {
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

/** 0 while nothing was written. */
export function overlayPageSize(overlay: Overlay): number {
  for (const image of overlay.values()) return image.byteLength
  return 0
}

/** What SQLite says the database's size is, in the header that every commit writes. */
export function readPageCount(overlay: Overlay): number {
  const header = overlay.get(1)
  assert(header !== undefined, 'a commit writes page 1')
  return new DataView(header.buffer, header.byteOffset).getUint32(PAGE_COUNT_AT)
}

/** Every commit, and nothing else, moves the change counter of `base` forward (by one, or by more after
 *  a first commit that failed; it wraps at 32 bits).  A rollback puts page 1 back as it was, even when
 *  others have committed since. */
export function isCounterMoved(pages: PageStore, base: Version, overlay: Overlay): boolean {
  const header = overlay.get(1)
  if (header === undefined) return false
  const counter = new Uint8Array(4)
  pages.read(1, base, counter, CHANGE_COUNTER_AT)
  const before = new DataView(counter.buffer).getUint32(0)
  const after = new DataView(header.buffer, header.byteOffset).getUint32(CHANGE_COUNTER_AT)
  return ((after - before) | 0) > 0
}

/** The overlay without pages above the new count and without those that are as they were. */
export function changedPages(
  pages: PageStore,
  overlay: Overlay,
  pageCount: number,
): Map<number, Uint8Array> {
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
