/** Sync: keeps one shard in step with relays: dials, authenticates, compares heads, then publishes or
 *  follows until stopped.  The database face starts one per `sync` option. */

import type { ConstelliteError } from '../base/failure.ts'
import type { Signal } from '../base/globals.ts'
import type { Position, Seq } from '../base/ids.ts'

export type SyncState = 'off' | 'connecting' | 'catching-up' | 'live' | 'halted' | 'stopped'

export type SyncStatus = {
  readonly state: SyncState
  /** Authenticated connections now. */
  readonly peers: number
  /** Frames that are durable here and not yet acknowledged by any relay (writer), or known to exist and
   *  not yet applied (follower). */
  readonly pending: number
  /** Time of the newest head heard of, ms since the epoch; undefined before the first. */
  readonly asOf: number | undefined
  /** Fraction 0…1 of a snapshot transfer under way. */
  readonly progress: number | undefined
  readonly counters: Readonly<Record<string, number>>
  /** The newest problem, also while it retries. */
  readonly failure: ConstelliteError | undefined
}

export type Sync = {
  readonly status: SyncStatus
  /** Newest seq that others have signed for by verified durable receipts in this sync, and their keys in
   *  hex; undefined before the first, and always on a follower, whom nobody sends receipts. */
  readonly anchored: { readonly seq: Seq; readonly holders: readonly string[] } | undefined
  /** Resolves when each relay was asked for the head of this copy's own chain and what it lacked was adopted,
   *  or could not be asked. */
  readonly asked: Promise<void>
  onStatus(listener: (status: SyncStatus) => void): () => void
  /** Resolves when `holders` distinct authenticated keys have signed durable receipts at or past it. */
  untilShared(position: Position, holders: number, signal?: Signal): Promise<void>
  stop(): Promise<void>
}
