/** Scenario: what a seed decides before a run begins, as plain data: how many of what, which faults there
 *  are and how often, how large things may become.  Each seed leaves most kinds of fault out, because a
 *  world where everything fails all the time never gets far enough to fail in an interesting way.
 *  Never: decides what happens when; the run's own randomness does. */

import { createRandom, type Random } from '../../src/testing/random.ts'

/** For each message. */
export const NETWORK_FAULTS = ['loss', 'duplicate', 'reorder', 'truncate', 'delay'] as const
/** For each message that a lying relay sends. */
export const RELAY_FAULTS = [
  'flip',
  'drop',
  'forge',
  'withhold',
  'replay',
  'fork',
  'false-receipt',
] as const
/** For each tick. */
export const TICK_FAULTS = [
  'partition',
  'cut',
  'kill',
  'kill-in-step',
  'power-cut',
  'write-fails',
  'flush-fails',
  'full',
  'old-image',
  'clone',
  'clock-jump',
  'hand-over',
  'bit-rot',
  'sleep',
] as const

export type NetworkFault = (typeof NETWORK_FAULTS)[number]
export type RelayFault = (typeof RELAY_FAULTS)[number]
export type TickFault = (typeof TICK_FAULTS)[number]
export type FaultKind = NetworkFault | RelayFault | TickFault

export const FAULTS: readonly FaultKind[] = [...NETWORK_FAULTS, ...RELAY_FAULTS, ...TICK_FAULTS]

export type Scenario = {
  readonly seed: number
  readonly ticks: number
  readonly shards: number
  /** Of each shard. */
  readonly followers: number
  readonly relays: number
  /** Probability of each fault; those that are not named do not happen. */
  readonly faults: Partial<Record<FaultKind, number>>
  /** Undefined: syncs are done when they return. */
  readonly syncDelayMs: number | undefined
  readonly logCapBytes: number
  /** Payload of one frame at most: small ones make transactions of several frames. */
  readonly sectionBytesMax: number
  /** Pages that a database grows to. */
  readonly pagesMax: number
  readonly relayShardBytes: number
  readonly relayOpenShards: number
  readonly relayIdleMs: number
}

/** What the command line, or shrinking, takes away from what a seed decided. */
export type Limits = {
  readonly ticks?: number | undefined
  readonly shards?: number | undefined
  readonly followers?: number | undefined
  readonly relays?: number | undefined
  readonly only?: readonly FaultKind[] | undefined
  /** The bug that is in place, which the scenario does not depend on. */
  readonly plant?: string | undefined
}

export const TICKS = 60

export function scenarioOf(seed: number, limits: Limits = {}): Scenario {
  const random = createRandom(seed)
  const decided = decide(seed, random)
  const faults = Object.fromEntries(
    Object.entries(decided.faults).filter(
      // The keys of this record are fault kinds by its type.
      ([kind]) => limits.only === undefined || limits.only.includes(kind as FaultKind),
    ),
  )
  return {
    ...decided,
    ticks: limits.ticks ?? decided.ticks,
    shards: Math.min(decided.shards, limits.shards ?? decided.shards),
    followers: Math.min(decided.followers, limits.followers ?? decided.followers),
    relays: Math.min(decided.relays, limits.relays ?? decided.relays),
    faults,
  }
}

function decide(seed: number, random: Random): Scenario {
  const faults: Partial<Record<FaultKind, number>> = {}
  const choose = (kinds: readonly FaultKind[], share: number, probabilities: number[]): void => {
    for (const kind of kinds) if (random.chance(share)) faults[kind] = random.pick(probabilities)
  }
  if (random.chance(0.7)) choose(NETWORK_FAULTS, 0.4, [0.002, 0.01, 0.03])
  if (random.chance(0.4)) choose(RELAY_FAULTS, 0.5, [0.01, 0.04, 0.1])
  choose(['partition', 'cut', 'clock-jump'], 0.3, [0.02, 0.08])
  choose(['kill', 'kill-in-step', 'power-cut'], 0.55, [0.05, 0.15])
  choose(['write-fails', 'flush-fails', 'full'], 0.25, [0.03, 0.08])
  choose(['old-image', 'clone'], 0.12, [0.02, 0.06])
  choose(['hand-over'], 0.15, [0.03, 0.06])
  const scenario = {
    seed,
    ticks: TICKS,
    shards: random.pick([1, 1, 2, 3]),
    followers: random.pick([1, 2, 2, 3]),
    relays: random.pick([1, 1, 2]),
    faults,
    syncDelayMs: random.pick([undefined, 1, 3, 8]),
    logCapBytes: random.pick([200_000, 300_000, 1_000_000]),
    sectionBytesMax: random.pick([700, 16_000_000, 16_000_000]),
    pagesMax: random.pick([4, 12, 30]),
    relayShardBytes: random.pick([400_000, 4_000_000]),
    relayOpenShards: random.pick([1, 2, 256]),
    relayIdleMs: random.pick([500, 5_000, 60_000]),
  }
  choose(['bit-rot'], 0.25, [0.03, 0.08])
  choose(['false-receipt'], 0.25, [0.05, 0.15])
  choose(['sleep'], 0.35, [0.3, 0.7])
  if (faults.sleep === undefined) return scenario
  // What a relay remembers over a sleep is told by one connection that outlived another: who follows keeps it
  // right, and who dies unheard keeps it wrong.
  choose(['kill', 'power-cut'], 0.5, [0.05, 0.15])
  return { ...scenario, followers: random.pick([0, 0, 1, 2]) }
}

/** The command that runs a scenario again. */
export function commandOf(seed: number, limits: Limits): string {
  const parts = [`npm run sim -- --mode ordered --seed ${seed} --runs 1`]
  const add = (name: string, value: number | string | undefined): void => {
    if (value !== undefined) parts.push(`--${name} ${value}`)
  }
  add('ticks', limits.ticks)
  add('shards', limits.shards)
  add('followers', limits.followers)
  add('relays', limits.relays)
  add('plant', limits.plant)
  add('only', limits.only === undefined ? undefined : limits.only.join(',') || 'none')
  return parts.join(' ')
}
