/** What the demo's tests share: the page as `npm start` serves it, windows of a Chromium of their own, and
 *  a person who has only a keyboard. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import { onTestFinished } from 'vitest'
import { type ServedPage, servePage } from '../../demo/page-server.ts'
import { type Chromium, startChromium } from '../support/page.ts'

/** Far from the port that a person's own `npm start` takes. */
const PORT = 15_173
const TABS_MAX = 60

export type Served = ServedPage & { readonly folder: string }

export async function serveDemo(): Promise<Served> {
  const folder = mkdtempSync(join(tmpdir(), 'constellite-demo-test-'))
  const served = await servePage({
    port: PORT,
    relayFolder: join(folder, 'relay'),
    isWatching: false,
  })
  const close = async (): Promise<void> => {
    await served.close()
    rmSync(folder, { recursive: true, force: true })
  }
  return { ...served, folder, close }
}

/** A browser without anything of an earlier test, closed with the test. */
export async function freshBrowser(): Promise<Chromium> {
  const browser = await startChromium()
  onTestFinished(() => browser.close())
  return browser
}

/** Opens a window and waits until its databases are in step with the relay. */
export async function openWindow(browser: Chromium, served: Served, hash = ''): Promise<Page> {
  const page = await browser.open(`${served.url}${hash}`)
  await untilLive(page, browser)
  return page
}

export async function untilLive(page: Page, browser: Chromium): Promise<void> {
  try {
    await page.waitForFunction(() => {
      const peers = globalThis.demo?.peers ?? []
      const isWhole = peers.length === 2 || peers[0]?.role === 'follower'
      return isWhole && peers.every(({ db }) => db.status.sync.state === 'live')
    })
  } catch (error) {
    throw new Error(`the page is not live; its log:\n${browser.log.join('\n')}`, { cause: error })
  }
}

export function paneOf(page: Page, title: 'Writer' | 'Follower' | RegExp): Locator {
  return page.locator('.pane').filter({ has: page.getByRole('heading', { name: title, level: 2 }) })
}

/** Presses Tab until `target` has the focus. */
export async function tabTo(page: Page, target: Locator): Promise<void> {
  await target.waitFor()
  for (let tabs = 0; tabs < TABS_MAX; tabs++) {
    await page.keyboard.press('Tab')
    if (await target.evaluate((it) => it === document.activeElement)) return
  }
  throw new Error(`${TABS_MAX} times Tab did not reach ${target}`)
}

/** Types SQL into a pane and runs it, without a mouse. */
export async function runByKeyboard(page: Page, pane: Locator, sql: string): Promise<void> {
  await tabTo(page, pane.getByRole('textbox', { name: 'SQL' }))
  await page.keyboard.press('Control+A')
  await page.keyboard.insertText(sql)
  await page.keyboard.press('Control+Enter')
}

/** What the page says about its peers, as data that crosses to Node. */
export function peersOf(page: Page): Promise<readonly PeerFacts[]> {
  return page.evaluate(() =>
    (globalThis.demo?.peers ?? []).map(({ name, role, db, frames }) => ({
      name,
      role,
      seq: Number(db.status.seq),
      root: frames.seal?.root,
      pending: db.status.sync.pending,
      isEverythingVerified: frames.entries.every((entry) => entry.isVerified),
      frameSeqs: frames.entries.map((entry) => Number(entry.seq)),
    })),
  )
}

export type PeerFacts = {
  readonly name: string
  readonly role: 'writer' | 'follower'
  readonly seq: number
  readonly root: string | undefined
  readonly pending: number
  readonly isEverythingVerified: boolean
  readonly frameSeqs: readonly number[]
}

/** Resolves when every peer of the page shows this seq with all its frames verified. */
export async function untilVerified(page: Page, seq: number): Promise<void> {
  await page.waitForFunction((wanted) => {
    const peers = globalThis.demo?.peers ?? []
    return peers.every(({ frames }) => {
      const newest = frames.entries.at(-1)
      return newest?.isVerified === true && newest.seq === BigInt(wanted)
    })
  }, seq)
}
