/** Signer from a seed by the kernel: for keys that are seeds (an owner's, one that was given), and for authors
 *  where the platform has no Ed25519 of its own.  Its limits are in wasm/README.md. */

import { assert } from '../base/assert.ts'
import { currentKernel } from './kernel-slot.ts'
import type { Signer } from './signer.ts'

export const SEED_BYTES = 32

/** Keeps its own copy of the seed; one that is `borrowed` stays the caller's, who wipes it when it is done. */
export function signerFromSeed(seed: Uint8Array, keeping: 'copy' | 'borrowed' = 'copy'): Signer {
  assert(seed.byteLength === SEED_BYTES, 'a seed has 32 bytes')
  const secretKey = keeping === 'copy' ? seed.slice() : seed
  return {
    publicKey: currentKernel().ed25519.publicKey(secretKey),
    sign: async (message) => currentKernel().ed25519.sign(message, secretKey),
  }
}
