/** Hashing through one seam: BLAKE3-256 (BLAKE3 paper, 2020; derive-key mode §2.3) and CRC-32C.
 *  Keeps: the signature of these functions, behind which the WASM kernel will sit (issue 4).
 *  Never: hashes without a context string, so that no two formats share a hash. */

import { blake3 } from '@noble/hashes/blake3.js'

export const HASH_BYTES = 32

type Contexts = Map<string, ReturnType<typeof blake3.create>>

const contexts: Contexts = new Map()
const utf8 = new TextEncoder()

/** H(context; parts joined) of FORMATS.  32 bytes. */
export function hashOf(context: string, ...parts: readonly Uint8Array[]): Uint8Array {
  let base = contexts.get(context)
  if (base === undefined) {
    base = blake3.create({ context: utf8.encode(context) })
    contexts.set(context, base)
  }
  // Deriving the context's key costs as much as hashing 1 KiB, so clone a hasher that has done it.
  const hasher = base.clone()
  for (const part of parts) hasher.update(part)
  return hasher.digest()
}
