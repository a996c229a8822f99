/** Publisher session: keeps one peer in step with this writer.
 *  Before the first frame is sent the heads are compared (publish-compare.ts); then sealed runs and
 *  snapshots go out (publish-send.ts) while receipts and refusals come in.
 *  Keeps: the log holds what the peer has not acknowledged by a receipt that this copy could check; what
 *  a peer merely says never halts. */

import { isFailure } from '../base/failure.ts'
import { toSeq } from '../base/ids.ts'
import type { Envelope } from '../transport/envelope.ts'
import { failureOfError } from '../transport/remote.ts'
import { createDeadline } from './deadline.ts'
import { createOrderedApply, isFatal } from './ordered-apply.ts'
import { adoptSnapshot, askOwnSnapshot, isAdopting, judgeBeside, takeRun } from './publish-adopt.ts'
import { askAuthority, compareHeads, takeAuthority } from './publish-compare.ts'
import { isPaused, sendAll } from './publish-send.ts'
import { type PublishHooks, type PublishState, RELAY_FULL_PAUSE_MS } from './publish-state.ts'
import {
  checkReceipt,
  type SessionContext,
  SILENCE_MS,
  sameShard,
  silenceFailure,
} from './session.ts'
import { createSnapshotTaker } from './snapshot-taker.ts'

export async function publishToPeer(
  context: SessionContext,
  hooks: PublishHooks,
): Promise<'redial' | 'stop'> {
  const { shard, peer } = context
  const state: PublishState = {
    context,
    hooks,
    apply: createOrderedApply(shard),
    cursor: undefined,
    adoptUpTo: toSeq(0),
    hasAskedAuthority: false,
    beside: undefined,
    snapshot: createSnapshotTaker(context, (parts, onProgress) =>
      hooks.exclusively(() => shard.install(parts, onProgress)),
    ),
    snapshotDueAt: undefined,
    isMakingRoom: false,
    snapshotSent: undefined,
    silence: createDeadline(context.host, SILENCE_MS, () => {
      if (isOwedAnswer(state)) peer.close(silenceFailure())
    }),
    isEnded: false,
    wake: () => {},
  }
  let ending: unknown
  const sending = sendAll(state)
  // Its failure is the connection's and surfaces in the race below; this only says that it is seen.
  sending.catch(() => undefined)
  try {
    await shard.seal()
    await peer.send({
      type: 'heads',
      shard: shard.id,
      heads: [{ author: shard.ownAuthor, position: shard.durable }],
      first: shard.range()?.first ?? toSeq(0),
    })
    await Promise.race([receiveAll(state), sending])
    return 'redial'
  } catch (error) {
    ending = (await judgeBeside(state).catch((failure: unknown) => failure)) ?? error
    if (!isFatal(shard, ending)) throw ending
    if (isFailure(ending)) shard.halt(ending)
    return 'stop'
  } finally {
    state.isEnded = true
    state.silence.stop()
    state.wake()
    context.onLive(false)
    await state.snapshot.end(ending)
  }
}

async function receiveAll(state: PublishState): Promise<never> {
  for (;;) {
    await take(state, await state.context.peer.receive())
    state.silence.touch()
  }
}

/** Heads, frames to adopt, or a receipt for what was sent. */
function isOwedAnswer(state: PublishState): boolean {
  const { cursor, context } = state
  if (isPaused(state)) return false
  return cursor === undefined || context.sharedSeq(context.peer.publicKey) + 1n < cursor
}

async function take(state: PublishState, envelope: Envelope): Promise<void> {
  const { context } = state
  switch (envelope.type) {
    case 'heads':
      if (sameShard(context, envelope.shard)) await compareHeads(state, envelope)
      return
    case 'run':
      return takeRun(state, envelope.bytes)
    case 'snapshot':
      if (sameShard(context, envelope.shard)) await adoptSnapshot(state, envelope)
      return
    case 'receipt':
      return takeReceipt(state, envelope)
    case 'error':
      return takeError(state, envelope)
    case 'authority':
      if (sameShard(context, envelope.shard)) takeAuthority(state, envelope.frames)
      return
    default:
      context.count('ignored')
  }
}

/** A peer without room for more frames gets a snapshot, which lets it drop those that it has. */
async function takeError(
  state: PublishState,
  envelope: Envelope & { type: 'error' },
): Promise<void> {
  const { context, hooks } = state
  if (envelope.code === 'ErrForked') context.count('forkErrors')
  if (state.beside !== undefined) return judgeBeside(state)
  const failure = failureOfError(envelope)
  // Of an author of an earlier term heads do not tell that it has a later one; the list of authors does.
  if (isFailure(failure, 'ErrSuperseded') && !state.hasAskedAuthority) return askAuthority(state)
  if (isFailure(failure, 'ErrUnavailable') && isAdopting(state)) return askOwnSnapshot(state)
  if (isFailure(failure, 'ErrRelayFull') && !state.isMakingRoom && state.cursor !== undefined) {
    context.count('relayFull')
    state.isMakingRoom = true
    state.snapshotDueAt = toSeq(0)
    hooks.line.bytesSinceSnapshot = 0
    state.wake()
    return
  }
  if (isFailure(failure, 'ErrRelayFull')) {
    hooks.line.pausedUntilMs = context.host.monotonicNow() + RELAY_FULL_PAUSE_MS
  }
  // It has only a snapshot there; the one that is on its way stands for the frames too.
  if (isFailure(failure, 'ErrUnavailable') && hasSnapshotComing(state)) return
  // Runs that were under way when it ran out of room do not follow what it has.
  if (isFailure(failure, 'ErrGap') && state.isMakingRoom) return
  throw failure
}

function hasSnapshotComing({ snapshotDueAt, snapshotSent }: PublishState): boolean {
  return snapshotDueAt !== undefined || snapshotSent !== undefined
}

async function takeReceipt(
  state: PublishState,
  envelope: Envelope & { type: 'receipt' },
): Promise<void> {
  const { context, hooks } = state
  const { receipt } = envelope
  if (!checkReceipt(context, receipt, state.snapshotSent)) {
    context.count('badReceipts')
    return
  }
  if (receipt.flags.fork) {
    context.count('forkReceipts')
    return
  }
  if (!receipt.flags.durable) return
  if (receipt.seq >= (state.snapshotSent?.seq ?? receipt.seq + 1n)) {
    state.isMakingRoom = false
    // Whoever waits for the next seal does not know yet that this peer is in step.
    state.wake()
  }
  context.onShared(receipt.holder, { seq: receipt.seq, checksum: receipt.checksum })
  await context.shard.release(hooks.line.holder, receipt.seq)
}
