/** Pages, killed: a writer in a tab loses its worker, its tab, its process or the whole browser in the middle
 *  of writes.  After each round a new tab owns the database at once and has all that was acknowledged, and
 *  a follower in a process comes to the same state. */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { createRandom, type Random } from '../../src/testing/random.ts'
import { type BrowserName, createKilledBrowser, type KilledBrowser } from './browser.ts'
import { CAN_FIND_PROCESSES } from './browser-process.ts'
import { checkDurable, checkQuiet, checkSame } from './checks.ts'
import type { Child, ProgramChild } from './child.ts'
import { createRecord, createStarter, freePort, note, type Record } from './cluster.ts'
import type { Load, Seen } from './programs/workload.ts'
import { BATCHES_PER_WRITER, type Rounds, reached, until } from './rounds.ts'

/** What the writer loses. */
type Loss = 'worker' | 'tab' | 'process' | 'browser'

/** Playwright has Firefox end itself when a page's process crashes, so that there is no loss in between. */
const LOSSES: Readonly<{ [browser in BrowserName]: readonly Loss[] }> = {
  chromium: CAN_FIND_PROCESSES ? ['worker', 'tab', 'process', 'browser'] : ['worker', 'tab'],
  firefox: CAN_FIND_PROCESSES ? ['worker', 'tab', 'browser'] : ['worker', 'tab'],
}
const ROUNDS_PER_LIFE = 5
/** Before the loss: so many batches, or so long. */
const BATCHES_MAX = 120
const LOAD_MS_MAX = 1_000
const LANES_MAX = 6
/** A dead owner's handles and locks are free in some 40 ms; the rest is SQLite's start and a busy machine. */
const OPENED_MS_MAX = 10_000

export type PageOptions = {
  readonly browser: { readonly name: BrowserName; readonly path: string }
  readonly program: string
  readonly command: string
  readonly folder: string
  readonly url: string
}

type Life = {
  readonly folder: string
  readonly relayUrl: string
  readonly record: Record
  readonly browser: KilledBrowser
  readonly relay: Child
  page: Page
  follower: ProgramChild
  writers: number
}

export function createPageRounds(options: PageOptions): Rounds {
  const losses = LOSSES[options.browser.name]
  let life: Life | undefined
  return {
    life: ROUNDS_PER_LIFE,
    run: async (round, seed) => {
      const random = createRandom(seed)
      life ??= await begin(options, random)
      // Each of them in turn, so that few rounds see them all.
      const loss = losses[round % losses.length] ?? 'tab'
      await loseUnderLoad(life, loss, random)
      const openedMs = await openAgain(life)
      const seen: Seen = await life.page.evaluate('writer.look()')
      checkDurable('the page', seen, life.record)
      await life.follower.ask({ do: 'reach', seq: seen.seq })
      // The answer to `look`.
      checkSame('the follower', (await life.follower.ask({ do: 'look' })) as Seen, seen)
      checkQuiet(life.record)
      const { acknowledged } = life.record
      return `lost its ${loss}, open again after ${openedMs} ms; at ${seen.seq}, ${acknowledged.size} acknowledged`
    },
    end: async () => {
      if (life === undefined) return
      const { browser, follower, relay, folder } = life
      life = undefined
      await Promise.allSettled([browser.close(), follower.kill(), relay.kill()])
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
    },
  }
}

async function begin(options: PageOptions, random: Random): Promise<Life> {
  const folder = mkdtempSync(join(options.folder, 'life-'))
  const profile = join(folder, 'profile')
  mkdirSync(profile)
  const port = await freePort(() => 20_000 + random.below(10_000))
  const relayUrl = `ws://127.0.0.1:${port}`
  const record = createRecord()
  const browser = createKilledBrowser({
    ...options.browser,
    profile,
    url: options.url,
    onReport: (report) => note('the page', report, record),
  })
  const starter = createStarter({ ...options, folder, port }, record)
  const relay = starter.relay()
  const page = await browser.tab()
  const { address } = await open(page, relayUrl)
  const follower = starter.copy('follower one', address)
  return { folder, relayUrl, record, browser, relay, page, follower, writers: 0 }
}

async function loseUnderLoad(life: Life, loss: Loss, random: Random): Promise<void> {
  const { acknowledged } = life.record
  const load: Load = {
    first: ++life.writers * BATCHES_PER_WRITER,
    lanes: 1 + random.below(LANES_MAX),
    seed: random.uint32(),
  }
  const before = acknowledged.size
  await life.page.evaluate(`writer.load(${JSON.stringify(load)})`)
  await until('the page acknowledges', () => acknowledged.size > before)
  const target = acknowledged.size + random.below(BATCHES_MAX)
  await reached(() => acknowledged.size >= target, random.below(LOAD_MS_MAX))
  if (loss === 'worker') {
    const code = await life.page.evaluate('writer.terminate()')
    if (code !== 'ErrWorkerFailed') throw new Error(`calls of a lost worker failed with ${code}`)
  } else if (loss === 'tab') await life.page.close()
  else if (loss === 'process') await life.browser.killPage()
  else await life.browser.killBrowser()
  if (loss === 'process') await life.page.close()
  if (loss !== 'worker') life.page = await life.browser.tab()
}

/** Answers after how many milliseconds it was open. */
async function openAgain(life: Life): Promise<number> {
  const { openedMs } = await open(life.page, life.relayUrl)
  if (openedMs > OPENED_MS_MAX) throw new Error(`it was not free for ${openedMs} ms`)
  return Math.round(openedMs)
}

async function open(page: Page, relay: string): Promise<{ address: string; openedMs: number }> {
  return page.evaluate(`writer.open(${JSON.stringify(relay)})`)
}
