/** Follower session: asks one peer for everything past this copy's head, verifies and applies it.
 *  Keeps: believes the address alone; a gap that outlives its deadline is asked for again, then refused
 *  (follow-watch.ts); what a peer withholds shows as the age of the newest head, never as an error.
 *  Far behind, new, or to go back behind a hand-over: a snapshot, installed atomically, then the tail. */

import { isFailure } from '../base/failure.ts'
import { type Seq, toSeq } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import type { Envelope } from '../transport/envelope.ts'
import { failureOfError } from '../transport/remote.ts'
import { createFollowWatch, type FollowWatch } from './follow-watch.ts'
import { createOrderedApply, isFatal, type OrderedApply } from './ordered-apply.ts'
import { type SessionContext, sameShard } from './session.ts'
import { createSnapshotTaker, type SnapshotTaker } from './snapshot-taker.ts'

type FollowState = {
  readonly context: SessionContext
  readonly apply: OrderedApply
  readonly watch: FollowWatch
  /** Newest seq that the peer says it has. */
  peerSeq: Seq
  hasAskedRuns: boolean
  hasAskedAuthority: boolean
  readonly snapshot: SnapshotTaker
}

/** Follows until the connection ends; resolves 'stop' when this copy cannot go on with any peer. */
export async function followPeer(context: SessionContext): Promise<'redial' | 'stop'> {
  const { shard, peer, host } = context
  const apply = createOrderedApply(shard)
  const state: FollowState = {
    context,
    apply,
    watch: createFollowWatch({
      host,
      missing: () => toSeq(shard.received.seq + 1n),
      pending: () => apply.pending,
      isInstalling: () => state.snapshot.isTaking,
      // A connection that is ending tells its reader; nothing is lost in either.
      askRuns() {
        context.count('gapsAsked')
        askRuns(state).catch(() => undefined)
      },
      askHead() {
        sendHeads(context).catch(() => undefined)
      },
      giveUp: (failure) => peer.close(failure),
    }),
    peerSeq: toSeq(0),
    hasAskedRuns: false,
    hasAskedAuthority: false,
    snapshot: createSnapshotTaker(context),
  }
  let ending: unknown
  try {
    await sendHeads(context)
    for (;;) {
      await take(state, await peer.receive())
      state.watch.onEnvelope()
    }
  } catch (error) {
    ending = error
    if (!isFatal(shard, error)) throw error
    if (isFailure(error)) shard.halt(error)
    return 'stop'
  } finally {
    state.watch.stop()
    context.onLive(false)
    await state.snapshot.end(ending)
  }
}

async function sendHeads(context: SessionContext): Promise<void> {
  const { shard, peer } = context
  const { author, head } = shard
  const heads =
    author === undefined || head.seq === 0n ? [] : [{ author: author.key, position: head }]
  await peer.send({
    type: 'heads',
    shard: shard.id,
    heads,
    first: shard.range()?.first ?? toSeq(0),
  })
}

async function take(state: FollowState, envelope: Envelope): Promise<void> {
  const { context } = state
  const { shard } = context
  switch (envelope.type) {
    case 'authority': {
      if (!sameShard(context, envelope.shard)) return
      const news = shard.adoptAuthority(envelope.frames)
      if (news.type === 'rewind') await state.snapshot.ask(news.seq)
      return
    }
    case 'heads':
      if (sameShard(context, envelope.shard)) await takeHeads(state, envelope)
      return
    case 'run':
      return takeRun(state, envelope.bytes)
    case 'snapshot':
      if (!sameShard(context, envelope.shard)) return
      if ((await state.snapshot.take(envelope)) !== undefined) await askRuns(state)
      return
    case 'receipt':
      if (envelope.receipt.flags.fork) context.count('forkReceipts')
      return
    case 'error': {
      // Frames that it has no more are in its snapshot; without one it is of no use for now.
      const failure = failureOfError(envelope)
      if (!isFailure(failure, 'ErrUnavailable') || state.snapshot.isTaking) throw failure
      return state.snapshot.ask(shard.head.seq)
    }
    default:
      // A follower has nothing to serve; a peer that asks it anyway loses nothing.
      context.count('ignored')
  }
}

async function takeHeads(
  state: FollowState,
  envelope: Envelope & { type: 'heads' },
): Promise<void> {
  const { shard } = state.context
  // The peer that does not know the shard yet says so again when it does.
  const theirs = envelope.heads[0]
  state.context.onUnknown(theirs === undefined)
  if (theirs === undefined) return
  if (theirs.position.seq > state.peerSeq) state.peerSeq = theirs.position.seq
  state.context.onPeerHead(theirs.position.seq)
  if (state.snapshot.isTaking) return
  const { author, received } = shard
  const isOtherAuthor = author !== undefined && !equalBytes(author.key, theirs.author)
  if (isOtherAuthor && !state.hasAskedAuthority) return askAuthority(state)
  if (received.seq === 0n && envelope.first !== 1n) return state.snapshot.ask(shard.head.seq)
  if (!state.hasAskedRuns) return askRuns(state)
  // It was asked for what is missing already, and named it again without sending it.
  if (received.seq >= state.peerSeq) return
  state.context.count('stallsAsked')
  await askRuns(state)
}

/** Naming no head asks for the authority; the heads come after it again. */
async function askAuthority(state: FollowState): Promise<void> {
  const { shard, peer } = state.context
  state.hasAskedAuthority = true
  await peer.send({ type: 'heads', shard: shard.id, heads: [], first: toSeq(0) })
}

/** Asks for everything past what is here, and for what comes later. */
async function askRuns(state: FollowState): Promise<void> {
  const { shard, peer } = state.context
  const { author, received } = shard
  if (author === undefined) return
  state.hasAskedRuns = true
  await peer.send({
    type: 'want',
    shard: shard.id,
    author: author.key,
    from: toSeq(received.seq + 1n),
    to: undefined,
  })
  reportLive(state)
}

async function takeRun(state: FollowState, bytes: Uint8Array): Promise<void> {
  const { context, apply } = state
  const before = context.shard.received.seq
  const counted = { ...apply.counters }
  try {
    await apply.take(bytes)
  } catch (error) {
    if (isFailure(error, 'ErrUnavailable')) {
      const { seq } = error.facts
      return await state.snapshot.ask(toSeq(typeof seq === 'bigint' ? seq : before))
    }
    // No room to wait: the watch asks again.
    if (!isFailure(error, 'ErrTooLarge')) throw error
  } finally {
    for (const name of ['applied', 'duplicate', 'early', 'refused'] as const) {
      context.count(name, apply.counters[name] - counted[name])
    }
  }
  const { seq } = context.shard.received
  if (seq > state.peerSeq) state.peerSeq = seq
  state.watch.onRun(seq > before)
  reportLive(state)
}

function reportLive(state: FollowState): void {
  const { shard, onLive } = state.context
  onLive(shard.received.seq >= state.peerSeq && !state.snapshot.isTaking)
}
