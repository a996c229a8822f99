/** Activity: how much is under way on one connection, for whoever may sleep while nothing is.
 *  Keeps: `onBusy` comes before the first thing begins; `onQuiet` one step after the last one ended, and
 *  only when nothing began meanwhile, so that a message handed from one part to the next is no pause.
 *  Never: decides what to do about it. */

import { assert } from '../base/assert.ts'
import type { Host } from '../base/host.ts'

export type Activity = {
  enter(): void
  leave(): void
  /** Answers the way to stop listening. */
  listen(listener: ActivityListener): () => void
}

export type ActivityListener = { onBusy(): void; onQuiet(): void }

/** Of a connection whose process never sleeps: nobody asks. */
export const ALWAYS_AWAKE: Activity = {
  enter: () => undefined,
  leave: () => undefined,
  listen: () => () => undefined,
}

export function createActivity(host: Host): Activity {
  const listeners = new Set<ActivityListener>()
  let count = 0
  let isBusy = false
  let isChecking = false
  const check = (): void => {
    isChecking = false
    if (count > 0 || !isBusy) return
    isBusy = false
    for (const listener of [...listeners]) listener.onQuiet()
  }
  return {
    enter() {
      count += 1
      if (isBusy) return
      isBusy = true
      for (const listener of [...listeners]) listener.onBusy()
    },
    leave() {
      count -= 1
      assert(count >= 0, 'what ends has begun')
      if (count > 0 || isChecking) return
      isChecking = true
      host.defer(check)
    },
    listen(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
