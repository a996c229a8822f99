/** Backoff: how long to wait before a retry.  Pure but for the host's randomness.
 *  Keeps: never above `maxDelayMs`, never an overflow, however often one retried. */

import type { Host } from '../base/host.ts'

/** `equal`: half of the delay is certain, half random.  `full`: anything up to the delay, so that clients
 *  which lost a server together do not return together. */
export type Jitter = 'none' | 'equal' | 'full'

export type Backoff = {
  readonly baseDelayMs: number
  readonly maxDelayMs: number
  readonly jitter: Jitter
}

/** Milliseconds before retry `retry`, the first being 1; 0 for anything below. */
export function backoffMs(retry: number, backoff: Backoff, host: Host): number {
  if (retry <= 0) return 0
  // The largest exponent that is not Infinity, which times a base of 0 would be no number.
  const doublings = Math.min(retry - 1, 1023)
  const boundMs = Math.min(backoff.maxDelayMs, backoff.baseDelayMs * 2 ** doublings)
  if (backoff.jitter === 'none') return boundMs
  const randomMs = boundMs * randomUnit(host)
  return Math.round(backoff.jitter === 'full' ? randomMs : boundMs / 2 + randomMs / 2)
}

/** Uniform from 0 up to, but not including, 1. */
export function randomUnit(host: Host): number {
  const random = host.random(4)
  return new DataView(random.buffer, random.byteOffset, 4).getUint32(0) / 2 ** 32
}
