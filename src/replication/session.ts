/** What the two kinds of session share: the shard, the far end, and what they report upwards.
 *  A session is one authenticated connection's conversation about one shard (src/relay/session.ts has
 *  the protocol as a table); it ends by throwing, by the peer closing, or with 'stop'. */

import { ConstelliteError } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import type { Position, Seq } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import { type Receipt, verifyReceipt } from '../frame/receipt.ts'
import type { Shard } from '../shard/shard.ts'
import type { Peer } from '../transport/transport.ts'

export type SessionContext = {
  readonly host: Host
  readonly shard: Shard
  readonly peer: Peer
  /** Counts one event by name, for `status.sync.counters`. */
  count(name: string, by?: number): void
  /** A verified receipt arrived: this holder has everything up to there. */
  onShared(holder: Uint8Array, position: Position): void
  /** The peer answered and has nothing of this shard (true), or has something after all (false). */
  onUnknown(isUnknown: boolean): void
  /** What the peer has of this writer's own chain is here: sending begins. */
  onCompared(): void
  /** Newest seq that this holder has by such a receipt; 0 before the first. */
  sharedSeq(holder: Uint8Array): Seq
  /** The peer says that it has frames up to there; nothing proves it. */
  onPeerHead(seq: Seq): void
  /** 0…1 of a snapshot under way; undefined when none is. */
  onProgress(fraction: number | undefined): void
  /** The copy is in step with the far end now, or no longer is. */
  onLive(isLive: boolean): void
}

/** A peer that owes an answer, or an honest word now and then, is given up when it says nothing for so long.
 *  Each is asked once before where asking can help. */
export const SILENCE_MS = 60_000

export function silenceFailure(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrTimeout',
    message: 'The peer did not answer in time.',
    hint: 'It is dialled again by itself; another relay may answer.',
    retry: 'later',
    facts: { silenceMs: SILENCE_MS },
  })
}

/** True when the receipt is this peer's own, about this shard, and names a frame that this copy knows to be
 *  its own: one in the log, or one that a snapshot or the newest seal stands at.  What cannot be compared
 *  is not believed. */
export function checkReceipt(
  context: SessionContext,
  receipt: Receipt,
  snapshotSent: Position | undefined,
): boolean {
  const { shard, peer } = context
  if (!equalBytes(receipt.shard, shard.id) || !equalBytes(receipt.holder, peer.publicKey))
    return false
  if (!verifyReceipt(receipt)) return false
  const known = [shard.durable, shard.newestSeal, snapshotSent].find(
    (position) => position?.seq === receipt.seq,
  )
  const own = known?.checksum ?? shard.readFrame(receipt.seq)?.checksum
  const isOurs = own !== undefined && equalBytes(own, receipt.checksum)
  // A receipt with the flag `fork` names the other frame.
  return isOurs || receipt.flags.fork
}

export function sameShard(context: SessionContext, shard: Uint8Array): boolean {
  return equalBytes(shard, context.shard.id)
}
