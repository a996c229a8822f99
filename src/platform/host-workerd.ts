/** workerd's Host: clock, timers and randomness inside one Durable Object.
 *  Keeps: nothing is asked of the platform before it is called, since module scope and constructors may be
 *  where this is made and most of it is forbidden at module scope.
 *  The clocks stand still while code runs and move on when it waits for something (workerd's defence against
 *  timing attacks).  A pending timer keeps the object from being evicted, and its time is billed. */

import type { Host, Timer } from '../base/host.ts'
import { formatHex } from '../bytes/text.ts'

/** A longer delay fires at once, so longer ones are made of several. */
const DELAY_MAX_MS = 2 ** 31 - 1
/** `getRandomValues` refuses more in one call (Web Cryptography API §10.1.1). */
const RANDOM_BYTES_MAX = 65_536

export function createWorkerdHost(): Host {
  let who: string | undefined
  return {
    now: () => Date.now(),
    monotonicNow: () => performance.now(),
    setTimer,
    defer(callback) {
      setTimeout(callback, 0)
    },
    random,
    get who() {
      who ??= `object ${formatHex(random(4))}`
      return who
    },
  }
}

function setTimer(delayMs: number, callback: () => void): Timer {
  let timer: ReturnType<typeof setTimeout>
  const arm = (leftMs: number): void => {
    const stepMs = Math.min(Math.max(leftMs, 0), DELAY_MAX_MS)
    timer = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : callback()), stepMs)
  }
  arm(delayMs)
  return { cancel: () => clearTimeout(timer) }
}

function random(sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes)
  for (let at = 0; at < sizeBytes; at += RANDOM_BYTES_MAX) {
    crypto.getRandomValues(bytes.subarray(at, at + RANDOM_BYTES_MAX))
  }
  return bytes
}
