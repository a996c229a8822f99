/** The suite `sim`: 300 seeds, or those from `--seed` on as many as `--runs` says, in two processes; the same
 *  seed twice, which must be the same run; and the test of the tester: each planted bug is found, by a check
 *  that is named beside it, within PLANT_SEEDS seeds that pass without it.
 *  Keeps: every kind of fault came about in the seeds, or the suite fails. */

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { PLANTS } from './plants.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SEEDS = 300
const PROCESSES = 2
const PLANT_SEEDS = 50
const LOADERS = ['--import', './scripts/typescript.mjs', '--import', './test/sim/plant-loader.mjs']

type Ended = { readonly status: number; readonly output: string; readonly problems: string }

function simulate(parameters: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...LOADERS, 'test/sim/main.ts', ...parameters], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const chunks: Buffer[] = []
    const problems: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => problems.push(chunk))
    child.once('error', reject)
    child.once('close', (status) => {
      const [output, words] = [chunks, problems].map((list) => Buffer.concat(list).toString())
      resolve({ status: status ?? 1, output: output ?? '', problems: words ?? '' })
    })
  })
}

/** Answers whether all seeds passed; each process has to see every fault. */
async function runSeeds(first: number, runs: number): Promise<boolean> {
  const share = Math.ceil(runs / PROCESSES)
  const parts = Array.from({ length: PROCESSES }, (_, index) => index * share).filter(
    (start) => start < runs,
  )
  const ended = await Promise.all(
    parts.map((start) => {
      const count = Math.min(share, runs - start)
      const range = ['--seed', String(first + start), '--runs', String(count)]
      // A handful of seeds cannot have everything in them.
      return simulate(count >= 100 ? [...range, '--require-coverage'] : range)
    }),
  )
  for (const { output, problems } of ended) process.stdout.write(output + problems)
  return ended.every(({ status }) => status === 0)
}

async function isDeterministic(seed: number): Promise<boolean> {
  const parameters = ['--seed', String(seed), '--runs', '1', '--first-failure']
  const [one, other] = await Promise.all([simulate(parameters), simulate(parameters)])
  const isSame = one.output === other.output && one.output.includes('trace ')
  if (!isSame) console.error(`seed ${seed} ran differently twice:\n${one.output}${other.output}`)
  return isSame
}

async function isFound(plant: string): Promise<boolean> {
  const range = ['--seed', '1', '--runs', String(PLANT_SEEDS), '--first-failure']
  const { status, output, problems } = await simulate(['--plant', plant, ...range])
  const finding = problems.split('\n').find((line) => /^seed \d+ fails/.test(line))
  const check = /^seed \d+ fails, ([^:]+): /.exec(finding ?? '')?.[1]
  const isByItsCheck = check !== undefined && PLANTS[plant]?.checks.includes(check)
  const isPlanted = output.startsWith(`with the bug ${plant} in place\n`)
  if (status === 0 || !isByItsCheck || !isPlanted) {
    console.error(
      `the bug ${plant} was not found by its check in ${PLANT_SEEDS} seeds:\n${output}${problems}`,
    )
    return false
  }
  console.log(`the bug ${plant} is found: ${finding}`)
  return true
}

/** The smallest variant of a failing seed is printed as a command that fails in the same way. */
async function isShrunk(plant: string): Promise<boolean> {
  const seeds = ['--plant', plant, '--seed', '5', '--runs', '1']
  const { problems } = await simulate(seeds)
  const found = /^seed 5 fails, (\w+):/m.exec(problems)?.[1]
  const smallest = /smallest: npm run sim -- (.*)$/m.exec(problems)?.[1]
  // It names the bug itself.
  const again = await simulate(['--first-failure', ...(smallest ?? '').split(' ')])
  const isSame = found !== undefined && again.problems.includes(`fails, ${found}:`)
  const isSmaller = smallest?.includes('--ticks') ?? false
  if (!isSame || !isSmaller) console.error(`seed 5 was not shrunk to one that fails:\n${problems}`)
  return isSame && isSmaller
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { seed: { type: 'string', default: '1' }, runs: { type: 'string' } },
  })
  const outcomes = [await runSeeds(Number(values.seed), Number(values.runs ?? SEEDS))]
  for (const seed of [3, 5, 7]) outcomes.push(await isDeterministic(seed))
  const plants = Object.keys(PLANTS)
  for (let at = 0; at < plants.length; at += PROCESSES) {
    outcomes.push(...(await Promise.all(plants.slice(at, at + PROCESSES).map(isFound))))
  }
  outcomes.push(await isShrunk('cap-off-by-one'))
  const failed = outcomes.filter((isGood) => !isGood).length
  console.log(`sim: ${outcomes.length - failed} of ${outcomes.length} checks passed`)
  if (failed > 0) process.exitCode = 1
}

await main()
