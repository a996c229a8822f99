/** `node --import ./scripts/typescript.mjs test/kill/main.ts <part> [--seed N] [--rounds N] [--from N]`: real
 *  processes or pages are killed, and nothing that was acknowledged may be lost.
 *  Ends with one line of counts, which the runners read. */

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { findChromium } from '../chromium.ts'
import { findFirefox } from '../firefox.ts'
import type { BrowserFound } from '../support/find-browser.ts'
import { packedAt, packedFolder } from '../support/packed.ts'
import { serveFolders } from '../support/static-server.ts'
import { formatSkip, formatTally, NOTHING } from '../support/tally.ts'
import type { BrowserName } from './browser.ts'
import { createPageRounds, type PageOptions } from './pages.ts'
import { createProcessRounds } from './processes.ts'
import { bundleProgram } from './programs.ts'
import { type Rounds, runRounds } from './rounds.ts'

const OPTIONS = {
  seed: { type: 'string', default: '1' },
  rounds: { type: 'string', default: '20' },
  from: { type: 'string', default: '1' },
  /** Of processes: the writer lies, and rounds have to fail. */
  planted: { type: 'boolean', default: false },
} as const

type Part = {
  readonly browser?: { readonly name: BrowserName; readonly find: () => BrowserFound }
}

const PARTS: Readonly<{ [part: string]: Part }> = {
  processes: {},
  pages: { browser: { name: 'chromium', find: findChromium } },
  'pages-firefox': { browser: { name: 'firefox', find: findFirefox } },
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true })
  const [name = ''] = positionals
  const part = PARTS[name]
  if (part === undefined) throw new Error(`no part "${name}": ${Object.keys(PARTS).join(', ')}`)
  const seed = numberOf(values.seed)
  const from = numberOf(values.from)
  const to = from + numberOf(values.rounds) - 1
  const found = part.browser?.find()
  if (found !== undefined && found.path === undefined) {
    const skips = [{ name, reason: found.reason }]
    console.log(`${skips.map(formatSkip)}\n${formatTally({ ...NOTHING, skips })}`)
    return
  }
  const folder = mkdtempSync(join(tmpdir(), 'constellite-kill-'))
  try {
    const rounds =
      part.browser === undefined || found === undefined
        ? await processes(folder, values.planted)
        : await pages(folder, { name: part.browser.name, path: found.path })
    const tally = await runRounds(rounds, { part: name, seed, from, to })
    await rounds.close?.()
    if (tally.failed > 0) process.exitCode = 1
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
}

async function processes(folder: string, isEarly: boolean): Promise<Rounds> {
  const { program, command } = await install(folder)
  return createProcessRounds({ program, command, folder, isEarly })
}

async function pages(folder: string, browser: PageOptions['browser']): Promise<Rounds> {
  const { program, command, shipped } = await install(folder)
  const site = join(folder, 'site')
  mkdirSync(site)
  writeFileSync(join(site, 'index.html'), INDEX)
  writeFileSync(join(site, 'program.js'), await bundleProgram('page', 'browser'))
  const server = await serveFolders({ '/': site, '/constellite/': shipped })
  const rounds = createPageRounds({ browser, program, command, folder, url: server.url })
  return { ...rounds, close: () => server.close() }
}

const INDEX = `<!doctype html><title>A writer</title>
<script type="importmap">{ "imports": { "constellite": "/constellite/index.js" } }</script>
<script type="module" src="/program.js"></script>`

type Installed = {
  readonly program: string
  readonly command: string
  /** What the package brings for browsers. */
  readonly shipped: string
}

/** The program of the processes lies where `constellite` is the packed package. */
async function install(folder: string): Promise<Installed> {
  const { project } = packedAt(await packedFolder())
  symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'))
  const program = join(folder, 'program.mjs')
  writeFileSync(program, await bundleProgram('node', 'node'))
  const dist = join(project, 'node_modules/constellite/dist')
  return { program, command: join(dist, 'cli/main.js'), shipped: join(dist, 'browser') }
}

function numberOf(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`${text} is not a positive number`)
  return Number(text)
}

await main()
