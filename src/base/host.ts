/** Host: the clock, timers and randomness of the platform, passed in so that the same core runs under
 *  a virtual clock.  Keeps: shared rooms read time and randomness only from here.
 *  Each platform builds one (room `platform`); `createManualHost` in `constellite/testing` drives it
 *  by hand. */

import type { Signal } from './globals.ts'

export type Timer = { cancel(): void }

export type Host = {
  /** Wall clock, milliseconds since the Unix epoch.  May jump. */
  now(): number
  /** Milliseconds since an arbitrary start; never goes back. */
  monotonicNow(): number
  /** Calls `callback` once after at least `delayMs`.  Never keeps a process alive. */
  setTimer(delayMs: number, callback: () => void): Timer
  /** Calls `callback` as a task of its own, after pending microtasks. */
  defer(callback: () => void): void
  /** Cryptographically secure random bytes. */
  random(sizeBytes: number): Uint8Array
  /** Who this is, for the message of ErrInUse: "node 1234", "tab 5f3a". */
  readonly who: string
}

/** Resolves after `delayMs` of the host's time; rejects with the signal's reason when it fires. */
export function delay(host: Host, delayMs: number, signal?: Signal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const onAbort = (): void => {
      timer.cancel()
      reject(signal?.reason)
    }
    const timer = host.setTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
