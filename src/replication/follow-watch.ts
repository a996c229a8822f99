/** Follow watch: the deadlines of one following session.
 *  A gap (runs wait for an earlier one): asked again once, then the peer is given up with ErrGap.  A stall
 *  (the peer named more than it sends): asked again, and again; withholding is no error, it shows as the
 *  age of the newest head.  A snapshot of which nothing more comes: given up.
 *  Never: decides by the content of a run. */

import { ConstelliteError } from '../base/failure.ts'
import type { Host, Timer } from '../base/host.ts'
import type { Seq } from '../base/ids.ts'

/** A gap is asked for again after this time, and refused after twice as long. */
export const GAP_DEADLINE_MS = 5_000
/** Silence of a peer that has more, after which it is asked again. */
export const STALL_MS = 60_000

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
  /** The peer named a head that is not here yet. */
  isBehind(): boolean
  isInstalling(): boolean
  askAgain(counter: 'gapsAsked' | 'stallsAsked'): void
  giveUp(failure: ConstelliteError): void
}

export function createFollowWatch(parts: FollowWatchParts): FollowWatch {
  const { host } = parts
  let gapTimer: Timer | undefined
  let hasAsked = false
  let stallTimer: Timer | undefined

  const closeGap = (): void => {
    gapTimer?.cancel()
    gapTimer = undefined
    hasAsked = false
  }
  const openGap = (): void => {
    gapTimer = host.setTimer(GAP_DEADLINE_MS, () => {
      gapTimer = undefined
      if (parts.pending() === 0) return closeGap()
      if (hasAsked) return parts.giveUp(gapFailure(parts))
      hasAsked = true
      parts.askAgain('gapsAsked')
      openGap()
    })
  }
  const armStall = (): void => {
    stallTimer?.cancel()
    stallTimer = undefined
    if (!parts.isBehind() && !parts.isInstalling()) return
    stallTimer = host.setTimer(STALL_MS, () => {
      if (parts.isInstalling()) return parts.giveUp(standstill())
      if (parts.isBehind()) parts.askAgain('stallsAsked')
      armStall()
    })
  }
  return {
    onEnvelope: armStall,
    onRun(hasAdvanced) {
      if (parts.pending() === 0 || hasAdvanced) closeGap()
      if (parts.pending() > 0 && gapTimer === undefined) openGap()
    },
    stop() {
      closeGap()
      stallTimer?.cancel()
      stallTimer = undefined
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

function standstill(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrTimeout',
    message: 'Nothing more of the snapshot came.',
    hint: 'It is asked for again; another relay may have it.',
    retry: 'later',
  })
}
