/** workerd's Host: clock, timers and randomness inside one Durable Object.
 *  Keeps: nothing is asked of the platform before it is called, since module scope and constructors may be
 *  where this is made and most of it is forbidden at module scope.
 *  The clocks stand still while code runs and move on when it waits for something (workerd's defence against
 *  timing attacks).  A pending timer keeps the object from being evicted, and its time is billed. */

import type { Host } from '../base/host.ts'
import { formatHex } from '../bytes/text.ts'
import { random, setTimer } from './host-web.ts'

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
