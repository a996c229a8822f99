/** `npm test`: every suite in order, two at a time where they do not wait for one another, and one line at
 *  the end.  `npm run test:unit` and its like run one of them.
 *  Keeps: a suite that could not run is a failure, or a skip with its reason, never silence. */

import { readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { findChromium } from './chromium.ts'
import { findFirefox } from './firefox.ts'
import type { BrowserFound } from './support/find-browser.ts'
import { isInstallable, type Lockfile, thisMachine } from './support/installable.ts'
import { formatMatrix, matrixIn } from './support/matrix.ts'
import { pack } from './support/packed.ts'
import { runPortable } from './support/portable/start.ts'
import { command, killRounds, program, script, tabRounds, vitest } from './support/runners.ts'
import { findRuntime } from './support/runtimes.ts'
import {
  type AllowedSkip,
  addTallies,
  formatSkip,
  formatTally,
  NOTHING,
  refuseSkips,
  type Tally,
} from './support/tally.ts'
import { runInWebkit } from './webkit/run.ts'
import { findWebkit } from './webkit.ts'
import { runInWorkerd } from './workerd/run.ts'
import { findWorkerd } from './workerd/serve.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

let packedFolder: string | undefined

type Suite = {
  readonly name: string
  /** `before` is what the stages before came to. */
  readonly run: (before: Tally) => Promise<Tally>
  /** The suite without whose success this one would test something else, or nothing. */
  readonly after?: Suite
}

const failed = new Set<Suite>()

const check: Suite = { name: 'check', run: () => script('check') }
const build: Suite = { name: 'build', run: () => script('build') }
const kernel: Suite = { name: 'kernel', run: rebuildKernel }
const fuzz: Suite = { name: 'fuzz', run: () => program('fuzz', 'test/fuzz/main.ts', '--counts') }
const sim: Suite = { name: 'sim', run: () => program('sim', 'test/sim/suite.ts') }
const packed: Suite = { name: 'pack', run: packForAll, after: build }
const unit: Suite = { name: 'unit', run: () => vitest('unit') }
const node: Suite = { name: 'node', run: () => vitest('node'), after: packed }
const browser: Suite = { name: 'browser', run: () => inChromium('browser') }
const browserFirefox: Suite = { name: 'browser-firefox', run: () => inFirefox('browser-firefox') }
const chromium: Suite = { name: 'chromium', run: () => inChromium('chromium'), after: packed }
const firefox: Suite = { name: 'firefox', run: () => inFirefox('firefox'), after: packed }
const indexedDb: Suite = { name: 'indexeddb', run: () => inChromium('indexeddb'), after: packed }
const webkit: Suite = { name: 'webkit', run: inWebkit, after: packed }
const pages: Suite = { name: 'pages', run: () => inChromium('pages') }
const deno: Suite = { name: 'deno', run: () => portable('deno'), after: packed }
const workerd: Suite = {
  name: 'workerd',
  run: () => withWorkerd('workerd', inWorkerd),
  after: packed,
}
const edge: Suite = {
  name: 'edge',
  run: () => withWorkerd('edge', () => vitest('edge')),
  after: packed,
}
const bun: Suite = { name: 'bun', run: () => portable('bun'), after: packed }
const kill: Suite = { name: 'kill', run: () => killRounds('processes', 14), after: packed }
const killPages: Suite = { name: 'kill-pages', run: () => killRounds('pages', 10), after: packed }
const killFirefox: Suite = {
  name: 'kill-firefox',
  run: () => killRounds('pages-firefox', 3),
  after: packed,
}
const tabs: Suite = {
  name: 'tabs',
  run: () => tabRounds('tabs', 'chromium', findChromium()),
  after: packed,
}
const tabsFirefox: Suite = {
  name: 'tabs-firefox',
  run: () => tabRounds('tabs-firefox', 'firefox', findFirefox()),
  after: packed,
}
const platform: Suite = { name: 'platform', run: () => vitest('platform'), after: packed }
const setups: Suite = { name: 'setups', run: () => inChromium('setups'), after: packed }
const consumers: Suite = { name: 'consumers', run: () => inChromium('consumers'), after: packed }

const matrix: Suite = { name: 'matrix', run: compareMatrix }

/** Suites of one stage run side by side; a stage begins when the one before has ended.  One browser at a
 *  time: two on two cores miss each other's deadlines. */
const EVERYTHING: readonly (readonly Suite[])[] = [
  [check, build],
  [kernel, fuzz],
  [packed, unit],
  [sim],
  [node, browser],
  [deno, chromium],
  [bun, indexedDb],
  [workerd, browserFirefox],
  [edge, firefox],
  [webkit],
  [pages],
  [tabs],
  [tabsFirefox],
  [platform],
  [consumers],
  [setups],
  [kill],
  [killPages],
  [killFirefox],
  [matrix],
]

const PARTS: Readonly<Record<string, readonly (readonly Suite[])[]>> = {
  unit: [[unit]],
  node: [[build], [packed], [node]],
  browser: [
    [build],
    [packed],
    [browser],
    [chromium],
    [indexedDb],
    [browserFirefox],
    [firefox],
    [webkit],
    [pages],
    [tabs],
    [tabsFirefox],
  ],
  deno: [[build], [packed], [deno, bun], [platform]],
  workerd: [[build], [packed], [workerd]],
  edge: [[build], [packed], [edge]],
  consumers: [[build], [packed], [consumers], [setups]],
  setups: [[build], [packed], [setups]],
  sim: [[sim]],
  kill: [[build], [packed], [kill], [killPages], [killFirefox]],
}

async function main(part: string | undefined): Promise<void> {
  const stages = part === undefined ? EVERYTHING : PARTS[part]
  if (stages === undefined) throw new Error(`no suite "${part}": ${Object.keys(PARTS).join(', ')}`)
  const tallies: Tally[] = []
  for (const stage of stages) {
    const before = addTallies(tallies)
    tallies.push(...(await Promise.all(stage.map((suite) => runSuite(suite, before)))))
  }
  const total = addTallies(tallies)
  for (const skip of total.skips) console.log(formatSkip(skip))
  console.log(formatTally(total))
  if (total.failed > 0) process.exitCode = 1
}

async function runSuite(suite: Suite, before: Tally): Promise<Tally> {
  const startedAt = performance.now()
  const isBlocked = suite.after !== undefined && failed.has(suite.after)
  if (isBlocked) console.error(`${suite.name}: not run, because ${suite.after?.name} failed`)
  const tally = isBlocked ? { ...NOTHING, failed: 1 } : await suite.run(before)
  const lockfile = JSON.parse(readFileSync(`${ROOT}package-lock.json`, 'utf8')) as Lockfile
  const machine = thisMachine()
  const refused = refuseSkips(suite.name, tally.skips, {
    inCi: process.env['CI'] === 'true',
    allowed: JSON.parse(readFileSync(`${ROOT}test/skips.json`, 'utf8')) as AllowedSkip[],
    isInstallable: (name) => isInstallable(lockfile, name, machine),
  })
  for (const { name, reason } of refused) {
    console.error(`${suite.name}: this skip is not in test/skips.json: ${name}: ${reason}`)
  }
  const judged = { ...tally, failed: tally.failed + refused.length }
  if (judged.failed > 0) failed.add(suite)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(`== ${suite.name}: ${formatTally(judged)} in ${seconds} s`)
  return judged
}

/** The committed kernel is what its sources give, byte for byte.  Only kernel builders have the compiler. */
async function rebuildKernel(): Promise<Tally> {
  const installed = await command('kernel', 'npm', ['ci', '--silent', '--prefix', 'wasm'])
  if (installed !== 0) {
    const reason = 'the compiler could not be installed from wasm/package.json'
    return { ...NOTHING, skips: [{ name: 'kernel', reason }] }
  }
  const parameters = ['run', '--silent', 'build:wasm', '--', '--check']
  const status = await command('kernel', 'npm', parameters)
  return status === 0 ? { ...NOTHING, passed: 1 } : { ...NOTHING, failed: 1 }
}

async function packForAll(): Promise<Tally> {
  try {
    packedFolder = await pack()
    process.env['CONSTELLITE_PACKED'] = packedFolder
    return { ...NOTHING, passed: 1 }
  } catch (error) {
    console.error(`pack: ${error instanceof Error ? error.message : error}`)
    return { ...NOTHING, failed: 1 }
  }
}

/** The README says what this run proved, no more and no less. */
async function compareMatrix(before: Tally): Promise<Tally> {
  const partners = [chromium, firefox, indexedDb, webkit, deno, bun, workerd].map((it) => it.name)
  const without = before.skips.find((it) => partners.includes(it.name))
  if (without !== undefined) {
    return { ...NOTHING, skips: [{ name: 'matrix', reason: without.reason }] }
  }
  const proved = formatMatrix(before.proofs)
  const said = matrixIn(readFileSync(`${ROOT}README.md`, 'utf8'))
  if (said === proved) return { ...NOTHING, passed: 1 }
  console.error(`matrix: README.md does not say what this run proved, which is:\n${proved}`)
  return { ...NOTHING, failed: 1 }
}

function inChromium(name: string): Promise<Tally> {
  return inBrowser(name, 'CONSTELLITE_CHROMIUM', findChromium())
}

function inFirefox(name: string): Promise<Tally> {
  return inBrowser(name, 'CONSTELLITE_FIREFOX', findFirefox())
}

/** `variable` tells the suite which browser was found. */
async function inBrowser(name: string, variable: string, found: BrowserFound): Promise<Tally> {
  if (found.path === undefined) return { ...NOTHING, skips: [{ name, reason: found.reason }] }
  process.env[variable] = found.path
  return await vitest(name)
}

/** In a page, and the browser from outside. */
async function inWebkit(): Promise<Tally> {
  const found = findWebkit()
  if (found.path === undefined) {
    return { ...NOTHING, skips: [{ name: 'webkit', reason: found.reason }] }
  }
  return addTallies([await runInWebkit(packedFolder ?? ''), await vitest('webkit')])
}

/** Where vitest does not run: by the runner of test/support/portable. */
async function portable(name: 'deno' | 'bun'): Promise<Tally> {
  const found = findRuntime(name)
  if (found.program === undefined) return { ...NOTHING, skips: [{ name, reason: found.reason }] }
  return await runPortable(found, packedFolder ?? '')
}

async function withWorkerd(name: string, run: () => Promise<Tally>): Promise<Tally> {
  if (findWorkerd() !== undefined) return run()
  const reason = 'the package workerd has no binary for this machine'
  return { ...NOTHING, skips: [{ name, reason }] }
}

/** Inside an object, and the process from outside. */
async function inWorkerd(): Promise<Tally> {
  return addTallies([await runInWorkerd(packedFolder ?? ''), await vitest('workerd')])
}

try {
  await main(process.argv[2])
} finally {
  if (packedFolder !== undefined) rmSync(packedFolder, { recursive: true, force: true })
}
