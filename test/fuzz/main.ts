/** `npm run fuzz -- --seconds N [--seed N] [--only name] [--keep]`: every target in turn, its kept inputs
 *  first, then mutants of them.  `--counts` takes each target's own small number of runs instead of time.
 *  Keeps: an input that breaks, hangs or kills the child is written to the corpus by name, with the command
 *  that runs it again; the exit code says so.  `--keep` writes the inputs of new behaviours too. */

import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { keepBreach, keepFound, readCorpus } from './corpus.ts'
import type { Order, Outcome } from './protocol.ts'
import { createRunner } from './runner.ts'
import { TARGETS } from './targets.ts'

/** `npm test` always makes the same mutants. */
const SEED_OF_COUNTS = 1
const SECONDS_DEFAULT = 60
const TEST_RUNS = 2000

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    seed: { type: 'string' },
    only: { type: 'string' },
    counts: { type: 'boolean' },
    keep: { type: 'boolean' },
  },
})

const otherwise = values.counts === true ? SEED_OF_COUNTS : randomInt(2 ** 29)
const seed = wholeNumber('seed', values.seed, otherwise)
const seconds = wholeNumber('seconds', values.seconds, SECONDS_DEFAULT)
const targets = TARGETS.filter(({ name }) => values.only === undefined || name === values.only)
if (targets.length === 0) {
  throw new Error(`no target "${values.only}": ${TARGETS.map(({ name }) => name).join(', ')}`)
}

const shares = targets.reduce((sum, target) => sum + (target.shares ?? 1), 0)
const runner = createRunner()
let breaches = 0
try {
  console.log(`seed ${seed}`)
  for (const target of targets) {
    const order: Order = {
      target: target.name,
      seed,
      until:
        values.counts === true
          ? { count: target.testRuns ?? TEST_RUNS }
          : { ms: (seconds * 1000 * (target.shares ?? 1)) / shares },
      corpus: readCorpus(target.name),
      minimises: values.keep ?? false,
    }
    const outcome = await runner.run(order)
    console.log(lineOf(target.name, outcome))
    for (const breach of outcome.breaches) {
      breaches += 1
      const path = keepBreach(target.name, breach)
      console.log(`BREACH in ${target.name}: ${breach.behaviour}`)
      console.log(`  kept as ${path}; again: npm run fuzz -- --seconds 1 --only '${target.name}'`)
    }
    if (values.keep === true) keepFound(target.name, outcome.found)
  }
} finally {
  runner.close()
}
console.log(`${targets.length} targets, ${breaches} breaches`)
if (breaches > 0) process.exitCode = 1

function lineOf(name: string, outcome: Outcome): string {
  const { executions, elapsedMs, behaviours } = outcome
  const rate = Math.round((executions / Math.max(1, elapsedMs)) * 1000)
  return [
    name.padEnd(24),
    `${executions} runs`.padStart(14),
    `${rate}/s`.padStart(10),
    `${behaviours} behaviours`.padStart(16),
  ].join(' ')
}

function wholeNumber(option: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new Error(`--${option} takes a whole number, not "${text}"`)
}
