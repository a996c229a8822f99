/** Keep alive on Node: one timer for all calls that wait, while there are any. */

import type { KeepAlive } from '../database/keep-alive.ts'

/** The longest delay that Node knows; it is never waited for. */
const FOR_EVER_MS = 2 ** 31 - 1

export function createNodeKeepAlive(): KeepAlive {
  let count = 0
  let timer: NodeJS.Timeout | undefined
  return () => {
    count += 1
    timer ??= setInterval(() => undefined, FOR_EVER_MS)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      count -= 1
      if (count > 0) return
      clearInterval(timer)
      timer = undefined
    }
  }
}
