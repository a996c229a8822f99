/** Vitest's projects: `unit`, `browser` and `browser-firefox` test the sources in Node, Chromium and Firefox,
 *  `pages` whole pages driven from Node; `node`, `chromium` and `firefox` the packed package, from one
 *  source; `consumers` the packed package as strangers use it;
 *  `setups` the README's lines that set it up. */

import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Plugin } from 'vite'
import {
  defineConfig,
  type TestProjectInlineConfiguration,
  type ViteUserConfig,
} from 'vitest/config'
import { findChromium } from './test/chromium.ts'
import { findFirefox } from './test/firefox.ts'
import {
  type BrowserSettings,
  inChromium,
  inFirefox,
  PREFERENCES_WITHOUT_OPFS,
  WITHOUT_OPFS,
} from './test/support/browser-settings.ts'
import { packedAt, packedFolder } from './test/support/packed.ts'
import { createTallyReporter } from './test/support/tally-reporter.ts'

/** One source for all platforms: runs in `node`, `chromium` and `firefox` against the packed package. */
const CONFORMANCE = 'test/conformance/*.test.ts'

/** Makes `import 'constellite'` mean the installed tarball, by its own `exports`. */
function resolvePacked(): Plugin {
  return {
    name: 'resolve-packed',
    enforce: 'pre',
    async resolveId(source, _importer, options) {
      if (!/^constellite(\/|$)/.test(source)) return null
      const { project } = packedAt(await packedFolder())
      // The importer has to exist: without one Vite resolves from its root, which is this repository.
      const importer = join(project, 'package.json')
      return await this.resolve(source, importer, { ...options, skipSelf: true })
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

/** workerd as a process under the packed package; what runs inside it is test/workerd/run.ts. */
const workerd: TestProjectInlineConfiguration = {
  test: {
    name: 'workerd',
    environment: 'node',
    include: ['test/workerd/*.test.ts'],
    globalSetup: ['test/support/use-packed.ts'],
    testTimeout: 120_000,
  },
}

/** WebKitGTK under the packed package; the conformance suite in its page is test/webkit/run.ts. */
const webkit: TestProjectInlineConfiguration = {
  test: {
    name: 'webkit',
    environment: 'node',
    include: ['test/webkit/*.test.ts'],
    globalSetup: ['test/support/use-packed.ts'],
    testTimeout: 60_000,
    fileParallelism: false,
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

/** The README's lines for each tool, typed; those that take long are of the nightly run. */
function setupsProject(name: string, include: string): TestProjectInlineConfiguration {
  return {
    test: {
      name,
      environment: 'node',
      include: [include],
      globalSetup: ['test/support/use-packed.ts'],
      testTimeout: 120_000,
      hookTimeout: 600_000,
      fileParallelism: false,
    },
  }
}

/** The relay on Cloudflare as its user deploys it, under workerd. */
const edge: TestProjectInlineConfiguration = {
  test: {
    name: 'edge',
    environment: 'node',
    include: ['test/edge/*.test.ts'],
    globalSetup: ['test/support/use-packed.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
}

/** Tests in Node that start other runtimes: processes, pages, objects. */
const platform: TestProjectInlineConfiguration = {
  test: {
    name: 'platform',
    environment: 'node',
    include: ['test/platform/**/*.test.ts'],
    globalSetup: ['test/support/use-packed.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
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

/** The sources in a browser. */
function browserProject(settings: BrowserSettings): TestProjectInlineConfiguration {
  return {
    // Found while a test runs, a dependency would make Vite reload the page under it.
    optimizeDeps: {
      include: [
        'idb',
        '@noble/ed25519',
        '@noble/hashes/blake3.js',
        '@noble/hashes/sha2.js',
        '@noble/hashes/hkdf.js',
        '@noble/ciphers/chacha.js',
        '@hpke/core',
        '@hpke/hybridkem-x-wing',
        'hash-wasm',
        'react',
        'react-dom/client',
        'kysely',
        'kysely/helpers/sqlite',
        'kysely/migration',
        'drizzle-orm',
        'drizzle-orm/cache/core',
        'drizzle-orm/sqlite-core',
        'drizzle-orm/sqlite-proxy',
      ],
      exclude: ['@sqlite.org/sqlite-wasm'],
    },
    // Published vectors, which are not in the repository.
    server: { fs: { allow: ['.', '../shared/data'] } },
    test: { ...settings, include: ['test/browser/**/*.browser.test.ts'] },
  }
}

/** The packed package in a browser. */
function packedProject(
  settings: BrowserSettings,
  place = 'place-browser',
): TestProjectInlineConfiguration {
  return {
    plugins: [resolvePacked()],
    resolve: {
      alias: { '#place': join(import.meta.dirname, `test/conformance/${place}.ts`) },
    },
    server: { fs: { strict: false } },
    optimizeDeps: { exclude: ['constellite'] },
    test: {
      ...settings,
      include: [CONFORMANCE, 'test/conformance/browser/*.test.ts'],
      globalSetup: ['remove-profile', 'use-packed', 'use-relay'].map(
        (it) => `test/support/${it}.ts`,
      ),
    },
  }
}

function projects(): TestProjectInlineConfiguration[] {
  const found: TestProjectInlineConfiguration[] = [
    unit,
    node,
    pages,
    workerd,
    webkit,
    edge,
    consumers,
    setupsProject('setups', 'test/setups/*.test.ts'),
    setupsProject('setups-nightly', 'test/setups/nightly/*.test.ts'),
    platform,
  ]
  const [chromium, firefox] = [findChromium(), findFirefox()]
  if (chromium.path === undefined) console.warn(`tests are left out: ${chromium.reason}`)
  else {
    found.push(browserProject(inChromium('browser', chromium.path)))
    found.push(packedProject(inChromium('chromium', chromium.path)))
    const withoutOpfs = inChromium('indexeddb', chromium.path, [WITHOUT_OPFS])
    found.push(packedProject(withoutOpfs, 'place-indexeddb'))
  }
  if (firefox.path === undefined) console.warn(`tests are left out: ${firefox.reason}`)
  else {
    found.push(browserProject(inFirefox('browser-firefox', firefox.path)))
    found.push(packedProject(inFirefox('firefox', firefox.path)))
    const withoutOpfs = inFirefox('indexeddb-firefox', firefox.path, PREFERENCES_WITHOUT_OPFS)
    found.push(packedProject(withoutOpfs, 'place-indexeddb'))
  }
  return found
}

const tally = process.env['CONSTELLITE_TALLY']
const config: ViteUserConfig = defineConfig({
  test: {
    // By itself it leaves one core alone, which on two cores is half of them.
    maxWorkers: availableParallelism(),
    projects: projects(),
    reporters: tally === undefined ? ['default'] : ['default', createTallyReporter(tally)],
  },
})
export default config
