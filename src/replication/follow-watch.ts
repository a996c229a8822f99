/** Follow watch: the deadlines of one following session.
 *  A gap (runs wait for an earlier one): asked again once, then the peer is given up with ErrGap.
 *  Silence: the peer is asked for its head, because its last words may have been lost; one that does not
 *  even answer that, or leaves a snapshot unfinished, is given up with ErrTimeout.  That a peer withholds
 *  what it has is no error: it shows as the age of the newest head.
 *  Never: decides by the content of a run. */

import { ConstelliteError } from '../base/failure.ts'
import type { Host, Timer } from '../base/host.ts'
import type { Seq } from '../base/ids.ts'
import { createDeadline } from './deadline.ts'
import { SILENCE_MS, silenceFailure } from './session.ts'

/** A gap is asked for again after this time, and refused after twice as long. */
export const GAP_DEADLINE_MS = 5_000

export type FollowWatch = {
  /** After each envelope that was taken. */
  onEnvelope(): void
  /** After each run; `hasAdvanced` when it, or what waited for it, was applied. */
  onRun(hasAdvanced: boolean): void
  stop(): void
}

export type FollowWatchParts = {
  readonly host: Host
  /** The seq that comes next here. */
  missing(): Seq
  /** Frames that wait for it. */
  pending(): number
  isInstalling(): boolean
  askRuns(): void
  askHead(): void
  giveUp(failure: ConstelliteError): void
}

export function createFollowWatch(parts: FollowWatchParts): FollowWatch {
  const { host } = parts
  let gapTimer: Timer | undefined
  let hasAskedRuns = false
  let hasAskedHead = false

  const closeGap = (): void => {
    gapTimer?.cancel()
    gapTimer = undefined
    hasAskedRuns = false
  }
  const openGap = (): void => {
    gapTimer = host.setTimer(GAP_DEADLINE_MS, () => {
      gapTimer = undefined
      if (parts.pending() === 0) return closeGap()
      if (hasAskedRuns) return parts.giveUp(gapFailure(parts))
      hasAskedRuns = true
      parts.askRuns()
      openGap()
    })
  }
  const silence = createDeadline(host, SILENCE_MS, () => {
    if (hasAskedHead || parts.isInstalling()) return parts.giveUp(silenceFailure())
    hasAskedHead = true
    parts.askHead()
  })
  return {
    onEnvelope() {
      hasAskedHead = false
      silence.touch()
    },
    onRun(hasAdvanced) {
      if (parts.pending() === 0 || hasAdvanced) closeGap()
      if (parts.pending() > 0 && gapTimer === undefined) openGap()
    },
    stop() {
      closeGap()
      silence.stop()
    },
  }
}

function gapFailure(parts: FollowWatchParts): ConstelliteError {
  const seq = parts.missing()
  return new ConstelliteError({
    code: 'ErrGap',
    message: `Frame ${seq} did not arrive though later ones did.`,
    hint: 'The peer withholds it or lost it; another relay may have it.',
    retry: 'later',
    facts: { seq, pending: parts.pending() },
  })
}
