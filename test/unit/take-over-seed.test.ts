/** The copy of the owner's seed with which a copy takes over is wiped, whatever comes of it. */

import { expect, it } from 'vitest'
import { signerFromSeed } from '../../src/crypto/signer-kernel.ts'
import { createTakeOver, type TakeOverParts } from '../../src/database/take-over.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'

const SEED = new Uint8Array(32).fill(7)

/** A seed whose copies are seen. */
function watched(bytes: Uint8Array): { readonly key: Uint8Array; readonly copies: Uint8Array[] } {
  const key = bytes.slice()
  const copies: Uint8Array[] = []
  key.slice = () => {
    const copy = bytes.slice()
    copies.push(copy)
    return copy
  }
  return { key, copies }
}

function parts(takeOver: () => Promise<void>): TakeOverParts {
  return {
    host: createManualHost(),
    shard: {
      role: 'follower',
      halted: undefined,
      // Branded numbers, which nothing here looks at.
      head: { seq: 3n, checksum: new Uint8Array(32) } as TakeOverParts['shard']['head'],
      authority: [],
      takeOver,
    },
    executor: { alone: async (task) => await task() },
    owner: signerFromSeed(SEED),
    sync: (): undefined => undefined,
    restartSync: (): void => undefined,
    reopen: (): void => undefined,
  }
}

it.each([
  ['it is taken', SEED, async (): Promise<void> => undefined, false],
  [
    'the hand-over is refused',
    SEED,
    (): Promise<void> => Promise.reject(new Error('refused')),
    true,
  ],
  ['it has the wrong length', SEED.subarray(1), async (): Promise<void> => undefined, true],
] as const)('%s', async (_, seed, handOver, fails) => {
  const { key, copies } = watched(seed)
  const done = createTakeOver(parts(handOver))({ key, isLossy: true })
  if (fails) await expect(done).rejects.toThrow()
  else await expect(done).resolves.toMatchObject({ seq: 3n })
  expect(copies).toEqual([new Uint8Array(seed.byteLength)])
  expect(key[0]).toBe(7)
})
