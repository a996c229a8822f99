/** A Firefox and its tabs, over WebDriver BiDi by Playwright.  Its pages are not frozen, and Playwright ends the
 *  whole browser when the process of one of them crashes. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { firefox, type Page } from 'playwright-core'
import { firefoxLaunch } from '../firefox.ts'
import type { Tab, TabBrowser } from './browser.ts'

export async function startFirefoxTabs(path: string): Promise<TabBrowser> {
  const home = mkdtempSync(join(tmpdir(), 'constellite-tabs-'))
  const browser = await firefox.launch(firefoxLaunch(path, home))
  const context = await browser.newContext()
  return {
    name: 'Firefox',
    // As it is driven here.
    keepsPages: false,
    open: async (url) => {
      const page = await context.newPage()
      await page.goto(url)
      return tabOf(page)
    },
    close: async () => {
      await browser.close()
      rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
    },
  }
}

function tabOf(page: Page): Tab {
  return {
    evaluate: (expression) => page.evaluate(expression),
    show: () => page.bringToFront(),
    close: () => page.close(),
    crash: () => Promise.reject(new Error('Firefox would end as a whole.')),
    freeze: () => Promise.reject(new Error('Firefox freezes no page.')),
    thaw: () => Promise.resolve(),
    leave: async (away) => {
      await page.goto(away)
    },
    comeBack: async () => {
      await page.goBack()
    },
  }
}
