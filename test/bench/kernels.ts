/** Kernels beside hash-wasm, libsodium and plain JavaScript, in Node and in Chromium, and what the deltas of
 *  real pages weigh.  Goals stand in the notes; only ratios of one run mean anything.  In Node the time is
 *  the processor's, in Chromium the clock's. */

import { randomFillSync } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'
import { createKernel } from '../../src/crypto/kernel.ts'
import { findChromium } from '../chromium.ts'
import { startChromium } from '../support/page.ts'
import { serveFolders } from '../support/static-server.ts'
import { processorNow } from './clock.ts'
import { deltaSizes } from './delta-sizes.ts'
import { kernelPairs } from './kernels-cases.ts'
import { type Line, measurePair, type Pair } from './pairs.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const BINARY = join(ROOT, 'src/crypto/kernel.wasm')

export async function kernelsInNode(say: (line: Line) => void): Promise<void> {
  const module = new WebAssembly.Module(readFileSync(BINARY))
  const random = (sizeBytes: number): Uint8Array => randomFillSync(new Uint8Array(sizeBytes))
  const kernel = createKernel(module, random)
  for (const pair of await kernelPairs(kernel, module, processorNow)) {
    say(await measurePair('kernels', { ...pair, case: `node, ${pair.case}` }))
  }
  for (const line of await deltaSizes(kernel)) say(line)
}

export async function kernelsInChromium(say: (line: Line) => void): Promise<void> {
  const found = findChromium()
  if (found.path === undefined) {
    console.error(`bench kernels in Chromium left out: ${found.reason}`)
    return
  }
  const folder = mkdtempSync(join(tmpdir(), 'constellite-bench-kernels-'))
  await bundlePage(folder)
  const server = await serveFolders({ '/': folder }, { isIsolated: true })
  const chromium = await startChromium()
  try {
    const page = await chromium.open(server.url)
    await page.waitForFunction('"start" in globalThis')
    const pairs = (await page.evaluate(
      'start().then((made) => { globalThis.bench = made; return made.pairs })',
    )) as Omit<Pair, 'ours' | 'peer'>[]
    for (const [index, pair] of pairs.entries()) {
      const side = (name: 'ours' | 'peer') => (): Promise<number> =>
        page.evaluate(`bench.${name}(${index})`)
      const sides = { ours: side('ours'), peer: side('peer') }
      say(await measurePair('kernels', { ...pair, ...sides, case: `chromium, ${pair.case}` }))
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
  const here = fileURLToPath(new URL('./browser/', import.meta.url))
  await build({
    cwd: ROOT,
    input: { page: join(here, 'kernels.ts') },
    platform: 'browser',
    logLevel: 'silent',
    output: { dir: folder, entryFileNames: '[name].js', codeSplitting: false },
  })
  cpSync(join(here, 'index.html'), join(folder, 'index.html'))
  cpSync(BINARY, join(folder, 'kernel.wasm'))
}
