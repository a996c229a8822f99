/** Rounds: in each the owner of a database ends in one way, while it and two guests write without pause.
 *  Proves: another tab takes over; no call hangs; what was answered is in the database once, whoever ran it;
 *  a tab that comes back goes on with what it had under way.
 *  Measures: how long the guests' writes wait. */

import { setTimeout as pause } from 'node:timers/promises'
import type { Tab, TabBrowser } from './browser.ts'

export type Way = 'closed' | 'crashed' | 'frozen' | 'navigated' | 'hidden'

const TABS = 3
/** Answers that a tab has got before the owner ends, and after. */
const WARM_ANSWERS = 30
const WAITING_MS = 30_000

type Ended = {
  readonly tab: string
  readonly written: readonly number[]
  readonly failures: readonly string[]
}

type LaneRow = {
  readonly tab: string
  readonly lane: number
  readonly n: number
  readonly kinds: number
  readonly newest: number
}

export type TabRounds = {
  /** Resolves with how long each guest waited, in ms. */
  run(way: Way): Promise<readonly number[]>
}

export async function startRounds(browser: TabBrowser, url: string): Promise<TabRounds> {
  const open = async (): Promise<Tab> => {
    const tab = await browser.open(url)
    await until(
      'the page is there',
      async () => (await tab.evaluate('"tabs" in globalThis')) === true,
    )
    await tab.evaluate('tabs.ready()')
    return tab
  }
  let tabs: Tab[] = []
  while (tabs.length < TABS) tabs.push(await open())
  return {
    run: async (way) => {
      for (const tab of tabs) await tab.evaluate('tabs.begin()')
      for (const tab of tabs) await answered(tab, WARM_ANSWERS)
      const owner = await findOwner(tabs)
      const guests = tabs.filter((tab) => tab !== owner)
      await guests[0]?.show()
      const atMs = Date.now()
      await end(owner, way, new URL('away.html', url).href)
      for (const guest of guests) await answered(guest, WARM_ANSWERS)
      const gaps = await Promise.all(guests.map((it) => it.evaluate(`tabs.gap(${atMs})`)))
      const isBack = await comeBack(owner, way)
      tabs = isBack ? tabs : guests
      if (isBack) await goOn(browser, owner, way)
      await check(tabs)
      while (tabs.length < TABS) tabs.push(await open())
      return gaps.map(Number)
    },
  }
}

async function findOwner(tabs: readonly Tab[]): Promise<Tab> {
  const owners = await Promise.all(tabs.map((tab) => tab.evaluate('tabs.owner()')))
  const found = tabs[owners.indexOf('here')]
  if (found === undefined || owners.filter((it) => it === 'here').length > 1) {
    throw new Error(`the tabs say of the owner: ${owners.join(', ')}`)
  }
  return found
}

async function end(owner: Tab, way: Way, away: string): Promise<void> {
  if (way === 'closed') await owner.close()
  else if (way === 'crashed') await owner.crash()
  else if (way === 'frozen') await owner.freeze()
  else if (way === 'hidden') await hide(owner)
  else await owner.leave(away)
}

/** The page is told that it is hidden, as a browser tells it. */
async function hide(owner: Tab): Promise<void> {
  await owner.evaluate(`tabs.see('hidden')`)
  await until('it has given the database away', async () => {
    return (await owner.evaluate('tabs.owner()')) === 'elsewhere'
  })
}

/** False: nothing of it is left. */
async function comeBack(owner: Tab, way: Way): Promise<boolean> {
  if (way === 'closed' || way === 'crashed') return false
  if (way === 'frozen') await owner.thaw()
  else if (way === 'hidden') await owner.evaluate(`tabs.see('visible')`)
  else await owner.comeBack()
  await until('it is back', async () => (await owner.evaluate('"tabs" in globalThis')) === true)
  return true
}

/** A page that was kept goes on by itself, with what it had under way. */
async function goOn({ keepsPages }: TabBrowser, tab: Tab, way: Way): Promise<void> {
  const isKept = Number(await tab.evaluate('tabs.answers()')) > 0
  if (!isKept && (keepsPages || way !== 'navigated')) throw new Error('the page was begun anew')
  await tab.evaluate('tabs.begin()')
  await answered(tab, WARM_ANSWERS)
}

async function answered(tab: Tab, more: number): Promise<void> {
  const before = Number(await tab.evaluate('tabs.answers()'))
  await until(`${more} more answers`, async () => {
    return Number(await tab.evaluate('tabs.answers()')) >= before + more
  })
}

/** What every tab was answered is there once, and what nobody was answered at most once. */
async function check(tabs: readonly Tab[]): Promise<void> {
  const ended = (await Promise.all(tabs.map((tab) => tab.evaluate('tabs.end()')))) as Ended[]
  for (const { failures } of ended) if (failures.length > 0) throw new Error(failures.join('\n'))
  const rows = (await tabs[0]?.evaluate('tabs.rows()')) as LaneRow[]
  for (const { tab, lane, n, kinds, newest } of rows) {
    const isOnce = n === kinds && newest === n - 1
    if (!isOnce) throw new Error(`lane ${lane} of ${tab}: ${n} rows, ${kinds} of them different`)
  }
  for (const { tab, written } of ended) {
    for (const [lane, count] of written.entries()) {
      const there = rows.find((row) => row.tab === tab && row.lane === lane)?.n ?? 0
      if (there !== count)
        throw new Error(`lane ${lane} of ${tab}: ${there} rows, ${count} written`)
    }
  }
  const total = rows.reduce((sum, { n }) => sum + n, 0)
  for (const tab of tabs) {
    await until('every live query shows all rows', async () => {
      return (await tab.evaluate('tabs.counted()')) === total
    })
  }
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const startedAt = Date.now()
  while (!(await isSo())) {
    if (Date.now() - startedAt > WAITING_MS) throw new Error(`waited in vain until ${what}`)
    await pause(5)
  }
}
