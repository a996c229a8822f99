/** What the parts of a publishing session share: comparing heads, sending, and taking the peer's word. */

import type { Position, Seq } from '../base/ids.ts'
import type { Deadline } from './deadline.ts'
import type { OrderedApply } from './ordered-apply.ts'
import type { SealFeed } from './seal-feed.ts'
import type { SessionContext } from './session.ts'
import type { SnapshotTaker } from './snapshot-taker.ts'

/** A snapshot is uploaded when the frames since the last outweigh the page image, and this at least. */
export const SNAPSHOT_FRAMES_BYTES_MIN = 8_388_608
/** Fraction of its cap at which the log counts as nearly full. */
export const LOG_NEARLY_FULL = 0.75
/** A relay that had no room for a snapshot either is sent nothing for so long: only its operator makes
 *  room there, and each attempt costs the whole image. */
export const RELAY_FULL_PAUSE_MS = 300_000

/** What outlives the sessions with one relay. */
export type PublishLine = {
  /** Name under which the log holds frames for this relay. */
  readonly holder: string
  bytesSinceSnapshot: number
  /** Nothing is sent before this time of the host's monotonic clock. */
  pausedUntilMs: number
}

export type PublishHooks = {
  /** Runs a task that changes pages under SQLite: never beside an open write transaction. */
  exclusively<T>(task: () => Promise<T>): Promise<T>
  /** What the replicator has accepted, and the wait for more of it. */
  readonly feed: Pick<SealFeed, 'final' | 'next'>
  readonly line: PublishLine
}

export type PublishState = {
  readonly context: SessionContext
  readonly hooks: PublishHooks
  readonly apply: OrderedApply
  /** Next seq to send; undefined until heads were compared. */
  cursor: Seq | undefined
  /** Highest seq that the peer told of and this copy must adopt first. */
  adoptUpTo: Seq
  hasAskedAuthority: boolean
  /** A run of the peer's that stands beside this copy's frames; judged once the peer has seen those. */
  beside: Uint8Array | undefined
  /** For the frames that it must adopt and the peer has only in a snapshot. */
  readonly snapshot: SnapshotTaker
  /** The peer needs a snapshot though the log could serve it frames: it has no room for more of them, or
   *  its followers can go back behind a hand-over only by one. */
  snapshotDueAt: Seq | undefined
  /** The peer refused a run for want of room; until a snapshot is there it refuses what follows too. */
  isMakingRoom: boolean
  /** Where the newest snapshot of this session stands. */
  snapshotSent: Position | undefined
  /** Touched by whatever goes to the peer or comes from it. */
  readonly silence: Deadline
  isEnded: boolean
  wake: () => void
}

export function startSending(state: PublishState, from: Seq): void {
  state.cursor = from
  state.context.onCompared()
  state.wake()
}
