/** Checkpoint of the page store: makes the page file one version of the pages, in place.
 *  Keeps: images leave memory only after the sync; what a pin still sees in the file is taken into memory
 *  before it is overwritten or cut off; stale bytes beyond the pages that count are cut off before
 *  anything grows the file over them; everything up to the sync happens at once, so that no commit comes
 *  between.  Never: writes the log; the shard has made it durable up to that version. */

import { assert } from '../base/assert.ts'
import type { DeviceFile } from '../storage/device.ts'
import { imageInFile, type Overlay, pageCountAt, visibleCountAt } from './overlay.ts'
import { changedSince, enforceLimit, inFileAbove, materialisePage, type Version } from './pins.ts'

/** Adjacent pages go out in one write of at most this size. */
const WRITE_BYTES_MAX = 1024 * 1024

/** The images that the page file lacks to be `version`. */
export function dirtyImages(overlay: Overlay, version: Version): Map<number, Uint8Array> {
  const { newest, pins } = overlay
  if (version === overlay.version) return new Map(newest)
  const pageCount = pageCountAt(overlay, version)
  const changed = changedSince(pins, version)
  const dirty = new Map<number, Uint8Array>()
  for (const [pgno, page] of changed) if (typeof page !== 'string') dirty.set(pgno, page)
  for (const [pgno, image] of newest) {
    if (pgno <= pageCount && !changed.has(pgno)) dirty.set(pgno, image)
  }
  return dirty
}

export async function checkpointOverlay(overlay: Overlay, version: Version): Promise<void> {
  assert(version >= overlay.fileVersion, 'the page file never goes back')
  const { file, generation, newest, pageSize } = overlay
  const pageCount = pageCountAt(overlay, version)
  const keptCount = visibleCountAt(overlay, version)
  const images = dirtyImages(overlay, version)
  takeFromFile(overlay, images, keptCount)
  if (file.size() > keptCount * pageSize) file.truncate(keptCount * pageSize)
  writeImages(file, pageSize, images)
  overlay.fileVersion = version
  overlay.filePageCount = pageCount
  overlay.shrinks = overlay.shrinks.filter((shrink) => shrink.version > version)
  overlay.visibleCount = visibleCountAt(overlay, overlay.version)
  await file.sync()
  if (overlay.generation !== generation) return
  for (const [pgno, image] of images) {
    if (newest.get(pgno) === image && pgno <= overlay.visibleCount) newest.delete(pgno)
  }
}

/** Saves for older pins what the page file is about to lose. */
function takeFromFile(
  overlay: Overlay,
  images: ReadonlyMap<number, Uint8Array>,
  keptCount: number,
): void {
  const { pins } = overlay
  for (const pgno of [...images.keys(), ...inFileAbove(pins, keptCount)]) {
    materialisePage(pins, pgno, () => imageInFile(overlay, pgno))
    enforceLimit(pins)
  }
}

function writeImages(
  file: DeviceFile,
  pageSize: number,
  images: ReadonlyMap<number, Uint8Array>,
): void {
  const pages = [...images.entries()].sort(([one], [other]) => one - other)
  const pagesMax = WRITE_BYTES_MAX / pageSize
  const buffer = new Uint8Array(Math.min(pagesMax, pages.length) * pageSize)
  let first = 0
  let count = 0
  const write = (): void => {
    if (count > 0) file.write((first - 1) * pageSize, buffer.subarray(0, count * pageSize))
    count = 0
  }
  for (const [pgno, image] of pages) {
    if (count === pagesMax || pgno !== first + count) write()
    if (count === 0) first = pgno
    buffer.set(image, count * pageSize)
    count += 1
  }
  write()
}
