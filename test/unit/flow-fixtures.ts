/** What the tests of the service utilities share: a host at time 0 that is moved to absolute times, and
 *  watching how a promise ends, to the millisecond. */

import { createManualHost, type ManualHost } from '../../src/testing/manual-host.ts'

export type Stage = ManualHost & {
  /** Moves to `ms` after the start, firing what falls due. */
  at(ms: number): Promise<void>
}

export function createStage(seed = 1): Stage {
  const host = createManualHost({ seed })
  // The getters of the host must stay getters.
  const stage = Object.create(host) as Stage
  stage.at = (ms) => host.advance(ms - host.monotonicNow())
  return stage
}

export type Ended = { atMs?: number; value?: unknown; error?: unknown }

/** Fills in when and how `promise` ends. */
export function watch(host: ManualHost, promise: Promise<unknown>): Ended {
  const ended: Ended = {}
  promise.then(
    (value) => Object.assign(ended, { atMs: host.monotonicNow(), value }),
    (error) => Object.assign(ended, { atMs: host.monotonicNow(), error }),
  )
  return ended
}
