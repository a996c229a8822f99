/** Object key: the key of a relay in an object, kept with the first shard that is stored.
 *  Keeps: a kept key is durable before the shard that it signs receipts of; until then nothing is written, so that
 *  connecting to a path makes nothing that stays and is billed.
 *  Weakness: a relay without a shard has another key in each life, so its connections do not outlive one. */

import type { Host } from '../base/host.ts'
import type { Signer } from '../crypto/signer.ts'
import { SEED_BYTES, signerFromSeed } from '../crypto/signer-kernel.ts'
import { createDurableObjectKeyStore } from '../identity/key-store-durable-object.ts'
import type { ObjectStorage, RowMeter } from '../storage/durable-object-tables.ts'

const KEY_NAME = 'relay'

export type ObjectKey = {
  readonly signer: Signer
  /** Whether an earlier life kept it. */
  readonly isOld: boolean
  /** Resolves when it is kept; writes once. */
  keep(): Promise<void>
}

export async function openObjectKey(
  host: Host,
  storage: ObjectStorage,
  meter: RowMeter,
): Promise<ObjectKey> {
  const seed = host.random(SEED_BYTES)
  const keys = createDurableObjectKeyStore(storage, { name: KEY_NAME, random: () => seed, meter })
  const old = hasKeys(storage) ? await keys.load('author') : undefined
  if (old !== undefined) return { signer: old, isOld: true, keep: () => Promise.resolve() }
  let kept: Promise<unknown> | undefined
  return {
    signer: signerFromSeed(seed),
    isOld: false,
    async keep() {
      kept ??= keys.create('author').catch((error: unknown) => {
        // The next shard tries again.
        kept = undefined
        throw error
      })
      await kept
    },
  }
}

/** Whether a key was ever kept here, asked without making anything. */
export function hasKeys(storage: ObjectStorage): boolean {
  const found = storage.sql.exec(
    "SELECT name FROM sqlite_master WHERE name = 'constellite_keys' LIMIT 1",
  )
  return [...found].length > 0
}
