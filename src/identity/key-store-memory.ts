/** Key store in memory: for copies that live in memory themselves; their keys go with them.
 *  Never: stands in for a durable store that failed. */

import type { Signer } from '../crypto/signer.ts'
import { signerFromSeed } from '../crypto/signer-kernel.ts'
import { type KeyName, type KeyStore, keyExists } from './key-store.ts'

/** `random` answers that many secure random bytes: a Host's. */
export function createMemoryKeyStore(random: (sizeBytes: number) => Uint8Array): KeyStore {
  const signers = new Map<KeyName, Signer>()
  return {
    stored: 'memory',
    load: async (name) => signers.get(name),
    async create(name) {
      if (signers.has(name)) throw keyExists(name)
      const signer = signerFromSeed(random(32))
      signers.set(name, signer)
      return signer
    },
    async remove() {
      signers.clear()
    },
    close: async () => {},
  }
}
