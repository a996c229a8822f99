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

type ProcessOptions = {
  readonly timeline: Timeline
  readonly random: Random
  readonly name: string
  /** How far its wall clock is ahead. */
  readonly wall: { skewMs: number }
}

type Life = {
  isAlive: boolean
  timerCount: number
  deferredCount: number
  /** Steps on the device until it is killed. */
  stepsLeft: number
}

export function createProcess(options: ProcessOptions): SimProcess {
  const { timeline, random, name } = options
  const life: Life = {
    isAlive: true,
    timerCount: 0,
    deferredCount: 0,
    stepsLeft: Number.POSITIVE_INFINITY,
  }
  const host = createHost(options, life)
  const kill = (): void => {
    if (!life.isAlive) return
    life.isAlive = false
    timeline.note(`${name} is killed`)
  }
  return {
    name,
    host,
    get isAlive() {
      return life.isAlive
    },
    get timerCount() {
      return life.timerCount
    },
    get deferredCount() {
      return life.deferredCount
    },
    kill,
    pause: (maxMs) =>
      new Promise((resolve) => {
        host.setTimer((random.below(1000) / 1000) * maxMs, resolve)
      }),
    killAtStep(nth) {
      life.stepsLeft = nth
    },
    step() {
      life.stepsLeft -= 1
      if (life.stepsLeft <= 0) kill()
      if (!life.isAlive) throw new ProcessKilled(`${name} was killed`)
    },
  }
}

function createHost({ timeline, random, name, wall }: ProcessOptions, life: Life): Host {
  let deferredToMs = 0
  return {
    who: name,
    now: () => EPOCH_MS + Math.floor(timeline.nowMs + wall.skewMs),
    monotonicNow: () => timeline.nowMs,
    random: (sizeBytes) => random.bytes(sizeBytes),
    setTimer(delayMs, callback) {
      let isSet = life.isAlive
      if (isSet) life.timerCount += 1
      const end = (): void => {
        if (isSet) life.timerCount -= 1
        isSet = false
      }
      const dueMs = timeline.nowMs + Math.max(0, delayMs) + random.below(1000) / 1_000_000
      const timer = timeline.at(dueMs, `${name} timer`, () => {
        end()
        if (life.isAlive) callback()
      })
      return {
        cancel() {
          end()
          timer.cancel()
        },
      }
    },
    defer(callback) {
      life.deferredCount += 1
      const wished = timeline.nowMs + (random.below(1000) / 1000) * DEFER_MAX_MS
      // First come, first served, as on every platform.
      deferredToMs = Math.max(wished, deferredToMs)
      timeline.at(deferredToMs, `${name} task`, () => {
        life.deferredCount -= 1
        if (life.isAlive) callback()
      })
    },
  }
}
