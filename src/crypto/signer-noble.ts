/** Signer from a seed by @noble/ed25519: the oracle of the suite, and public keys where no kernel is loaded
 *  (a page that makes an identity).  About 0.5 ms a signature. */

import { assert } from '../base/assert.ts'
import { nobleEd25519 } from './noble.ts'
import type { Signer } from './signer.ts'

export const SEED_BYTES = 32

/** Keeps its own copy of the seed. */
export function signerFromSeed(seed: Uint8Array): Signer {
  assert(seed.byteLength === SEED_BYTES, 'a seed has 32 bytes')
  const secretKey = seed.slice()
  const publicKey = publicKeyFromSeed(secretKey)
  return {
    publicKey,
    sign: async (message) => nobleEd25519().sign(message, secretKey),
  }
}

export function publicKeyFromSeed(seed: Uint8Array): Uint8Array {
  return nobleEd25519().getPublicKey(seed)
}
