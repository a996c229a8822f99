/** The bridge in Chromium: what a call costs from the page to the worker, and from another tab to that
 *  worker, beside the same call made inside the worker through the same face over the same open database.  Reads of one row in memory, so that
 *  neither side waits for a disk. */

import type { Page } from 'playwright-core'
import type { BridgeCost, BridgeLoad } from './browser/bridge-load.ts'
import { onBundledPage } from './bundled-page.ts'
import { type Line, median } from './pairs.ts'

const REPETITIONS = 9
const CALLS = { 1: 2_000, 64: 32_000 } as const
const GOAL_MICROS = 5

type Measured = {
  readonly page: BridgeCost
  /** From another tab. */
  readonly guest: BridgeCost
  readonly inside: BridgeCost
}

export async function measureBridge(say: (line: Line) => void): Promise<void> {
  const files = { page: 'bridge-page.ts', worker: 'bridge-worker.ts' }
  await onBundledPage({ bench: 'bridge', files }, async (page) => {
    const guest = await page.context().newPage()
    await guest.goto(page.url())
    await guest.waitForFunction('"bench" in globalThis')
    for (const callers of [1, 64] as const) {
      const load = { callers, calls: CALLS[callers] }
      const measured = await measureInTurns({ page, guest }, load)
      for (const line of linesOf(callers, measured)) say(line)
    }
  })
}

async function measureInTurns(
  { page, guest }: { readonly page: Page; readonly guest: Page },
  load: BridgeLoad,
): Promise<Measured[]> {
  const at = (where: Page, side: 'page' | 'inside'): Promise<BridgeCost> =>
    where.evaluate(`bench.${side}(${JSON.stringify(load)})`)
  const turn = async (): Promise<Measured> => ({
    page: await at(page, 'page'),
    guest: await at(guest, 'page'),
    inside: await at(page, 'inside'),
  })
  await turn()
  const measured: Measured[] = []
  for (let repetition = 0; repetition < REPETITIONS; repetition++) measured.push(await turn())
  return measured
}

function linesOf(callers: number, measured: readonly Measured[]): Line[] {
  const goal = callers === 1 ? '' : `; goal ≤ ${GOAL_MICROS}`
  return [
    ...linesFrom('page', { callers, measured, where: '', goal }),
    ...linesFrom('guest', { callers, measured, where: ' from another tab', goal: '' }),
  ]
}

function linesFrom(
  side: 'page' | 'guest',
  {
    callers,
    measured,
    where,
    goal,
  }: {
    readonly callers: number
    readonly measured: readonly Measured[]
    readonly where: string
    readonly goal: string
  },
): Line[] {
  const name = `chromium, ${callers} ${callers === 1 ? 'caller' : 'callers'}${where}`
  const line = (what: string, read: (cost: BridgeCost) => number): Line => {
    const ours = median(measured.map((it) => read(it[side])))
    const peer = median(measured.map(({ inside }) => read(inside)))
    const note = 'ours is called from the page, the peer inside the worker'
    const ratio = peer / ours
    return { bench: 'bridge', case: `${name}, ${what}`, ours, peer, ratio, unit: 'µs', note }
  }
  // The callers go in step, so each waits for one round of all of them.  Of p50, as one stall of a busy
  // machine is longer than thousands of calls.
  const overhead = median(
    measured.map((it) => (it[side].p50Micros - it.inside.p50Micros) / callers),
  )
  return [
    line('p50 of a call', (cost) => cost.p50Micros),
    line('p99 of a call', (cost) => cost.p99Micros),
    line('time over calls', (cost) => cost.callMicros),
    {
      bench: 'bridge',
      case: `${name}, overhead of the bridge a call`,
      ours: overhead,
      peer: null,
      ratio: null,
      unit: 'µs',
      note: `p50 of the page less p50 inside, over the callers${goal}`,
    },
  ]
}
