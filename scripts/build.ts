/** Builds `dist`: modules and types by tsc; for browsers two self-contained files with sqlite3.wasm beside
 *  them, so that no bundler, page or other origin needs a plugin (DESIGN §7); and for workerd self-contained
 *  files whose `.wasm` beside them are static imports, the only ones that it compiles.
 *  Keeps: `dist` is replaced as a whole, at the end; a failed build leaves the old one.
 *  Never: leaves a reference to a file that is not shipped. */

import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'rolldown'
import { cutSqlite } from './cut-sqlite.ts'
import { staticCallbacks } from './static-callbacks.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const OUT = `${ROOT}dist`
const NEXT = `${ROOT}.cache/dist-${process.pid}`

/** What each self-contained browser file is made of. */
const BROWSER_FILES = {
  'index.js': 'src/entry/browser.ts',
  'worker.js': 'workers/database.ts',
  'worker-plain.js': 'workers/database.ts',
  'serve.js': 'src/entry/worker.ts',
}

/** What each self-contained file for workerd is made of. */
const EDGE_FILES = {
  'index.js': 'src/entry/workerd.ts',
  'relay.js': 'workers/edge.ts',
}

async function main(): Promise<void> {
  const inputs = [...Object.values(BROWSER_FILES), ...Object.values(EDGE_FILES)]
  const missing = inputs.filter((path) => !existsSync(`${ROOT}${path}`))
  if (missing.length > 0) throw new Error(`build: missing entry points: ${missing.join(', ')}`)
  rmSync(NEXT, { recursive: true, force: true })
  mkdirSync(NEXT, { recursive: true })
  tsc(['--project', 'tsconfig.build.json', '--outDir', NEXT])
  compileTypesAlone()
  for (const [name, input] of Object.entries(BROWSER_FILES)) await bundle(name, input)
  for (const [name, input] of Object.entries(EDGE_FILES)) await bundleEdge(name, input)
  for (const folder of ['browser', 'edge']) {
    copyFileSync(sqliteWasm(), `${NEXT}/${folder}/sqlite3.wasm`)
  }
  for (const folder of ['edge', 'sqlite']) {
    copyFileSync(`${ROOT}src/sqlite/trampoline.wasm`, `${NEXT}/${folder}/trampoline.wasm`)
  }
  for (const folder of ['browser', 'edge', 'crypto']) {
    copyFileSync(`${ROOT}src/crypto/kernel.wasm`, `${NEXT}/${folder}/kernel.wasm`)
  }
  if (existsSync(`${NEXT}/cli/main.js`)) chmodSync(`${NEXT}/cli/main.js`, 0o755)
  rmSync(OUT, { recursive: true, force: true })
  renameSync(NEXT, OUT)
}

/** The shipped types stand in a project that has neither DOM nor Node types: what only some projects have is
 *  named in src/base/globals.ts. */
function compileTypesAlone(): void {
  const entries = readdirSync(`${NEXT}/entry`).filter((name) => name.endsWith('.d.ts'))
  const isBare = (name: string): boolean => !(name in PEER_SETTINGS)
  compileTypes(entries.filter(isBare), ['--lib', 'es2022'])
  for (const [name, settings] of Object.entries(PEER_SETTINGS)) compileTypes([name], settings)
}

/** What the types of a peer ask of a project themselves. */
const PEER_SETTINGS: Readonly<Record<string, readonly string[]>> = {
  'drizzle.d.ts': ['--lib', 'es2022,dom', '--skipLibCheck'],
  'kysely.d.ts': ['--lib', 'es2022,dom'],
  'svelte.d.ts': ['--lib', 'es2022,dom'],
  'vue.d.ts': ['--lib', 'es2022,dom'],
}

function compileTypes(entries: readonly string[], settings: readonly string[]): void {
  const bare = ['--noEmit', '--strict', '--target', 'es2022', '--types', '', '--module', 'nodenext']
  const files = entries.map((name) => `${NEXT}/entry/${name}`)
  tsc(['--ignoreConfig', ...bare, ...settings, ...files])
}

