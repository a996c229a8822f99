/** Runs rounds of killing, prints each, and says how a failed one is run again. */

import { formatTally, NOTHING, type Tally } from '../support/tally.ts'

export type Rounds = {
  /** So many rounds in a row share what they keep; a rerun starts with the first of them. */
  readonly life: number
  /** Answers what happened, in a few words; `round` counts from 1. */
  run(round: number, seed: number): Promise<string>
  /** Ends what a life left behind. */
  end(): Promise<void>
}

export type RoundOptions = {
  readonly part: string
  readonly seed: number
  /** The first round, and the last. */
  readonly from: number
  readonly to: number
}

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
        const words = await rounds.run(round, seed * ROUNDS_MAX + round)
        const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
        say(`${part} ${round}: ${words}, in ${seconds} s`)
        tally = { ...tally, passed: tally.passed + 1 }
      } catch (error) {
        tally = { ...tally, failed: tally.failed + 1 }
        // What it left behind would fail the next ones too.
        await rounds.end()
        const first = round - ((round - 1) % rounds.life)
        say(
          `${part} ${round} FAILED: ${error instanceof Error ? error.stack : error}\n` +
            `run it again: npm run test:nightly -- ${part} --seed ${seed} --from ${first} --rounds ${round - first + 1}`,
        )
      }
      if (round % rounds.life === 0) await rounds.end()
    }
  } finally {
    await rounds.end()
  }
  say(formatTally(tally))
  return tally
}
