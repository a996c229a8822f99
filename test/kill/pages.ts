/** Pages, killed: a writer and a follower in tabs lose their worker, their tab, their process or the whole
 *  browser in the middle of writes.  After each round new tabs own the databases at once, nothing that was
 *  acknowledged is lost, and the followers, one of them a process, come to the writer's state. */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { createRandom, type Random } from '../../src/testing/random.ts'
import { type BrowserName, createKilledBrowser, type KilledBrowser } from './browser.ts'
import { CAN_FIND_PROCESSES } from './browser-process.ts'
import { checkDurable, checkQuiet, checkSame } from './checks.ts'
import type { Child, ProgramChild } from './child.ts'
import { createRecord, createStarter, freePort, note, type Record } from './cluster.ts'
import type { PageRole } from './programs/page.ts'
import type { Load, Seen } from './programs/workload.ts'
import { BATCHES_PER_WRITER, pause, type Rounds, reached, until } from './rounds.ts'

type Loss = 'worker' | 'tab' | 'process' | 'browser'

/** Playwright has Firefox end itself when a page's process crashes, so that there is no loss in between. */
const LOSSES: Readonly<{ [browser in BrowserName]: readonly Loss[] }> = {
  chromium: CAN_FIND_PROCESSES ? ['worker', 'tab', 'process', 'browser'] : ['worker', 'tab'],
  firefox: CAN_FIND_PROCESSES ? ['worker', 'tab', 'browser'] : ['worker', 'tab'],
}
/** What calls of a worker that is gone fail with; nobody knows whether a commit under way was written. */
const LOST: readonly string[] = ['ErrWorkerFailed', 'ErrOutcomeUnknown']
const ROLES: readonly PageRole[] = ['writer', 'follower']
/** Who loses a worker or a tab; the other losses hit both. */
const VICTIMS: readonly (readonly PageRole[])[] = [['writer'], ['writer', 'follower'], ['follower']]
const ROUNDS_PER_LIFE = 5
/** Before the loss: so many batches, or so long. */
const BATCHES_MAX = 120
const LOAD_MS_MAX = 1_000
const LANES_MAX = 6
const BIRTHS = 2
/** A database is made in less on a machine with nothing else to do. */
const BIRTH_MS_MAX = 500
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
  /** What `open` takes beside the role. */
  readonly targets: { readonly [role in PageRole]: string }
  readonly record: Record
  readonly browser: KilledBrowser
  readonly relay: Child
  readonly follower: ProgramChild
  readonly pages: Map<PageRole, Page>
  writers: number
}

export function createPageRounds(options: PageOptions): Rounds {
  const losses = LOSSES[options.browser.name]
  let life: Life | undefined
  return {
    life: ROUNDS_PER_LIFE,
    run: async (round, seed) => {
      const random = createRandom(seed)
      const held = life ?? (await begin(options, random))
      life = held
      // Each of them in turn, so that few rounds see them all.
      const loss = losses[round % losses.length] ?? 'tab'
      const isForAll = loss === 'process' || loss === 'browser'
      const victims = isForAll ? ROLES : random.pick(VICTIMS)
      await load(held, random)
      await lose(held, loss, victims)
      const times = await Promise.all(victims.map((role) => openAgain(held, role)))
      const seen = await settle(held)
      checkQuiet(held.record)
      const { acknowledged } = held.record
      return `${victims.join(' and ')} lost ${loss}, open after ${times.join(', ')} ms; at ${seen.seq}, ${acknowledged.size} acknowledged`
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
    onReport: (report) => note('a page', report, record),
  })
  const starter = createStarter({ ...options, folder, port }, record)
  const relay = starter.relay()
  await closeAtBirth(browser, relayUrl, random)
  const writer = await browser.tab()
  const { address } = await open(writer, 'writer', relayUrl)
  const follower = starter.copy('follower one', address)
  const page = await browser.tab()
  await open(page, 'follower', address)
  return {
    folder,
    targets: { writer: relayUrl, follower: address },
    record,
    browser,
    relay,
    follower,
    pages: new Map<PageRole, Page>([
      ['writer', writer],
      ['follower', page],
    ]),
    writers: 0,
  }
}

/** The writer's tab is closed while it makes its keys and its database. */
async function closeAtBirth(
  browser: KilledBrowser,
  relayUrl: string,
  random: Random,
): Promise<void> {
  for (let close = 0; close < BIRTHS; close++) {
    const page = await browser.tab()
    const opening = open(page, 'writer', relayUrl).catch(() => undefined)
    await pause(random.below(BIRTH_MS_MAX))
    await page.close()
    await opening
  }
}

/** Has the writer write, and resolves at a random moment of that. */
async function load(life: Life, random: Random): Promise<void> {
  const { acknowledged } = life.record
  const load: Load = {
    first: ++life.writers * BATCHES_PER_WRITER,
    lanes: 1 + random.below(LANES_MAX),
    seed: random.uint32(),
    isEarly: false,
  }
  const before = acknowledged.size
  await pageOf(life, 'writer').evaluate(`copy.load(${JSON.stringify(load)})`)
  await until('the page acknowledges', () => acknowledged.size > before)
  const target = acknowledged.size + random.below(BATCHES_MAX)
  await reached(() => acknowledged.size >= target, random.below(LOAD_MS_MAX))
}

async function lose(life: Life, loss: Loss, victims: readonly PageRole[]): Promise<void> {
  if (loss === 'browser') await life.browser.killBrowser()
  else if (loss === 'process') await life.browser.killPages(ROLES.length)
  if (loss !== 'worker') {
    for (const role of victims) {
      if (loss !== 'browser') await pageOf(life, role).close()
      life.pages.set(role, await life.browser.tab())
    }
    return
  }
  for (const role of victims) {
    const codes: string[] = await pageOf(life, role).evaluate('copy.terminate()')
    const others = codes.filter((it) => !LOST.includes(it))
    if (others.length > 0) throw new Error(`calls of a lost worker failed with ${others}`)
  }
}

/** Answers after how many milliseconds it was open. */
async function openAgain(life: Life, role: PageRole): Promise<number> {
  const { ms } = await open(pageOf(life, role), role, life.targets[role])
  if (ms > OPENED_MS_MAX) throw new Error(`the ${role} was not free for ${ms} ms`)
  return Math.round(ms)
}

/** Nothing is lost, and all come to one state. */
async function settle(life: Life): Promise<Seen> {
  const writer = pageOf(life, 'writer')
  await writer.evaluate('copy.stop()')
  const seen: Seen = await writer.evaluate('copy.look()')
  checkDurable('the writer', seen, life.record)
  const page = pageOf(life, 'follower')
  await page.evaluate(`copy.reach('${seen.seq}')`)
  checkSame('the page that follows', await page.evaluate('copy.look()'), seen)
  await life.follower.ask({ do: 'reach', seq: seen.seq })
  // The answer to `look`.
  const other = (await life.follower.ask({ do: 'look' })) as Seen
  checkSame('the process that follows', other, seen)
  return seen
}

function pageOf(life: Life, role: PageRole): Page {
  const page = life.pages.get(role)
  if (page === undefined) throw new Error(`the ${role} has no page`)
  return page
}

function open(
  page: Page,
  role: PageRole,
  target: string,
): Promise<{ readonly address: string; readonly ms: number }> {
  return page.evaluate(`copy.open('${role}', ${JSON.stringify(target)})`)
}
