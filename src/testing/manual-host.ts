/** Manual host: a Host whose time stands still until a test moves it, with seeded randomness.
 *  Keeps: timers fire in the order of their due time, then of their making; time never passes by
 *  itself; the same seed and the same calls give the same run.
 *  Never: reads a real clock. */

import { assert } from '../base/assert.ts'
import type { Host, Timer } from '../base/host.ts'
import { createRandom, type Random } from './random.ts'

export type ManualHostOptions = {
  /** Default 1. */
  readonly seed?: number
  /** Where the wall clock starts.  Default 2026-01-01T00:00:00Z. */
  readonly nowMs?: number
  /** Default "manual <seed>". */
  readonly who?: string
}

export type ManualHost = Host & {
  /** Moves time forward by `ms`, firing what falls due on the way; resolves when all that it set off
   *  in this realm has settled. */
  advance(ms: number): Promise<void>
  /** Moves time forward and fires timers and deferred callbacks at once, leaving promises alone. */
  advanceNow(ms: number): void
  /** Runs deferred callbacks, and lets promises settle, until none is left.  No time passes. */
  settle(): Promise<void>
  /** Moves only the wall clock, backwards too, as a user or a time server may. */
  jumpWallClock(ms: number): void
  readonly timerCount: number
  readonly deferredCount: number
  readonly seededRandom: Random
}

type DueTimer = { readonly dueMs: number; readonly callback: () => void }

/** More turns than this without time passing means a loop that never ends. */
const TURNS_MAX = 100_000

export function createManualHost(options: ManualHostOptions = {}): ManualHost {
  const { seed = 1, nowMs = Date.UTC(2026, 0, 1), who = `manual ${seed}` } = options
  const seededRandom = createRandom(seed)
  const deferred = createDeferred()
  const timeline = createTimeline()
  /** How far the wall clock is ahead of the timeline. */
  let wallMs = nowMs

  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < TURNS_MAX; turn++) {
      deferred.run()
      await nextTask()
      if (deferred.count === 0) return
    }
    assert(false, 'deferred callbacks defer new ones for ever')
  }

  return {
    who,
    seededRandom,
    now: () => wallMs + timeline.elapsedMs,
    monotonicNow: () => timeline.elapsedMs,
    random: (sizeBytes) => seededRandom.bytes(sizeBytes),
    defer: (callback) => deferred.push(callback),
    setTimer: (delayMs, callback) => timeline.set(delayMs, callback),
    async advance(ms) {
      const endMs = timeline.endAfter(ms)
      await settle()
      while (timeline.fireNext(endMs)) await settle()
    },
    advanceNow(ms) {
      const endMs = timeline.endAfter(ms)
      deferred.run()
      while (timeline.fireNext(endMs)) deferred.run()
    },
    settle,
    jumpWallClock(ms) {
      wallMs += ms
    },
    get timerCount() {
      return timeline.count
    },
    get deferredCount() {
      return deferred.count
    },
  }
}

type Deferred = { push(callback: () => void): void; run(): void; readonly count: number }

function createDeferred(): Deferred {
  let waiting: (() => void)[] = []
  return {
    push(callback) {
      waiting.push(callback)
    },
    run() {
      for (let turn = 0; waiting.length > 0; turn++) {
        assert(turn < TURNS_MAX, 'deferred callbacks defer new ones for ever')
        const callbacks = waiting
        waiting = []
        for (const callback of callbacks) callback()
      }
    },
    get count() {
      return waiting.length
    },
  }
}

type Timeline = {
  readonly elapsedMs: number
  readonly count: number
  set(delayMs: number, callback: () => void): Timer
  /** Where time will stand after `ms`; begins a move there. */
  endAfter(ms: number): number
  /** Moves to the next timer due by `endMs` and fires it; without one, moves there and answers false. */
  fireNext(endMs: number): boolean
}

function createTimeline(): Timeline {
  const timers = new Set<DueTimer>()
  let elapsedMs = 0
  let turns = 0
  return {
    get elapsedMs() {
      return elapsedMs
    },
    get count() {
      return timers.size
    },
    set(delayMs, callback) {
      const timer = { dueMs: elapsedMs + Math.max(0, delayMs), callback }
      timers.add(timer)
      return { cancel: () => void timers.delete(timer) }
    },
    endAfter(ms) {
      assert(ms >= 0, 'time only moves forward')
      turns = 0
      return elapsedMs + ms
    },
    fireNext(endMs) {
      assert(turns++ < TURNS_MAX, 'timers set new ones for ever')
      let next: DueTimer | undefined
      for (const timer of timers) {
        if (timer.dueMs <= endMs && (next === undefined || timer.dueMs < next.dueMs)) next = timer
      }
      elapsedMs = Math.max(elapsedMs, next?.dueMs ?? endMs)
      if (next === undefined) return false
      timers.delete(next)
      next.callback()
      return true
    },
  }
}

/** Read once: a test that fakes the platform's timers must not stop this host. */
const { setImmediate } = globalThis as { readonly setImmediate?: (callback: () => void) => unknown }

/** Resolves as a task of its own, so that every pending promise callback has run before it. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    // Deno delivers messages between promise callbacks, not after the last of them.
    if (setImmediate !== undefined) {
      setImmediate(resolve)
      return
    }
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(undefined)
  })
}
