/** Node's Host: clock, timers and randomness of Node (and of what imitates it: Bun, Deno).
 *  Keeps: a timer never keeps the process alive, and never fires before its delay, however long.
 *  Never: read by shared rooms; they are handed the Host. */

import { randomFillSync } from 'node:crypto'
import type { Host, Timer } from '../base/host.ts'

/** Node fires a longer delay at once, so longer ones are made of several. */
const DELAY_MAX_MS = 2 ** 31 - 1

export function createNodeHost(): Host {
  return {
    now: () => Date.now(),
    monotonicNow: () => performance.now(),
    setTimer,
    // Not unref'd: it runs in the next turn of the loop, and what was deferred must not get lost.
    defer(callback) {
      setImmediate(callback)
    },
    random: (sizeBytes) => randomFillSync(new Uint8Array(sizeBytes)),
    who: `${runtimeName()} ${process.pid}`,
  }
}

/** Whoever is refused a database wants to know what to look for among the processes. */
function runtimeName(): string {
  const imitator = ['deno', 'bun'].find((name) => name in process.versions)
  return imitator ?? 'node'
}

function setTimer(delayMs: number, callback: () => void): Timer {
  let timer: NodeJS.Timeout
  const arm = (leftMs: number): void => {
    const stepMs = Math.min(Math.max(leftMs, 0), DELAY_MAX_MS)
    timer = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : callback()), stepMs)
    timer.unref()
  }
  arm(delayMs)
  return { cancel: () => clearTimeout(timer) }
}
