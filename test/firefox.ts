/** The Firefox that the browser tests drive, and how it is driven: Mozilla's own build over WebDriver BiDi.
 *  Playwright's download is a Firefox of its own making, so it is not what people have, and is not taken. */

import type { LaunchOptions } from 'playwright-core'
import {
  type BrowserFound,
  type BrowserKind,
  type BrowserSearch,
  findBrowser,
  machineSearch,
} from './support/find-browser.ts'

const FIREFOX: BrowserKind = {
  title: 'Firefox',
  variable: 'CONSTELLITE_FIREFOX',
  names: ['firefox-esr', 'firefox'],
  package: 'firefox-esr',
  advice: 'none on PATH (set CONSTELLITE_FIREFOX)',
}

export function findFirefox(search: BrowserSearch = machineSearch()): BrowserFound {
  return findBrowser(FIREFOX, search)
}

/** How Playwright starts it.  `home` is a folder that Firefox may write to. */
export function firefoxLaunch(executablePath: string, home: string): LaunchOptions {
  return {
    executablePath,
    // Playwright's name for an unchanged Firefox; without it, it speaks the protocol of its own build.
    channel: 'moz-firefox',
    headless: true,
    env: { ...process.env, HOME: home },
  }
}
