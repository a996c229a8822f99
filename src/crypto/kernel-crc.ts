/** CRC-32 and CRC-32C in the kernel; see wasm/src/crc32.c.  Longer input goes in pieces, so that the
 *  kernel's memory stays small. */

import type { KernelInstance } from './kernel-instance.ts'
import type { Crc } from './kernel-interface.ts'

const PIECE_BYTES = 1 << 18

export function createCrc(instance: KernelInstance): Crc {
  const { run } = instance
  run.crc32_prepare()
  type Checksum = (input: number, size: number, seed: number) => number
  const checksum = (of: Checksum, bytes: Uint8Array, seed: number): number => {
    const size = bytes.byteLength
    if (size <= PIECE_BYTES) return of(put(bytes), size, seed) >>> 0
    let crc = seed
    for (let at = 0; at < size; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES)
      crc = of(put(piece), piece.byteLength, crc)
    }
    return crc >>> 0
  }
  const put = (bytes: Uint8Array): number => {
    const place = instance.scratch(bytes.byteLength)
    instance.bytes().set(bytes, place)
    return place
  }
  return {
    crc32: (bytes, seed = 0) => checksum(run.crc32, bytes, seed),
    crc32c: (bytes, seed = 0) => checksum(run.crc32c, bytes, seed),
  }
}
