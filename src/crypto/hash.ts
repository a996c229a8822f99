/** Hashing through one seam: BLAKE3-256 (BLAKE3 paper, 2020; derive-key mode §2.3), by the kernel.
 *  Never: hashes without a context string, so that no two formats share a hash. */

import { currentKernel } from './kernel-slot.ts'

export const HASH_BYTES = 32

/** H(context; parts joined) of FORMATS.  32 bytes. */
export function hashOf(context: string, ...parts: readonly Uint8Array[]): Uint8Array {
  return currentKernel().blake3DeriveKey(context, ...parts)
}

/** `hashOf` of each page, 32 bytes each in their order; pages have one size.  Four at a time, so cheaper
 *  than one by one. */
export function hashPages(context: string, pages: readonly Uint8Array[]): Uint8Array {
  return currentKernel().blake3Pages(context, pages)
}

/** `hashOf` of each 64 bytes of `pairs`, as above. */
export function hashPairs(context: string, pairs: Uint8Array): Uint8Array {
  return currentKernel().blake3Nodes(context, pairs)
}
