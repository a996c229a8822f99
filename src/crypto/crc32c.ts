/** CRC-32C (Castagnoli polynomial, reflected 0x82F63B78; RFC 3720 §12.1). */

import { currentKernel } from './kernel-slot.ts'

/** The checksum of `bytes`, going on from `seed`, the checksum of what stands before them. */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  return currentKernel().crc32c(bytes, seed)
}
