/** The Chromium that the browser tests drive, and the flags it needs. */

import { chromium } from 'playwright-core'
import {
  type BrowserFound,
  type BrowserKind,
  type BrowserSearch,
  findBrowser,
  machineSearch,
} from './support/find-browser.ts'

const CHROMIUM: BrowserKind = {
  title: 'Chromium',
  variable: 'CONSTELLITE_CHROMIUM',
  names: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
  package: 'chromium',
  advice:
    'none on PATH, none of Playwright (set CONSTELLITE_CHROMIUM, or run npx playwright install chromium)',
}

export function findChromium(
  search: BrowserSearch = {
    ...machineSearch(),
    playwrightPath: () => chromium.executablePath(),
  },
): BrowserFound {
  return findBrowser(CHROMIUM, search)
}

/** Flags for a container without a GPU or a user namespace. */
export const CHROMIUM_ARGUMENTS: readonly string[] = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
]
