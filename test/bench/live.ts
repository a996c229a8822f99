/** Live queries in Chromium: a page that writes 100 times a second, with 1 000 subscriptions over what it
 *  writes beside the same page with none: the times of its frames, and how long a subscriber waits. */

import type { Page } from 'playwright-core'
import type { LiveCost, LiveLoad } from './browser/live-page.ts'
import { onBundledPage } from './bundled-page.ts'
import type { Line } from './pairs.ts'

const RATE = { writesPerSecond: 100, seconds: 10 } as const

type Case = Omit<LiveLoad, keyof typeof RATE>

const NONE: Case = { distinct: 0, equal: 0, areTextsDistinct: false }

const CASES: readonly (Case & { readonly name: string })[] = [
  { ...NONE, name: '1000 equal', equal: 1000 },
  { ...NONE, name: '1000 with values of their own', distinct: 1000 },
  { ...NONE, name: '1000 with texts of their own', distinct: 1000, areTextsDistinct: true },
  { ...NONE, name: '500 equal and 500 with values', distinct: 500, equal: 500 },
]

const PARTS = [
  { name: 'p50', of: 0.5 },
  { name: 'p99', of: 0.99 },
  { name: 'max', of: 1 },
]

export async function measureLive(say: (line: Line) => void): Promise<void> {
  const files = { page: 'live-page.ts', worker: '../../../workers/database.ts' }
  await onBundledPage({ bench: 'live', files }, async (page) => {
    await measure(page, { ...NONE, ...RATE, seconds: 1 })
    for (const { name, ...load } of CASES) {
      const peer = await measure(page, { ...NONE, ...RATE })
      const ours = await measure(page, { ...load, ...RATE })
      for (const line of linesOf(name, ours, peer)) say(line)
    }
  })
}

async function measure(page: Page, load: LiveLoad): Promise<LiveCost> {
  const cost: LiveCost = await page.evaluate(`bench.measure(${JSON.stringify(load)})`)
  if (cost.untold > 0)
    throw new Error(`${cost.untold} writes were never told: ${JSON.stringify(load)}`)
  return cost
}

function linesOf(name: string, ours: LiveCost, peer: LiveCost): Line[] {
  const lines: Line[] = []
  const add = (what: string, read: (cost: LiveCost) => readonly number[], note: string): void => {
    for (const part of PARTS) {
      const cost = quantile(read(ours), part.of)
      const other = read(peer).length === 0 ? null : quantile(read(peer), part.of)
      lines.push({
        bench: 'live',
        case: `chromium, ${name}, ${part.name} of ${what}`,
        ours: cost,
        peer: other,
        ratio: other === null ? null : other / cost,
        unit: 'ms',
        note,
      })
    }
  }
  const beside = 'at 100 writes a second on OPFS; the peer is the same page without subscriptions'
  add('a frame', (cost) => cost.framesMs, beside)
  add('a write', (cost) => cost.writesMs, beside)
  add('telling', (cost) => cost.toldMs, 'from the call of a write to its last subscriber')
  return lines
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((left, right) => left - right)
  const index = Math.min(sorted.length - 1, Math.floor(sorted.length * part))
  return sorted[index] ?? Number.NaN
}
