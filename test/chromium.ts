/** Finds the Chromium that the browser tests drive.  Order: a given path (CONSTELLITE_CHROMIUM), the
 *  system's, Playwright's download, Debian's package where the tests run as root in CI.
 *  Keeps: finding none is an answer with its reason, so that the runner can count it as a skip.
 *  Never: downloads a browser on a person's machine. */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium } from 'playwright-core'

export type ChromiumFound =
  | {
      readonly path: string
      readonly source: 'given' | 'system' | 'playwright' | 'debian'
    }
  | { readonly path: undefined; readonly reason: string }

/** What the search asks the machine, so that a test can answer in its place. */
export type ChromiumSearch = {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly exists: (path: string) => boolean
  /** Where Playwright would have put its own. */
  readonly playwrightPath: () => string
  readonly isRoot: boolean
  /** Installs Debian's package; true when it worked. */
  readonly installDebian: () => boolean
}

const SYSTEM_NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

export function findChromium(search: ChromiumSearch = machineSearch()): ChromiumFound {
  const given = search.environment['CONSTELLITE_CHROMIUM']
  if (given !== undefined && given !== '') {
    if (search.exists(given)) return { path: given, source: 'given' }
    return {
      path: undefined,
      reason: `no Chromium: CONSTELLITE_CHROMIUM names ${given}, which does not exist`,
    }
  }
  const system = onPath(search)
  if (system !== undefined) return { path: system, source: 'system' }
  const downloaded = search.playwrightPath()
  if (downloaded !== '' && search.exists(downloaded)) {
    return { path: downloaded, source: 'playwright' }
  }
  const inCi = search.environment['CI'] === 'true'
  if (inCi && search.isRoot && search.installDebian()) {
    const installed = onPath(search)
    if (installed !== undefined) return { path: installed, source: 'debian' }
  }
  return {
    path: undefined,
    reason:
      'no Chromium: none on PATH, none of Playwright (set CONSTELLITE_CHROMIUM, or run npx playwright install chromium)',
  }
}

/** Flags for a container without a GPU or a user namespace. */
export const CHROMIUM_ARGUMENTS: readonly string[] = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
]

function onPath(search: ChromiumSearch): string | undefined {
  const folders = (search.environment['PATH'] ?? '').split(delimiter).filter((it) => it !== '')
  for (const name of SYSTEM_NAMES) {
    for (const folder of folders) {
      const path = join(folder, name)
      if (search.exists(path)) return path
    }
  }
  return undefined
}

function machineSearch(): ChromiumSearch {
  return {
    environment: process.env,
    exists: existsSync,
    playwrightPath: () => chromium.executablePath(),
    isRoot: process.getuid?.() === 0,
    installDebian: () =>
      apt(['update']) && apt(['install', '-y', '--no-install-recommends', 'chromium']),
  }
}

function apt(parameters: readonly string[]): boolean {
  const done = spawnSync('apt-get', ['-q', ...parameters], {
    stdio: 'ignore',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
  return done.status === 0
}
