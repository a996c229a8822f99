/** Vitest's two projects: `unit` in Node and `browser` in Chromium.
 *  The browser project uses a persistent context in a folder of its own: in Playwright's ordinary
 *  context, which is incognito, OPFS lives in memory and its timings and limits are not the real ones. */

import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { playwright } from '@vitest/browser-playwright'
import {
  defineConfig,
  type TestProjectInlineConfiguration,
  type ViteUserConfig,
} from 'vitest/config'
import { CHROMIUM_ARGUMENTS, findChromium } from './test/chromium.ts'

const unit: TestProjectInlineConfiguration = {
  test: {
    name: 'unit',
    environment: 'node',
    include: ['test/unit/**/*.test.ts'],
    testTimeout: 20_000,
  },
}

function browserProject(executablePath: string): TestProjectInlineConfiguration {
  const profile = join(tmpdir(), `constellite-chromium-${process.pid}`)
  return {
    // Found while a test runs, a dependency would make Vite reload the page under it.
    optimizeDeps: {
      include: ['comlink', '@noble/ed25519', '@noble/hashes/blake3.js', '@noble/hashes/sha2.js'],
      exclude: ['@sqlite.org/sqlite-wasm'],
    },
    test: {
      name: 'browser',
      include: ['test/browser/**/*.browser.test.ts'],
      testTimeout: 30_000,
      // One page at a time: parallel pages would silently get incognito contexts.
      fileParallelism: false,
      globalSetup: ['test/support/remove-profile.ts'],
      provide: { chromiumProfile: profile },
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        provider: playwright({
          persistentContext: profile,
          launchOptions: { executablePath, args: [...CHROMIUM_ARGUMENTS] },
        }),
        commands: {
          /** Files of OPFS in the profile on disk: none in an incognito context. */
          filesOnDisk: (): number =>
            readdirSync(join(profile, 'Default/File System'), { recursive: true }).length,
        },
        instances: [{ browser: 'chromium' }],
      },
    },
  }
}

function projects(): TestProjectInlineConfiguration[] {
  const found = findChromium()
  if (found.path !== undefined) return [unit, browserProject(found.path)]
  console.warn(`browser tests are left out: ${found.reason}`)
  return [unit]
}

const config: ViteUserConfig = defineConfig({ test: { projects: projects() } })
export default config
