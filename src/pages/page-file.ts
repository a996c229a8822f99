/** Page file: the plain SQLite file under a page store, written in place at a checkpoint.
 *  Keeps: page n lies at (n − 1) × page size; adjacent pages go out in one write of at most 1 MiB; stale
 *  bytes beyond the pages that count are cut off before anything grows the file over them.
 *  Never: syncs; the store does, and forgets images only after it. */

import type { DeviceFile } from '../storage/device.ts'

export type PageWrites = {
  readonly file: DeviceFile
  readonly pageSize: number
  /** Pages of the file that still count; the rest is cut off first. */
  readonly keptCount: number
  readonly images: ReadonlyMap<number, Uint8Array>
}

const WRITE_BYTES_MAX = 1024 * 1024

export function writePages({ file, pageSize, keptCount, images }: PageWrites): void {
  const keptBytes = keptCount * pageSize
  if (file.size() > keptBytes) file.truncate(keptBytes)
  const pages = [...images.keys()].sort((one, other) => one - other)
  const pagesMax = Math.max(1, Math.floor(WRITE_BYTES_MAX / pageSize))
  let buffer: Uint8Array | undefined
  for (let index = 0; index < pages.length; ) {
    const first = pages[index] as number
    let count = 1
    while (count < pagesMax && pages[index + count] === first + count) count += 1
    const at = (first - 1) * pageSize
    if (count === 1) {
      // The number comes from the map.
      file.write(at, images.get(first) as Uint8Array)
    } else {
      buffer ??= new Uint8Array(Math.min(pagesMax, pages.length) * pageSize)
      for (let offset = 0; offset < count; offset++) {
        buffer.set(images.get(first + offset) as Uint8Array, offset * pageSize)
      }
      file.write(at, buffer.subarray(0, count * pageSize))
    }
    index += count
  }
}
