/** Compare heads: what the peer has of this writer decides where sending begins.
 *  What the peer has and this copy lacks is adopted (a restored backup); what stands beside it is judged by
 *  its frames and halts as a fork; frames of an earlier author beyond a hand-over are passed over; an
 *  author whom this copy does not know is asked for, because it may be the one that supersedes it. */

import { ConstelliteError } from '../base/failure.ts'
import { type Position, type Seq, toSeq } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import type { Head } from '../transport/envelope.ts'
import { type PublishState, startSending } from './publish-state.ts'

export async function compareHeads(
  state: PublishState,
  { heads, first }: { readonly heads: readonly Head[]; readonly first: Seq },
): Promise<void> {
  if (state.cursor !== undefined || state.adoptUpTo > 0n) return
  const theirs = heads[0]
  // 0: it has nothing, or nothing but a snapshot.
  if (theirs === undefined || first > 0n) oweSnapshot(state, first)
  if (theirs === undefined) {
    await sendAuthority(state)
    startSending(state, toSeq(1))
    return
  }
  const { author, position } = theirs
  const { shard } = state.context
  const terms = shard.authority
  const index = terms.reduce(
    (found, term, at) => (equalBytes(term.author, author) ? at : found),
    -1,
  )
  // Wherever it stands: a position that the log has no longer looks like one of ours.
  if (index < 0) return askAuthority(state)
  if (isOurs(state, position)) {
    startSending(state, afterHeld(state, position))
    return
  }
  // A hand-over at or below their head: what they have from there on is no part of the shard.
  const handOver = terms.slice(index + 1).find((term) => term.seq <= position.seq)
  if (handOver !== undefined) {
    state.snapshotDueAt = handOver.seq
    startSending(state, handOver.seq)
    return
  }
  await askFrames(state, theirs)
}

/** Whoever wrote or applied frames beyond the newest hand-over goes back behind it only by a snapshot, which
 *  only this copy can make; a peer that still has frames from before it, or none, got none since. */
function oweSnapshot(state: PublishState, first: Seq): void {
  const newest = state.context.shard.authority.at(-1)
  if (newest === undefined || newest.epoch === 0n || first > newest.seq) return
  state.snapshotDueAt = newest.seq
}

/** The peer's list of authors came: it may end this writer. */
export function takeAuthority(
  state: PublishState,
  frames: Parameters<PublishState['context']['shard']['adoptAuthority']>[0],
): void {
  // A writer that is superseded halts in here.
  state.context.shard.adoptAuthority(frames)
}

async function sendAuthority({ context }: PublishState): Promise<void> {
  const { shard, peer } = context
  await peer.send({ type: 'authority', shard: shard.id, frames: shard.authority })
}

/** Naming no head asks for the authority; the heads come after it again. */
export async function askAuthority(state: PublishState): Promise<void> {
  const { shard, peer } = state.context
  if (state.hasAskedAuthority) {
    throw new ConstelliteError({
      code: 'ErrAuthor',
      message: 'The peer believes a writer whom the shard never named.',
      hint: 'It serves another history under this shard; use another relay.',
      retry: 'later',
    })
  }
  state.hasAskedAuthority = true
  await peer.send({ type: 'heads', shard: shard.id, heads: [], first: toSeq(0) })
}

/** Ahead: our own missing frames.  Beside: the run, judged, is the evidence of a fork. */
async function askFrames(state: PublishState, { author, position }: Head): Promise<void> {
  const { shard, peer } = state.context
  state.adoptUpTo = position.seq
  const { durable } = shard
  const from = position.seq > durable.seq ? durable.seq + 1n : position.seq
  await peer.send({ type: 'want', shard: shard.id, author, from: toSeq(from), to: position.seq })
}

/** Whether the peer's head is a frame of this chain.  Below what the log has, it was acknowledged by this or
 *  another peer before it was let go; or it was let go unsent by a long time without any (database/unsent.ts),
 *  and then nothing here could tell. */
function isOurs({ context }: PublishState, position: Position): boolean {
  const { shard } = context
  const { durable } = shard
  if (position.seq > durable.seq) return false
  const own =
    position.seq === durable.seq ? durable.checksum : shard.readFrame(position.seq)?.checksum
  return own === undefined || equalBytes(own, position.checksum)
}

/** The frame after the peer's head; or that head again, while no receipt of the peer for it is known here:
 *  a peer that is sent what it has says so with a receipt. */
function afterHeld({ context }: PublishState, position: Position): Seq {
  const { shard, peer } = context
  const first = shard.range()?.first
  const isReadable = first !== undefined && first <= position.seq
  const isKnown = context.sharedSeq(peer.publicKey) >= position.seq
  return isKnown || !isReadable ? toSeq(position.seq + 1n) : position.seq
}
