/** Process: one run of a program in the simulation: a Host on the virtual clock that can be killed.
 *  Keeps: nothing of a killed process runs any more, no timer, no deferred callback, no end of a sync; its
 *  wall clock is its own, may be wrong and may jump; equal times of different processes interleave by seed. */

import type { Host } from '../../src/base/host.ts'
import type { Random } from '../../src/testing/random.ts'
import type { Timeline } from './timeline.ts'

export type SimProcess = {
  readonly name: string
  readonly host: Host
  readonly isAlive: boolean
  /** Timers that are set, and deferred callbacks that wait. */
  readonly timerCount: number
  readonly deferredCount: number
  kill(): void
  onKill(listener: () => void): void
  /** Resolves after up to `maxMs`; never, once killed. */
  pause(maxMs: number): Promise<void>
  /** Kills at the `nth` step from now that touches the device (1 is the next). */
  killAtStep(nth: number): void
  /** Called before every step that touches the device; throws `ProcessKilled` in a killed process. */
  step(): void
}

/** What a step of a killed process throws: it reaches nobody but what the process itself had under way. */
export class ProcessKilled extends Error {
  override readonly name = 'ProcessKilled'
}

/** 2026-01-01T00:00:00Z. */
const EPOCH_MS = 1_767_225_600_000
/** Deferred callbacks wait for so long at most. */
const DEFER_MAX_MS = 0.05

export function createProcess(options: {
  readonly timeline: Timeline
  readonly random: Random
  readonly name: string
  /** How far its wall clock is ahead. */
  readonly wall: { skewMs: number }
}): SimProcess {
  const { timeline, random, name, wall } = options
  const listeners: (() => void)[] = []
  let isAlive = true
  let timerCount = 0
  let deferredCount = 0
  let deferredToMs = 0
  let stepsLeft = Number.POSITIVE_INFINITY

  const host: Host = {
    who: name,
    now: () => EPOCH_MS + Math.floor(timeline.nowMs + wall.skewMs),
    monotonicNow: () => timeline.nowMs,
    random: (sizeBytes) => random.bytes(sizeBytes),
    setTimer(delayMs, callback) {
      let isSet = isAlive
      if (isAlive) timerCount += 1
      const end = (): void => {
        if (isSet) timerCount -= 1
        isSet = false
      }
      const dueMs = timeline.nowMs + Math.max(0, delayMs) + random.below(1000) / 1_000_000
      const timer = timeline.at(dueMs, `${name} timer`, () => {
        end()
        if (isAlive) callback()
      })
      return {
        cancel() {
          end()
          timer.cancel()
        },
      }
    },
    defer(callback) {
      deferredCount += 1
      const wished = timeline.nowMs + (random.below(1000) / 1000) * DEFER_MAX_MS
      // First come, first served, as on every platform.
      deferredToMs = Math.max(wished, deferredToMs)
      timeline.at(deferredToMs, `${name} task`, () => {
        deferredCount -= 1
        if (isAlive) callback()
      })
    },
  }
  const kill = (): void => {
    if (!isAlive) return
    isAlive = false
    timeline.note(`${name} is killed`)
    for (const listener of listeners) listener()
  }
  return {
    name,
    host,
    get isAlive() {
      return isAlive
    },
    get timerCount() {
      return timerCount
    },
    get deferredCount() {
      return deferredCount
    },
    kill,
    onKill: (listener) => void listeners.push(listener),
    pause: (maxMs) =>
      new Promise((resolve) => {
        host.setTimer((random.below(1000) / 1000) * maxMs, resolve)
      }),
    killAtStep(nth) {
      stepsLeft = nth
    },
    step() {
      stepsLeft -= 1
      if (stepsLeft <= 0) kill()
      if (!isAlive) throw new ProcessKilled(`${name} was killed`)
    },
  }
}
