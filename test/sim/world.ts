/** World: what all parts of one simulation share. */

import type { Signer } from '../../src/crypto/signer.ts'
import { signerFromSeed } from '../../src/crypto/signer-kernel.ts'
import { createRandom, type Random } from '../../src/testing/random.ts'
import type { Coverage } from './coverage.ts'
import { createLedger } from './ledger.ts'
import type { Network } from './network.ts'
import type { Observer, ShardFacts } from './observer.ts'
import { createProcess, type SimProcess } from './process.ts'
import type { Scenario } from './scenario.ts'
import type { Timeline } from './timeline.ts'

export type World = {
  readonly scenario: Scenario
  readonly timeline: Timeline
  readonly random: Random
  readonly network: Network
  readonly coverage: Coverage
  readonly observers: Required<Observer>
  readonly relayUrls: readonly string[]
}

/** A shard as the simulation knows it; its id is the first that a writer called ready. */
export type ShardPlan = ShardFacts & {
  readonly owner: Signer
  id: Uint8Array | undefined
  /** The newest epoch that a hand-over made. */
  epochMax: bigint
  /** Who is about to take the shard over. */
  heir: { readonly process: SimProcess; isSigning: boolean } | undefined
}

export function createShardPlan(index: number): ShardPlan {
  return {
    index,
    ledger: createLedger(),
    isDoubled: false,
    handOvers: 0,
    owner: signerOf(1000 + index),
    id: undefined,
    epochMax: 0n,
    heir: undefined,
  }
}

/** The key of everybody follows from a number. */
export function signerOf(number: number): Signer {
  return signerFromSeed(createRandom(number).bytes(32))
}

export function startProcess(world: World, name: string, wall: { skewMs: number }): SimProcess {
  const { timeline, random } = world
  return createProcess({ timeline, name, wall, random: createRandom(random.uint32()) })
}
