/** Runs rounds of killing, prints each, and says how a failed one is run again. */

import { formatTally, NOTHING, type Tally } from '../support/tally.ts'

export type Rounds = {
  /** So many rounds in a row share what they keep; a rerun starts with the first of them. */
  readonly life: number
  /** Answers what happened, in a few words; `round` counts from 1. */
  run(round: number, seed: number): Promise<string>
  /** Ends what a life left behind. */
  end(): Promise<void>
  /** After the last. */
  close?(): Promise<void>
}

export type RoundOptions = {
  readonly part: string
  readonly seed: number
  /** The first round, and the last. */
  readonly from: number
  readonly to: number
}

/** Numbers of batches: one writer never reaches the next one's. */
export const BATCHES_PER_WRITER = 1_000_000

/** A call that never settles ends a round here. */
const ROUND_MS = 120_000
const UNTIL_MS = 30_000
const LOOK_MS = 5

/** Seeds of rounds of neighbouring seeds do not meet. */
const ROUNDS_MAX = 100_000

export async function runRounds(
  rounds: Rounds,
  options: RoundOptions,
  say: (line: string) => void = console.log,
): Promise<Tally> {
  const { part, seed, from, to } = options
  let tally: Tally = NOTHING
  try {
    for (let round = from; round <= to; round++) {
      const startedAt = performance.now()
      try {
        const words = await inTime(rounds.run(round, seed * ROUNDS_MAX + round))
        const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
        say(`${part} ${round}: ${words}, in ${seconds} s`)
        tally = { ...tally, passed: tally.passed + 1 }
      } catch (error) {
        tally = { ...tally, failed: tally.failed + 1 }
        const first = round - ((round - 1) % rounds.life)
        say(
          `${part} ${round} FAILED: ${error instanceof Error ? error.stack : error}\n` +
            `run it again: npm run test:nightly -- ${part} --seed ${seed} --from ${first} --rounds ${round - first + 1}`,
        )
        // What it left behind would fail the next ones too.
        await rounds.end()
      }
      if (round % rounds.life === 0) await rounds.end()
    }
  } finally {
    await rounds.end()
  }
  say(formatTally(tally))
  return tally
}

async function inTime<T>(run: Promise<T>): Promise<T> {
  let late: ReturnType<typeof setTimeout> | undefined
  const expired = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(new Error(`it did not end in ${ROUND_MS} ms`)), ROUND_MS)
  })
  try {
    return await Promise.race([run, expired])
  } finally {
    clearTimeout(late)
  }
}

/** Resolves when it is so; rejects when that takes too long. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  if (!(await reached(isSo, UNTIL_MS))) throw new Error(`${what}: not in ${UNTIL_MS} ms`)
}

/** Resolves when it is so, or the time is over: then false. */
export async function reached(isSo: () => boolean, withinMs: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < withinMs && !isSo(); waitedMs += LOOK_MS) await pause(LOOK_MS)
  return isSo()
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
