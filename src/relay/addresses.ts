/** Addresses: how many connections one network address may have and begin, so that one machine with any number
 *  of keys takes no more than its part.
 *  Keeps: an address with nothing open is forgotten within a minute.
 *  Never: counts loopback, where a proxy stands that has counted already, and programs of this machine. */

import type { Host } from '../base/host.ts'
import { RateLimiter } from '../flow/rate-limiter.ts'

export type Addresses = {
  /** Counts one connection until the answer is called; undefined when the address has too many. */
  enter(address: string | undefined): (() => void) | undefined
}

/** Connections that one address may begin in a minute, for each that it may have at once. */
const BEGUN_PER_OPEN = 4

export function createAddresses(host: Host, openMax: number): Addresses {
  const begun = new RateLimiter({ host, windowMs: 60_000, max: openMax * BEGUN_PER_OPEN })
  const open = new Map<string, number>()
  return {
    enter(address) {
      if (address === undefined || isLoopbackAddress(address)) return () => undefined
      const count = open.get(address) ?? 0
      if (count >= openMax || !begun.allow(address)) return undefined
      open.set(address, count + 1)
      return () => {
        const left = (open.get(address) ?? 1) - 1
        if (left > 0) open.set(address, left)
        else open.delete(address)
      }
    },
  }
}

function isLoopbackAddress(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address)
}
