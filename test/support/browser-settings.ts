/** Settings of a vitest project that runs in a browser: one page at a time, in a profile of its own.
 *  Keeps: the context is persistent, in a folder on disk.  In Playwright's ordinary context, which is private,
 *  storage lives in memory and its timings and limits are not the real ones. */

import { existsSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { playwright } from '@vitest/browser-playwright'
import type { InlineConfig } from 'vitest/node'
import { CHROMIUM_ARGUMENTS } from '../chromium.ts'
import { firefoxLaunch } from '../firefox.ts'

/** What all origins of a Firefox may keep. */
const STORAGE_KIB = 1 << 20

export type BrowserSettings = InlineConfig

type Launch = NonNullable<NonNullable<Parameters<typeof playwright>[0]>['launchOptions']>

/** What makes a Chromium one that has no OPFS. */
export const WITHOUT_OPFS =
  '--disable-blink-features=FileSystemAccess,FileSystemAccessOriginPrivate'

export function inChromium(
  name: string,
  executablePath: string,
  more: readonly string[] = [],
): BrowserSettings {
  const profile = profileOf(name)
  return settingsOf({
    name,
    profile,
    browser: 'chromium',
    launch: { executablePath, args: [...CHROMIUM_ARGUMENTS, ...more] },
    // OPFS of all origins.
    files: join(profile, 'Default/File System'),
  })
}

/** As above, of a Firefox. */
export const PREFERENCES_WITHOUT_OPFS: FirefoxPreferences = { 'dom.fs.enabled': false }

type FirefoxPreferences = Readonly<Record<string, string | number | boolean>>

export function inFirefox(
  name: string,
  executablePath: string,
  more: FirefoxPreferences = {},
): BrowserSettings {
  const profile = profileOf(name)
  return settingsOf({
    name,
    profile,
    browser: 'firefox',
    launch: {
      ...firefoxLaunch(executablePath, profile),
      // An origin gets a fifth of it: little enough for a test to fill.
      firefoxUserPrefs: { 'dom.quotaManager.temporaryStorage.fixedLimit': STORAGE_KIB, ...more },
    },
    files: join(profile, 'storage/default'),
  })
}

/** In the system's own temporary folder, which exists before the browser is started. */
function profileOf(name: string): string {
  return join(tmpdir(), `constellite-${name}-${process.pid}`)
}

type Wanted = {
  readonly name: string
  readonly profile: string
  readonly browser: 'chromium' | 'firefox'
  readonly launch: Launch
  /** Where the browser keeps OPFS in the profile. */
  readonly files: string
}

function settingsOf({ name, profile, browser, launch, files }: Wanted): BrowserSettings {
  return {
    name,
    testTimeout: 30_000,
    // One page at a time: parallel pages would silently get private contexts.
    fileParallelism: false,
    globalSetup: ['test/support/remove-profile.ts'],
    provide: { browserProfile: profile },
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({ persistentContext: profile, launchOptions: launch }),
      commands: {
        /** Files of OPFS in the profile on disk: none in a private context. */
        filesOnDisk: (): number =>
          existsSync(files)
            ? readdirSync(files, { recursive: true }).filter((it) => !`${it}`.includes('idb'))
                .length
            : 0,
      },
      instances: [{ browser }],
    },
  }
}
