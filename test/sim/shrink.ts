/** Shrink: the smallest variant of a failing seed that still fails by the same check: fewer ticks, kinds of
 *  fault left out one by one, fewer relays, followers and shards.
 *  Keeps: each variant is what the command line can say again; a bounded number of runs. */

import { FAULTS, type FaultKind, type Limits, scenarioOf } from './scenario.ts'
import { type Finding, simulate } from './simulate.ts'

const RUNS_MAX = 120

export type Shrunk = { readonly limits: Limits; readonly finding: Finding }

export async function shrink(seed: number, start: Limits, check: string): Promise<Shrunk> {
  let runs = 0
  const attempt = async (limits: Limits): Promise<Finding | undefined> => {
    runs += 1
    const { finding } = await simulate(scenarioOf(seed, limits))
    return finding?.check === check ? finding : undefined
  }
  const finding = await attempt(start)
  if (finding === undefined) throw new Error(`seed ${seed} does not fail twice the same way`)
  let best: Shrunk = { limits: start, finding }
  for (let isSmaller = true; isSmaller && runs < RUNS_MAX; ) {
    isSmaller = false
    for (const limits of smallerThan(seed, best.limits)) {
      if (runs >= RUNS_MAX) break
      const found = await attempt(limits)
      if (found === undefined) continue
      best = { limits, finding: found }
      isSmaller = true
      break
    }
  }
  return best
}

/** Variants that are smaller in one respect, the boldest first. */
function* smallerThan(seed: number, limits: Limits): Iterable<Limits> {
  const { ticks, shards, followers, relays, faults } = scenarioOf(seed, limits)
  for (const part of [0.5, 0.8]) {
    const fewer = Math.floor(ticks * part)
    if (fewer > 0 && fewer < ticks) yield { ...limits, ticks: fewer }
  }
  if (shards > 1) yield { ...limits, shards: 1 }
  if (relays > 1) yield { ...limits, relays: 1 }
  if (followers > 1) yield { ...limits, followers: 1 }
  const kinds = FAULTS.filter((kind) => faults[kind] !== undefined)
  for (const left of kinds) {
    const only: readonly FaultKind[] = kinds.filter((kind) => kind !== left)
    yield { ...limits, only }
  }
  if (ticks > 1) yield { ...limits, ticks: ticks - 1 }
}
