/** Adopt: what a writer takes from a peer: its own newer frames, which a restored backup lacks, as frames or
 *  as a snapshot of its own chain; and the frames of a copy that wrote with the same key, which are judged and
 *  halt it as a fork.  Before it judges a run that stands beside its own it shows the peer what it has there,
 *  so that the peer can tell the other copy and those who follow.
 *  Keeps: nothing is adopted beside an open write transaction; frames that no peer acknowledged are never
 *  given up for a snapshot, because nothing shows whether it stands on them. */

import { ConstelliteError } from '../base/failure.ts'
import { toSeq } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import { decodeRunHeader, encodeRun, type RunHeader } from '../frame/run.ts'
import { type PublishState, startSending } from './publish-state.ts'
import { RUN_PAYLOAD_BYTES_MAX } from './seal-feed.ts'
import type { SnapshotPart } from './snapshot-taker.ts'

/** Whether frames of its own are still to come from the peer. */
export function isAdopting({ cursor, adoptUpTo }: PublishState): boolean {
  return cursor === undefined && adoptUpTo > 0n
}

/** A run that this copy asked for, or that the peer shows it unasked because it stands beside its own. */
export async function takeRun(state: PublishState, bytes: Uint8Array): Promise<void> {
  const { context, hooks, apply } = state
  const header = decodeRunHeader(bytes)
  const isNear = header.ok && header.value.firstSeq <= context.shard.durable.seq + 1n
  if (!isAdopting(state) && !isNear) {
    context.count('ignored')
    return
  }
  if (header.ok && isAdopting(state) && (await showBeside(state, header.value))) {
    state.beside = bytes
    return
  }
  await hooks.exclusively(() => apply.take(bytes))
  if (!isAdopting(state)) return
  context.count('adopted')
  goOn(state)
}

/** Judges the run that waited for the peer to see the own one: it halts this copy. */
export async function judgeBeside(state: PublishState): Promise<void> {
  const { hooks, apply, beside } = state
  state.beside = undefined
  if (beside !== undefined) await hooks.exclusively(() => apply.take(beside))
}

/** Sends the own frames that a run of the peer's contradicts; the head alone, without its payload, where the
 *  log has them no longer.  False when it contradicts none, as far as its header says. */
async function showBeside({ context }: PublishState, theirs: RunHeader): Promise<boolean> {
  const { shard, peer } = context
  const checksumAt = (seq: bigint): Uint8Array | undefined =>
    seq === shard.durable.seq ? shard.durable.checksum : shard.readFrame(toSeq(seq))?.checksum
  const before = checksumAt(theirs.firstSeq - 1n)
  const last = checksumAt(theirs.lastSeq)
  const isBeside =
    (before !== undefined && !equalBytes(before, theirs.prev)) ||
    (last !== undefined && !equalBytes(last, theirs.seal.checksum))
  const from = theirs.firstSeq > shard.durable.seq ? shard.durable.seq : theirs.firstSeq
  if (!isBeside) return false
  const run = shard.readRun(from, RUN_PAYLOAD_BYTES_MAX) ?? shard.headRun()
  if (run === undefined) return false
  await peer.send({ type: 'run', bytes: encodeRun(run) })
  return true
}

/** The peer has its newer frames in a snapshot only. */
export async function askOwnSnapshot(state: PublishState): Promise<void> {
  const { context, hooks } = state
  const { shard } = context
  const acknowledged = shard.heldAbove(hooks.line.holder) ?? toSeq(0)
  const { seq } = shard.head
  if (seq > acknowledged) {
    const failure = unacknowledged(seq, acknowledged, state.adoptUpTo)
    // It must not write on beside what the peer has.
    shard.halt(failure)
    throw failure
  }
  await state.snapshot.ask(toSeq(seq + 1n))
}

export async function adoptSnapshot(state: PublishState, part: SnapshotPart): Promise<void> {
  if ((await state.snapshot.take(part)) === undefined) return
  state.context.count('adopted')
  goOn(state)
}

function goOn(state: PublishState): void {
  const { seq } = state.context.shard.received
  if (seq >= state.adoptUpTo) startSending(state, toSeq(seq + 1n))
}

function unacknowledged(seq: bigint, acknowledged: bigint, theirs: bigint): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrGap',
    message: `A restored backup: nothing shows whether the relay’s history up to ${theirs} goes on from the frames ${acknowledged + 1n} to ${seq}, which it never acknowledged.`,
    hint: 'Follow the address under a new name, and call takeOver there.',
    retry: 'after-repair',
    facts: { seq, acknowledged, theirs },
  })
}
