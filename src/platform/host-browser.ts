/** The browser's Host: clock, timers and randomness of a window or a worker.
 *  Keeps: deferred callbacks run in order, each as a task of its own, and soon in a hidden tab too.
 *  Never: touches the document, which a worker does not have. */

import type { Host, Timer } from '../base/host.ts'
import { formatHex } from '../bytes/text.ts'

/** Browsers fire a longer delay at once, so longer ones are made of several. */
const DELAY_MAX_MS = 2 ** 31 - 1
/** `getRandomValues` refuses more in one call (Web Cryptography API §10.1.1). */
const RANDOM_BYTES_MAX = 65_536

export function createBrowserHost(): Host {
  return {
    now: () => Date.now(),
    monotonicNow: () => performance.now(),
    setTimer,
    defer: createDefer(),
    random,
    who: `tab ${formatHex(random(4))}`,
  }
}

/** A message to oneself, because nested timers of 0 ms wait 4 ms, and up to a minute in a hidden tab. */
function createDefer(): Host['defer'] {
  const callbacks: (() => void)[] = []
  let channel: MessageChannel | undefined
  return (callback) => {
    if (channel === undefined) {
      channel = new MessageChannel()
      channel.port1.onmessage = () => callbacks.shift()?.()
    }
    callbacks.push(callback)
    channel.port2.postMessage(undefined)
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
