/** `node --import ./scripts/typescript.mjs test/tabs/main.ts chromium|firefox [--rounds N]`: tabs that share a
 *  database lose their owner, round after round; each round is a test.  Prints how long writes waited. */

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { findChromium } from '../chromium.ts'
import { findFirefox } from '../firefox.ts'
import { packedAt, packedFolder } from '../support/packed.ts'
import { serveFolders } from '../support/static-server.ts'
import { formatTally, NOTHING } from '../support/tally.ts'
import type { TabBrowser } from './browser.ts'
import { startDevTools } from './devtools.ts'
import { startFirefoxTabs } from './firefox-tabs.ts'
import { startRounds, type Way } from './rounds.ts'

const PAGE = fileURLToPath(new URL('./page', import.meta.url))

type Kind = { readonly ways: readonly Way[]; start(): Promise<TabBrowser> }

const KINDS: Readonly<Record<string, Kind>> = {
  chromium: {
    ways: ['closed', 'crashed', 'frozen', 'navigated'],
    start: () => startDevTools(pathOf(findChromium())),
  },
  firefox: {
    // It has no freeze event, so what is hidden gives way.
    ways: ['closed', 'navigated', 'hidden'],
    start: () => startFirefoxTabs(pathOf(findFirefox())),
  },
}

function pathOf(found: { readonly path?: string | undefined; readonly reason?: string }): string {
  if (found.path === undefined) throw new Error(found.reason)
  return found.path
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { rounds: { type: 'string', default: '12' } },
  })
  const kind = KINDS[positionals[0] ?? '']
  if (kind === undefined) throw new Error(`no browser "${positionals[0]}": ${Object.keys(KINDS)}`)
  const { project } = packedAt(await packedFolder())
  const shipped = join(project, 'node_modules/constellite/dist/browser')
  const server = await serveFolders({ '/': PAGE, '/constellite/': shipped })
  const browser = await kind.start()
  const waited = new Map<Way, number[]>(kind.ways.map((way) => [way, []]))
  let failed = 0
  let passed = 0
  try {
    const rounds = await startRounds(browser, server.url)
    for (let round = 0; round < Number(values.rounds); round++) {
      const way = kind.ways[round % kind.ways.length] as Way
      try {
        const gaps = await rounds.run(way)
        waited.get(way)?.push(...gaps)
        passed += 1
      } catch (error) {
        console.error(`round ${round}, owner ${way}:`, error)
        failed += 1
        break
      }
    }
  } finally {
    await browser.close()
    await server.close()
  }
  for (const [way, times] of waited) console.log(`${browser.name}, owner ${way}: ${format(times)}`)
  console.log(`${browser.name}, all: ${format([...waited.values()].flat())}`)
  console.log(formatTally({ ...NOTHING, passed, failed }))
  if (failed > 0) process.exitCode = 1
}

function format(times: readonly number[]): string {
  const sorted = [...times].sort((left, right) => left - right)
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(0)
  return `writes waited p50 ${at(0.5)} ms, p99 ${at(0.99)} ms (${sorted.length} times)`
}

await main()
