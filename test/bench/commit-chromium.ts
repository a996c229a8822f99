/** Commits in Chromium on OPFS, beside the official build's opfs-sahpool in a worker of its own.  Both are
 *  called from the page, as an application does, each over its own message port. */

import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'
import { findChromium } from '../chromium.ts'
import { startChromium } from '../support/page.ts'
import { serveFolders } from '../support/static-server.ts'
import { type Line, measurePair } from './pairs.ts'
import { INSERT, SCHEMA } from './workload.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const COMMITS = 500
const REPETITIONS = 5

const PEERS = [
  { name: 'opfs-sahpool defaults', pragmas: [] },
  {
    name: 'opfs-sahpool WAL exclusive synchronous=FULL',
    pragmas: ['locking_mode=exclusive', 'journal_mode=WAL', 'synchronous=FULL'],
  },
]

export async function commitInChromium(say: (line: Line) => void): Promise<void> {
  const found = findChromium()
  if (found.path === undefined) {
    console.error(`bench commit in Chromium left out: ${found.reason}`)
    return
  }
  const folder = mkdtempSync(join(tmpdir(), 'constellite-bench-page-'))
  await bundlePage(folder)
  const server = await serveFolders({ '/': folder, '/constellite/': `${ROOT}dist/browser` })
  const chromium = await startChromium()
  try {
    const page = await chromium.open(server.url)
    await page.waitForFunction('"bench" in globalThis')
    for (const callers of [1, 64]) {
      for (const peer of PEERS) {
        const load = { commits: COMMITS, callers, insert: INSERT, schema: SCHEMA }
        const side = (name: 'ours' | 'peer') => (): Promise<number> =>
          page.evaluate(`bench.${name}(${JSON.stringify({ ...load, pragmas: peer.pragmas })})`)
        say(
          await measurePair('commit', {
            case: `chromium, ${callers} ${callers === 1 ? 'caller' : 'callers'}, peer ${peer.name}`,
            unit: 'µs/commit',
            note: 'insert of 100 bytes on OPFS, called from the page',
            repetitions: REPETITIONS,
            ours: side('ours'),
            peer: side('peer'),
          }),
        )
      }
    }
  } catch (error) {
    throw new Error(`the page failed; its log:\n${chromium.log.join('\n')}`, { cause: error })
  } finally {
    await chromium.close()
    await server.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function bundlePage(folder: string): Promise<void> {
  const here = fileURLToPath(new URL('.', import.meta.url))
  for (const name of ['page', 'sahpool-worker']) {
    await build({
      cwd: ROOT,
      input: join(here, 'browser', `${name}.ts`),
      platform: 'browser',
      external: ['/constellite/index.js'],
      logLevel: 'silent',
      output: { dir: folder, entryFileNames: '[name].js', codeSplitting: false },
    })
  }
  cpSync(join(here, 'browser/index.html'), join(folder, 'index.html'))
  const wasm = fileURLToPath(import.meta.resolve('@sqlite.org/sqlite-wasm/sqlite3.wasm'))
  cpSync(wasm, join(folder, 'sqlite3.wasm'))
}
