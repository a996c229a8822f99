/** `npm run sim -- --mode ordered --seed N --runs N [--ticks N] [--only kinds] [--shards N] [--followers N]
 *  [--relays N] [--plant name] [--trace]`: runs the simulator over seeds from N on.
 *  A seed that fails is shrunk and printed with the command that runs it again. */

import { parseArgs } from 'node:util'
import { loadKernel } from '../../src/crypto/kernel-load-node.ts'
import { useKernel } from '../../src/crypto/kernel-slot.ts'
import { createCoverage, formatCoverage } from './coverage.ts'
import { commandOf, FAULTS, type FaultKind, type Limits, scenarioOf } from './scenario.ts'
import { shrink } from './shrink.ts'
import { simulate } from './simulate.ts'

const OPTIONS = {
  mode: { type: 'string', default: 'ordered' },
  seed: { type: 'string', default: '1' },
  runs: { type: 'string', default: '1' },
  ticks: { type: 'string' },
  shards: { type: 'string' },
  followers: { type: 'string' },
  relays: { type: 'string' },
  only: { type: 'string' },
  trace: { type: 'boolean', default: false },
  /** Every fault has to come about, over all runs. */
  'require-coverage': { type: 'boolean', default: false },
  /** Stops at the first seed that fails, without making it smaller. */
  'first-failure': { type: 'boolean', default: false },
  /** Read by plant-loader.mjs, before any source is loaded. */
  plant: { type: 'string' },
} as const

async function main(): Promise<void> {
  const { values } = parseArgs({ options: OPTIONS })
  if (values.mode !== 'ordered') {
    throw new Error(
      `--mode ${values.mode} is not built yet: the simulator knows ordered shards only.`,
    )
  }
  useKernel(await loadKernel())
  const limits: Limits = {
    ticks: numberOf('ticks', values.ticks),
    shards: numberOf('shards', values.shards),
    followers: numberOf('followers', values.followers),
    relays: numberOf('relays', values.relays),
    only: values.only === undefined ? undefined : faultsOf(values.only),
    plant: values.plant,
  }
  const first = numberOf('seed', values.seed) ?? 1
  const runs = numberOf('runs', values.runs) ?? 1
  if (values.plant !== undefined) console.log(`with the bug ${values.plant} in place`)
  const coverage = createCoverage()
  let failed = 0
  for (let seed = first; seed < first + runs; seed++) {
    const note = values.trace ? (fact: string): void => console.log(fact) : undefined
    const outcome = await simulate(scenarioOf(seed, limits), note)
    coverage.add(outcome.coverage)
    coverage.count('events', outcome.eventCount)
    coverage.count('virtual seconds', Math.round(outcome.virtualMs / 1000))
    if (runs === 1)
      console.log(`seed ${seed}: ${outcome.eventCount} events, trace ${outcome.traceHash}`)
    if (outcome.finding === undefined) continue
    failed += 1
    const { check, message } = outcome.finding
    console.error(`seed ${seed} fails, ${check}: ${message}`)
    console.error(`  again: ${commandOf(seed, limits)}`)
    if (values['first-failure']) break
    const small = await shrink(seed, limits, check)
    console.error(`  smallest: ${commandOf(seed, small.limits)}`)
    console.error(`    ${small.finding.check}: ${small.finding.message}`)
  }
  console.log(`${runs} seeds from ${first}, ${failed} failed: ${formatCoverage(coverage.counts)}`)
  const missing = FAULTS.filter((kind) => !coverage.counts.has(kind))
  const isPoor = values['require-coverage'] && missing.length > 0
  if (isPoor) console.error(`these faults never came about: ${missing.join(', ')}`)
  if (failed > 0 || isPoor) process.exitCode = 1
}

function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`--${name} is a whole number`)
  return number
}

function faultsOf(text: string): readonly FaultKind[] {
  const names = text === 'none' ? [] : text.split(',')
  return names.map((name) => {
    const kind = FAULTS.find((it) => it === name)
    if (kind === undefined) throw new Error(`no fault is called ${name}: ${FAULTS.join(', ')}`)
    return kind
  })
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
