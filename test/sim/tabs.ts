/** `npm run sim:tabs -- --seed N --runs N [--turns N] [--trace]`: tabs that share a database, from many seeds
 *  (test/unit/tabs-model.ts).  One that fails is printed with the command that runs it again. */

import { parseArgs } from 'node:util'
import { MODEL_TURNS, runModel } from '../unit/tabs-model.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '1' },
    turns: { type: 'string', default: `${MODEL_TURNS}` },
    trace: { type: 'boolean', default: false },
  },
})
const [first, runs, turns] = [values.seed, values.runs, values.turns].map((text) => {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${text} is no number of these.`)
  return value
}) as [number, number, number]
const note = values.trace ? (fact: string): void => console.log(fact) : undefined

let failed = 0
for (let seed = first; seed < first + runs; seed++) {
  try {
    await runModel({ seed, turns, note })
  } catch (error) {
    failed += 1
    console.log(String((error as Error).message))
    console.log(`  npm run sim:tabs -- --seed ${seed} --turns ${turns} --trace`)
  }
}
console.log(`${runs} seeds of tabs from ${first} on, ${failed} failed`)
if (failed > 0) process.exitCode = 1