function tsc(parameters: readonly string[]): void {
  const program = `${ROOT}node_modules/typescript/bin/tsc`
  execFileSync(process.execPath, [program, ...parameters], { cwd: ROOT, stdio: 'inherit' })
}

function bundle(name: string, input: string): Promise<void> {
  const plugins = [
    cutSqlite(),
    plainPatterns(),
    ...(name === 'worker.js' ? [withoutPlainKernel(), withoutIndexedDb()] : []),
  ]
  return bundleFile({ folder: 'browser', name, input, plugins })
}

function bundleEdge(name: string, input: string): Promise<void> {
  const plugins = [cutSqlite(), staticCallbacks(), wasmBeside()]
  return bundleFile({ folder: 'edge', name, input, plugins })
}

type BundledFile = {
  readonly folder: string
  readonly name: string
  readonly input: string
  readonly plugins: Plugin[]
}

async function bundleFile({ folder, name, input, plugins }: BundledFile): Promise<void> {
  await build({
    cwd: ROOT,
    input: { [name.replace('.js', '')]: input },
    platform: 'browser',
    plugins,
    transform: { target: 'es2022' },
    checks: { importIsUndefined: true },
    onLog(level, log) {
      if (level === 'warn') throw new Error(`${folder}/${name}: ${log.message}`)
    },
    output: {
      dir: `${NEXT}/${folder}`,
      format: 'esm',
      minify: true,
      codeSplitting: false,
      entryFileNames: '[name].js',
      comments: { legal: true },
    },
  })
}

/** Every imported `.wasm` lies beside the file that imports it. */
function wasmBeside(): Plugin {
  return {
    name: 'wasm-beside',
    resolveId: {
      filter: { id: /\.wasm$/ },
      handler: (source) => ({ id: `./${basename(source)}`, external: true }),
    },
  }
}

/** The worker that pages start where the WASM kernel runs has no other one: that saves the size of @noble. */
function withoutPlainKernel(): Plugin {
  const code = `import { ConstelliteError } from '../base/failure.ts'
    export function createDefaultKernel(reason) {
      throw new ConstelliteError({
        code: 'ErrWorkerFailed',
        message: 'The kernel cannot run in this worker: ' + reason,
        hint: 'Start worker-plain.js instead, which does without it.',
      })
    }`
  return {
    name: 'without-plain-kernel',
    transform: { filter: { id: /src\/crypto\/kernel-default\.ts$/ }, handler: () => code },
  }
}

/** Nor has it the storage that few browsers need: src/platform/browser.ts starts the other worker then. */
function withoutIndexedDb(): Plugin {
  const code = `import { ConstelliteError } from '../base/failure.ts'
    export async function createIndexedDbStorage(host, { reason }) {
      throw new ConstelliteError({
        code: 'ErrWorkerFailed',
        message: 'This worker has no IndexedDB, which the database needs: ' + reason,
        hint: 'Start worker-plain.js instead.',
        facts: { needs: 'worker-plain.js' },
      })
    }`
  return {
    name: 'without-indexeddb',
    transform: {
      filter: { id: /src\/platform\/storage-indexeddb\.ts$/ },
      handler: () => code,
    },
  }
}

/** Bundlers and publint look for patterns in the text that the minifier writes in its own way: the address
 *  of a file in ordinary quotes, and `export` at the start of a line. */
function plainPatterns(): Plugin {
  return {
    name: 'plain-patterns',
    generateBundle(_options, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type !== 'chunk') continue
        file.code = file.code
          .replace(/new URL\(`([^`$\\]*)`/g, 'new URL("$1"')
          .replace(/export\{[^}]*\};?\s*$/, (last) => `\n${last}`)
      }
    },
  }
}

function sqliteWasm(): string {
  return fileURLToPath(import.meta.resolve('@sqlite.org/sqlite-wasm/sqlite3.wasm'))
}

try {
  await main()
} catch (error) {
  rmSync(NEXT, { recursive: true, force: true })
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
