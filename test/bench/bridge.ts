/** The bridge in Chromium: what a call costs from the page to the worker, beside the same call made inside
 *  the worker through the same face over the same open database.  Reads of one row in memory, so that
 *  neither side waits for a disk. */

import type { Page } from 'playwright-core'
import type { BridgeCost, BridgeLoad } from './browser/bridge-load.ts'
import { onBundledPage } from './bundled-page.ts'
import { type Line, median } from './pairs.ts'

const REPETITIONS = 9
const CALLS = { 1: 2_000, 64: 32_000 } as const
const GOAL_MICROS = 5

type Measured = { readonly page: BridgeCost; readonly inside: BridgeCost }

export async function measureBridge(say: (line: Line) => void): Promise<void> {
  const files = { page: 'bridge-page.ts', worker: 'bridge-worker.ts' }
  await onBundledPage({ bench: 'bridge', files }, async (page) => {
    for (const callers of [1, 64] as const) {
      const measured = await measureInTurns(page, { callers, calls: CALLS[callers] })
      for (const line of linesOf(callers, measured)) say(line)
    }
  })
}

async function measureInTurns(page: Page, load: BridgeLoad): Promise<Measured[]> {
  const side = (name: 'page' | 'inside'): Promise<BridgeCost> =>
    page.evaluate(`bench.${name}(${JSON.stringify(load)})`)
  await side('page')
  await side('inside')
  const measured: Measured[] = []
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    measured.push({ page: await side('page'), inside: await side('inside') })
  }
  return measured
}

function linesOf(callers: number, measured: readonly Measured[]): Line[] {
  const line = (what: string, read: (cost: BridgeCost) => number, note: string): Line => {
    const ours = median(measured.map(({ page }) => read(page)))
    const peer = median(measured.map(({ inside }) => read(inside)))
    const name = `chromium, ${callers} ${callers === 1 ? 'caller' : 'callers'}, ${what}`
    return { bench: 'bridge', case: name, ours, peer, ratio: peer / ours, unit: 'µs', note }
  }
  const note = 'ours is called from the page, the peer inside the worker'
  const lines = [
    line('p50 of a call', (cost) => cost.p50Micros, note),
    line('p99 of a call', (cost) => cost.p99Micros, note),
    line('time over calls', (cost) => cost.callMicros, note),
  ]
  // The callers go in step, so each waits for one round of all of them.  Of p50, as one stall of a busy
  // machine is longer than thousands of calls.
  const overhead = median(
    measured.map(({ page, inside }) => (page.p50Micros - inside.p50Micros) / callers),
  )
  const goal = callers === 1 ? '' : `; goal ≤ ${GOAL_MICROS}`
  return [
    ...lines,
    {
      ...line(
        'overhead of the bridge a call',
        () => 0,
        `p50 of the page less p50 inside, over the callers${goal}`,
      ),
      ours: overhead,
      peer: null,
      ratio: null,
    },
  ]
}
