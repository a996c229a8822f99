/** Opens pages in a Chromium of its own whose storage is on disk, for tests that a Node process drives:
 *  several windows, reloads, another origin. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { CHROMIUM_ARGUMENTS, findChromium } from '../chromium.ts'

export type Chromium = {
  readonly context: BrowserContext
  /** Opens a page; what it logs and what fails in it is kept for the message of a failed test. */
  open(url: string): Promise<Page>
  /** Lines that the pages logged, errors first of all. */
  readonly log: readonly string[]
  close(): Promise<void>
}

/** `kept` is a profile of the caller's, which stays. */
export async function startChromium(
  more: readonly string[] = [],
  kept?: string,
): Promise<Chromium> {
  const found = findChromium()
  if (found.path === undefined) throw new Error(found.reason)
  const profile = kept ?? mkdtempSync(join(tmpdir(), 'constellite-page-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: found.path,
    args: [...CHROMIUM_ARGUMENTS, ...more],
    headless: true,
  })
  const log: string[] = []
  return {
    context,
    log,
    open: async (url) => {
      const page = await context.newPage()
      page.on('console', (message) => log.push(`${message.type()}: ${message.text()}`))
      page.on('pageerror', (error) => log.push(`page error: ${error.message}`))
      page.on('requestfailed', (request) => log.push(`request failed: ${request.url()}`))
      page.on('response', (response) => {
        if (response.status() >= 400) log.push(`${response.status()}: ${response.url()}`)
      })
      await page.goto(url)
      return page
    },
    close: async () => {
      await context.close()
      if (kept !== undefined) return
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    },
  }
}

/** What a fixture page leaves in `globalThis.outcome`; rejects with its failure and the page's log. */
export async function outcomeOf(browser: Chromium, page: Page): Promise<unknown> {
  try {
    await page.waitForFunction(() => 'outcome' in globalThis, undefined, { timeout: 60_000 })
  } catch (error) {
    throw new Error(`the page did not finish; its log:\n${browser.log.join('\n')}`, {
      cause: error,
    })
  }
  const outcome: { ok: boolean; value: unknown } = await page.evaluate('globalThis.outcome')
  if (outcome.ok) return outcome.value
  throw new Error(`${JSON.stringify(outcome.value)}\n${browser.log.join('\n')}`)
}
