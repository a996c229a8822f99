/** Pulse: whether the owner whose guest this tab is, or wants to be, answers, while something waits for it.
 *  Why: the system may stop another tab without a word, with the files in its hands.  Then calls wait, and the
 *  reader learns why.
 *  Never: does anything about it; nobody can take the files from a tab that lives. */

import type { Host, Timer } from '../../base/host.ts'

const ASK_EVERY_MS = 3_000
/** A long query keeps a worker busy for this long, too. */
const SILENT_MS = 8_000

type Pulse = {
  readonly isSilent: boolean
  /** Something waits for the owner, where nothing did. */
  began(): void
  /** The owner has answered. */
  heard(): void
  stop(): void
}

type PulseParts = {
  readonly host: Pick<Host, 'setTimer' | 'monotonicNow'>
  isWaiting(): boolean
  /** Asks the owner for a word. */
  ask(): void
  onChange(): void
}

export function createPulse({ host, isWaiting, ask, onChange }: PulseParts): Pulse {
  let isSilent = false
  let timer: Timer | undefined
  let heardAtMs = 0
  const turn = (to: boolean): void => {
    if (isSilent === to) return
    isSilent = to
    onChange()
  }
  const beat = (): void => {
    timer = undefined
    turn(isWaiting() && host.monotonicNow() - heardAtMs >= SILENT_MS)
    if (!isWaiting()) return
    ask()
    timer = host.setTimer(ASK_EVERY_MS, beat)
  }
  return {
    get isSilent() {
      return isSilent
    },
    began: () => {
      if (timer !== undefined) return
      heardAtMs = host.monotonicNow()
      timer = host.setTimer(ASK_EVERY_MS, beat)
    },
    heard: () => {
      heardAtMs = host.monotonicNow()
      turn(false)
    },
    stop: () => timer?.cancel(),
  }
}
