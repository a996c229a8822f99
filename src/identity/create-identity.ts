/** createIdentity: a new owner or recovery key for its holder to keep.
 *  Keeps: made by WebCrypto alone, so that a page which imports it loads no other code.
 *  Never: stored by us; the seed is the caller's, and whoever has it owns the shard. */

import { orThrow } from '../base/failure.ts'
import { createWebCryptoSeed, noEd25519 } from '../crypto/signer-webcrypto.ts'

export type Identity = {
  /** 32 secret bytes: `open(name, { identity: seed })`. */
  readonly seed: Uint8Array
  /** `open(name, { recovery: publicKey })`. */
  readonly publicKey: Uint8Array
}

export async function createIdentity(): Promise<Identity> {
  const made = await createWebCryptoSeed().catch((cause: unknown) => {
    throw noEd25519(cause)
  })
  return { seed: orThrow(made.seed), publicKey: made.publicKey }
}
