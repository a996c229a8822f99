/** What browsers and workerd have alike of a Host: timers and randomness, as the Web's standards name them.
 *  Keeps: nothing is asked of the platform before it is called; at workerd's module scope it may not be. */

import type { Timer } from '../base/host.ts'

/** A longer delay fires at once, so longer ones are made of several. */
const DELAY_MAX_MS = 2 ** 31 - 1
/** `getRandomValues` refuses more in one call (Web Cryptography API §10.1.1). */
const RANDOM_BYTES_MAX = 65_536

export function setTimer(delayMs: number, callback: () => void): Timer {
  let timer: ReturnType<typeof setTimeout>
  const arm = (leftMs: number): void => {
    const stepMs = Math.min(Math.max(leftMs, 0), DELAY_MAX_MS)
    timer = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : callback()), stepMs)
  }
  arm(delayMs)
  return { cancel: () => clearTimeout(timer) }
}

export function random(sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes)
  for (let at = 0; at < sizeBytes; at += RANDOM_BYTES_MAX) {
    crypto.getRandomValues(bytes.subarray(at, at + RANDOM_BYTES_MAX))
  }
  return bytes
}
