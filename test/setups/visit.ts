/** Loads a page of the README's set-up in Chromium and keeps all that went on in it. */

import type { Page } from 'playwright-core'
import type { Chromium } from '../support/page.ts'

export type Visit = {
  /** What the page said, each time that it was loaded. */
  readonly texts: readonly string[]
  /** Where its workers came from, each time. */
  readonly workers: readonly string[]
  /** Errors, warnings and failed requests, of the page and of its workers. */
  readonly complaints: readonly string[]
}

/** What every set-up comes to; `workers` are the same each time. */
export const KEPT: Pick<Visit, 'texts' | 'complaints'> = {
  texts: ['visit 1, kept in opfs', 'visit 2, kept in opfs'],
  complaints: [],
}

export async function visitTwice(browser: Chromium, url: string): Promise<Visit> {
  const workers: string[] = []
  const before = browser.log.length
  const onPage = (page: Page): void =>
    void page.on('worker', (worker) => void workers.push(worker.url()))
  browser.context.once('page', onPage)
  // Asked for by the browser itself.
  await browser.context.route('**/favicon.ico', (route) => route.fulfill({ status: 204 }))
  const page = await browser.open(url)
  try {
    const first = await textOf(page)
    await page.reload()
    const texts = [first, await textOf(page)]
    return { texts, workers, complaints: complaintsIn(browser.log.slice(before)) }
  } catch (error) {
    const log = browser.log.slice(before).join('\n')
    throw new Error(`the page at ${url} said nothing; its log:\n${log}`, { cause: error })
  } finally {
    await page.close()
  }
}

export async function textOf(page: Page): Promise<string> {
  await page.waitForFunction(() => /visit \d/.test(document.body.innerText), undefined, {
    timeout: 40_000,
  })
  return await page.evaluate(() => document.body.innerText.trim())
}

export function complaintsIn(log: readonly string[]): readonly string[] {
  return log.filter((line) => !/^(debug|log|info|startGroup|endGroup): /.test(line))
}
