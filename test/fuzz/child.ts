/** Child: runs inputs against targets for its parent, in a process that may hang, crash or be killed.
 *  Keeps: every input is in the file that the parent reads before it is decoded; a slow or greedy decode is
 *  asked again before it is called one, because machines do other things too. */

import { openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { getHeapStatistics } from 'node:v8'
import { createRandom } from '../../src/testing/random.ts'
import { minimise } from './minimise.ts'
import { mutate } from './mutate.ts'
import type { Found, Order, Outcome } from './protocol.ts'
import { behaviourOf, type Decode, type Target } from './target.ts'
import { createWorld, type World } from './world.ts'

/** One decode may allocate this many times its input, and the target's own limit. */
const ALLOCATION_FACTOR = 300
const ALLOCATES_BYTES_MAX = 1_048_576
const INPUT_BYTES_MAX = 16_384
const SLOW_MS = 1000
const ATTEMPTS = 3
/** Inputs of new behaviour that are kept while one target runs. */
const CORPUS_MAX = 400
const RESHAPE_CHANCE = 0.5
/** Of one target, over all that it found. */
const SHORTEN_ATTEMPTS_MAX = 1000

type Running = {
  readonly target: Target
  readonly decode: Decode
  readonly behaviours: Set<string>
  readonly corpus: Uint8Array[]
  readonly found: Found[]
  readonly breaches: Map<string, Found>
  executions: number
}

const [, , notebook = '', targetsUrl = ''] = process.argv
const file = openSync(notebook, 'w')
// The test of the fuzzer gives targets of its own.
const { TARGETS }: { readonly TARGETS: readonly Target[] } = await import(targetsUrl)
// Whoever started this process removes the folder, however it ends.
const world = await createWorld(dirname(notebook))
process.on('message', (order: Order) => {
  runOrder(order).then(
    (outcome) => process.send?.(outcome),
    (error: unknown) => {
      process.send?.({
        type: 'failed',
        message: String(error instanceof Error ? error.stack : error),
      })
    },
  )
})
process.on('disconnect', () => {
  process.exit(0)
})
process.send?.({ type: 'ready' })

async function runOrder(order: Order): Promise<Outcome> {
  const target = TARGETS.find(({ name }) => name === order.target)
  if (target === undefined) throw new Error(`there is no target ${order.target}`)
  const running = await start(target, world)
  const startedAt = performance.now()
  const seeds = await target.seeds(world)
  for (const seed of seeds) await take(running, seed, false)
  checkSeeds(running)
  for (const input of order.corpus) await take(running, input, false)
  if (running.corpus.length === 0) running.corpus.push(new Uint8Array(1))
  const random = createRandom(order.seed)
  const isOver = (count: number): boolean =>
    'count' in order.until
      ? count >= order.until.count
      : performance.now() - startedAt >= order.until.ms
  for (let count = 0; !isOver(count); count++) {
    const base = random.pick(running.corpus)
    const context = {
      random,
      others: running.corpus,
      sizeBytesMax: target.inputBytesMax ?? INPUT_BYTES_MAX,
    }
    const reshape = random.chance(RESHAPE_CHANCE) ? target.reshape : undefined
    const mutant =
      reshape === undefined
        ? mutate(base, context)
        : reshape(base, { random, mutate: (part) => mutate(part, context) })
    await take(running, mutant, true)
  }
  const found = order.minimises ? await shorten(running) : running.found
  return {
    type: 'done',
    executions: running.executions,
    elapsedMs: performance.now() - startedAt,
    behaviours: running.behaviours.size,
    found,
    breaches: [...running.breaches.values()],
  }
}

async function start(target: Target, made: World): Promise<Running> {
  return {
    target,
    decode: await target.decoder(made),
    behaviours: new Set(),
    corpus: [],
    found: [],
    breaches: new Map(),
    executions: 0,
  }
}

/** Seeds that a decoder has left behind would make everything else worth little. */
function checkSeeds({ target, behaviours, breaches }: Running): void {
  if (target.acceptsNothing || [...behaviours].some((it) => it.startsWith('accepted'))) return
  const behaviour = 'none of its real inputs is accepted: make them anew'
  if (breaches.size === 0) breaches.set(behaviour, { input: new Uint8Array(0), behaviour })
}

/** Runs one input and keeps it when it did something that no other did. */
async function take(running: Running, input: Uint8Array, isMutant: boolean): Promise<void> {
  const { target, behaviours, corpus, found, breaches } = running
  let behaviour: string
  try {
    behaviour = await runOnce(running, input)
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
    const kind = message.split('\n')[0]?.replace(/\d+/g, '#') ?? ''
    if (!breaches.has(kind)) breaches.set(kind, { input, behaviour: message })
    return
  }
  const isNew = !behaviours.has(behaviour)
  behaviours.add(behaviour)
  if (!isMutant) corpus.push(input)
  else if (isNew && corpus.length < CORPUS_MAX) {
    // A view into another input would keep that one alive.
    corpus.push(input.slice())
    found.push({ input: input.slice(), behaviour: `${target.name}: ${behaviour}` })
  }
}

async function shorten({ target, decode, found }: Running): Promise<readonly Found[]> {
  const short: Found[] = []
  let attempts = 0
  for (const { input, behaviour } of found) {
    const isSame = async (candidate: Uint8Array): Promise<boolean> => {
      if (attempts++ >= SHORTEN_ATTEMPTS_MAX) return false
      note(candidate)
      const other = await behaviourOf(decode, candidate).catch(() => undefined)
      return `${target.name}: ${other}` === behaviour
    }
    short.push({ input: await minimise(input, isSame), behaviour })
  }
  return short
}

async function runOnce(running: Running, input: Uint8Array): Promise<string> {
  const { target, decode } = running
  const allowedBytes =
    (target.allocatesBytesMax ?? ALLOCATES_BYTES_MAX) + input.byteLength * ALLOCATION_FACTOR
  for (let attempt = 1; ; attempt++) {
    note(input)
    running.executions += 1
    if (attempt > 1) collectGarbage()
    const before = getHeapStatistics()
    const startedAt = performance.now()
    const behaviour = await behaviourOf(decode, input)
    const elapsedMs = performance.now() - startedAt
    const after = getHeapStatistics()
    const grewBytes =
      after.used_heap_size - before.used_heap_size + after.external_memory - before.external_memory
    if (elapsedMs < SLOW_MS && grewBytes <= allowedBytes) return behaviour
    if (attempt < ATTEMPTS) continue
    if (elapsedMs >= SLOW_MS) throw new Error(`slow: it took ${Math.round(elapsedMs)} ms`)
    throw new Error(`greedy: it allocated ${grewBytes} bytes, ${allowedBytes} are allowed`)
  }
}

/** What an attempt left behind would go during the next one, and hide it.  Twice, because buffers that one
 *  collection finds are given back at the beginning of another. */
function collectGarbage(): void {
  globalThis.gc?.()
  globalThis.gc?.()
}

/** Counter u32, size u32, input: what the parent reads when this process is no more. */
const header = new Uint8Array(8)
let counter = 0

function note(input: Uint8Array): void {
  counter = (counter + 1) >>> 0
  const view = new DataView(header.buffer)
  view.setUint32(0, counter)
  view.setUint32(4, input.byteLength)
  writeSync(file, input, 0, input.byteLength, header.byteLength)
  writeSync(file, header, 0, header.byteLength, 0)
}
