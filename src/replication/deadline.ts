/** Deadline: calls back when nothing has happened for a time; begun anew by whatever happens. */

import type { Host, Timer } from '../base/host.ts'

export type Deadline = {
  /** Something happened: the time begins again. */
  touch(): void
  stop(): void
}

export function createDeadline(host: Host, afterMs: number, onSilence: () => void): Deadline {
  let timer: Timer | undefined
  let isStopped = false
  const touch = (): void => {
    if (isStopped) return
    timer?.cancel()
    timer = host.setTimer(afterMs, () => {
      timer = undefined
      onSilence()
      // What it did may have begun the time already.
      if (timer === undefined) touch()
    })
  }
  touch()
  return {
    touch,
    stop() {
      isStopped = true
      timer?.cancel()
    },
  }
}
