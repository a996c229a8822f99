/** Vitest's projects: `unit` and `browser` test the sources in Node and Chromium, `pages` whole pages driven
 *  from Node; `node` and `chromium` the packed package, from one source; `consumers` the packed package
 *  as strangers use it.
 *  Chromium gets a persistent context in a folder of its own: in Playwright's ordinary context, which is
 *  incognito, OPFS lives in memory and its timings and limits are not the real ones. */

import { existsSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { playwright } from '@vitest/browser-playwright'
import type { Plugin } from 'vite'
import {
  defineConfig,
  type TestProjectInlineConfiguration,
  type ViteUserConfig,
} from 'vitest/config'
import type { InlineConfig } from 'vitest/node'
import { CHROMIUM_ARGUMENTS, findChromium } from './test/chromium.ts'
import { packedAt, packedFolder } from './test/support/packed.ts'
import { createTallyReporter } from './test/support/tally-reporter.ts'

/** One source, two platforms: runs in `node` and in `chromium` against the packed package. */
const CONFORMANCE = 'test/conformance/*.test.ts'

/** Makes `import 'constellite'` mean the installed tarball, by its own `exports`. */
function resolvePacked(): Plugin {
  return {
    name: 'resolve-packed',
    enforce: 'pre',
    async resolveId(source, _importer, options) {
      if (!/^constellite(\/|$)/.test(source)) return null
      const { project } = packedAt(await packedFolder())
      return await this.resolve(source, join(project, 'index.js'), { ...options, skipSelf: true })
    },
  }
}

const unit: TestProjectInlineConfiguration = {
  test: {
    name: 'unit',
    environment: 'node',
    include: ['test/unit/**/*.test.ts'],
    // For machines that do other things too: a hang is a hang after a minute.
    testTimeout: 60_000,
  },
}

const node: TestProjectInlineConfiguration = {
  plugins: [resolvePacked()],
  resolve: { alias: { '#place': join(import.meta.dirname, 'test/conformance/place-node.ts') } },
  test: {
    name: 'node',
    environment: 'node',
    include: [CONFORMANCE],
    globalSetup: ['test/support/use-packed.ts', 'test/support/use-relay.ts'],
    testTimeout: 30_000,
  },
}

const consumers: TestProjectInlineConfiguration = {
  test: {
    name: 'consumers',
    environment: 'node',
    include: ['test/consumers/**/*.test.ts'],
    globalSetup: ['test/support/use-packed.ts'],
    testTimeout: 120_000,
    hookTimeout: 180_000,
    fileParallelism: false,
  },
}

/** Settings of a project that runs in Chromium, with a profile of its own. */
function inChromium(name: string, executablePath: string): InlineConfig {
  const profile = join(tmpdir(), `constellite-${name}-${process.pid}`)
  return {
    name,
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
        filesOnDisk: (): number => {
          const folder = join(profile, 'Default/File System')
          return existsSync(folder) ? readdirSync(folder, { recursive: true }).length : 0
        },
      },
      instances: [{ browser: 'chromium' }],
    },
  }
}

/** Tests in Node that drive pages themselves: several windows, reloads, the demo. */
const pages: TestProjectInlineConfiguration = {
  test: {
    name: 'pages',
    environment: 'node',
    include: ['test/browser/**/*.test.ts'],
    exclude: ['**/*.browser.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
}

function browserProject(executablePath: string): TestProjectInlineConfiguration {
  return {
    // Found while a test runs, a dependency would make Vite reload the page under it.
    optimizeDeps: {
      include: [
        'comlink',
        '@noble/ed25519',
        '@noble/hashes/blake3.js',
        '@noble/hashes/sha2.js',
        '@noble/hashes/hkdf.js',
        '@noble/ciphers/chacha.js',
        '@hpke/core',
        '@hpke/hybridkem-x-wing',
        'hash-wasm',
      ],
      exclude: ['@sqlite.org/sqlite-wasm'],
    },
    // Published vectors, which are not in the repository.
    server: { fs: { allow: ['.', '../shared/data'] } },
    test: {
      ...inChromium('browser', executablePath),
      include: ['test/browser/**/*.browser.test.ts'],
    },
  }
}

function chromiumProject(executablePath: string): TestProjectInlineConfiguration {
  const settings = inChromium('chromium', executablePath)
  return {
    plugins: [resolvePacked()],
    resolve: {
      alias: { '#place': join(import.meta.dirname, 'test/conformance/place-chromium.ts') },
    },
    server: { fs: { strict: false } },
    optimizeDeps: { exclude: ['constellite'] },
    test: {
      ...settings,
      include: [CONFORMANCE, 'test/conformance/chromium/*.test.ts'],
      globalSetup: ['remove-profile', 'use-packed', 'use-relay'].map(
        (it) => `test/support/${it}.ts`,
      ),
    },
  }
}

function projects(): TestProjectInlineConfiguration[] {
  const found = findChromium()
  if (found.path !== undefined)
    return [unit, node, pages, consumers, browserProject(found.path), chromiumProject(found.path)]
  console.warn(`browser tests are left out: ${found.reason}`)
  return [unit, node, pages, consumers]
}

const tally = process.env['CONSTELLITE_TALLY']
const config: ViteUserConfig = defineConfig({
  test: {
    projects: projects(),
    reporters: tally === undefined ? ['default'] : ['default', createTallyReporter(tally)],
  },
})
export default config
