/** A page of Chromium, and workers beside it, bundled from the sources for one benchmark.  The page is alone
 *  in its process, so that its clock ticks every 5 µs. */

import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { build } from 'rolldown'
import { cutSqlite } from '../../scripts/cut-sqlite.ts'
import { findChromium } from '../chromium.ts'
import { startChromium } from '../support/page.ts'
import { serveFolders } from '../support/static-server.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export type BundledPage = {
  readonly bench: string
  /** Files of `browser/` by the name under which the page finds them; `page` is the page's own. */
  readonly files: Readonly<Record<string, string>> & { readonly page: string }
}

/** Runs `work` on the page once it has set `globalThis.bench`; says why where there is no Chromium. */
export async function onBundledPage(
  { bench, files }: BundledPage,
  work: (page: Page) => Promise<void>,
): Promise<void> {
  const found = findChromium()
  if (found.path === undefined) {
    console.error(`bench ${bench} left out: ${found.reason}`)
    return
  }
  const folder = mkdtempSync(join(tmpdir(), `constellite-bench-${bench}-`))
  await bundleFiles(files, folder)
  const server = await serveFolders({ '/': folder }, { isIsolated: true })
  const chromium = await startChromium()
  try {
    const page = await chromium.open(server.url)
    await page.waitForFunction('"bench" in globalThis')
    await work(page)
  } catch (error) {
    throw new Error(`the page failed; its log:\n${chromium.log.join('\n')}`, { cause: error })
  } finally {
    await chromium.close()
    await server.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function bundleFiles(files: BundledPage['files'], folder: string): Promise<void> {
  const here = fileURLToPath(new URL('./browser/', import.meta.url))
  for (const [name, file] of Object.entries(files)) {
    await build({
      cwd: ROOT,
      input: { [name]: join(here, file) },
      platform: 'browser',
      plugins: [cutSqlite()],
      logLevel: 'silent',
      output: { dir: folder, entryFileNames: '[name].js', codeSplitting: false, minify: true },
    })
  }
  cpSync(join(here, 'index.html'), join(folder, 'index.html'))
  const wasm = fileURLToPath(import.meta.resolve('@sqlite.org/sqlite-wasm/sqlite3.wasm'))
  cpSync(wasm, join(folder, 'sqlite3.wasm'))
  cpSync(join(ROOT, 'src/crypto/kernel.wasm'), join(folder, 'kernel.wasm'))
}
