/** Follower session: asks one peer for everything past this copy's head, verifies and applies it.
 *  Keeps: believes the address alone; a gap that outlives its deadline is asked for again, then refused;
 *  what a peer withholds shows as the age of the newest head, never as an error of its own.
 *  Far behind or new: a snapshot, installed atomically, then the tail. */

import { ConstelliteError, isFailure } from '../base/failure.ts'
import type { Timer } from '../base/host.ts'
import { type Seq, toSeq } from '../base/ids.ts'
import type { Envelope } from '../transport/envelope.ts'
import { createOrderedApply, isFatal, type OrderedApply } from './ordered-apply.ts'
import { failureFrom, type SessionContext, sameShard } from './session.ts'
import { createSnapshotInlet, type SnapshotInlet } from './snapshot-inlet.ts'

/** A gap is asked for again after this time, and refused after twice as long. */
export const GAP_DEADLINE_MS = 5_000

type FollowState = {
  readonly context: SessionContext
  readonly apply: OrderedApply
  /** Newest seq that the peer says it has. */
  peerSeq: Seq
  inlet: SnapshotInlet | undefined
  installing: Promise<void> | undefined
  gapTimer: Timer | undefined
  gapAsked: boolean
}

/** Follows until the connection ends; resolves 'stop' when this copy cannot go on with any peer. */
export async function followPeer(context: SessionContext): Promise<'redial' | 'stop'> {
  const { shard, peer } = context
  const state: FollowState = {
    context,
    apply: createOrderedApply(shard),
    peerSeq: toSeq(0),
    inlet: undefined,
    installing: undefined,
    gapTimer: undefined,
    gapAsked: false,
  }
  try {
    await sendHeads(context)
    for (;;) await take(state, await peer.receive())
  } catch (error) {
    state.inlet?.fail(error)
    if (!isFatal(error)) throw error
    if (isFailure(error)) shard.halt(error)
    return 'stop'
  } finally {
    state.gapTimer?.cancel()
    context.onLive(false)
    context.onProgress(undefined)
    // An install that has what it needs may still be finishing; its outcome is the shard's.
    await state.installing?.catch(() => undefined)
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
    case 'authority':
      if (sameShard(context, envelope.shard)) shard.adoptAuthority(envelope.frames)
      return
    case 'heads':
      if (!sameShard(context, envelope.shard)) return
      await takeHeads(state, envelope)
      return
    case 'run':
      await takeRun(state, envelope.bytes)
      return
    case 'snapshot':
      if (sameShard(context, envelope.shard)) await takeSnapshot(state, envelope)
      return
    case 'receipt':
      if (envelope.receipt.flags.fork) context.count('forkReceipts')
      return
    case 'error':
      if (envelope.code !== 'ErrUnavailable') throw failureFrom(envelope)
      await askSnapshot(state)
      return
    default:
      // A follower has nothing to serve; a peer that asks it anyway loses nothing.
      context.count('ignored')
  }
}

async function takeHeads(
  state: FollowState,
  envelope: Envelope & { type: 'heads' },
): Promise<void> {
  for (const { position } of envelope.heads) {
    if (position.seq > state.peerSeq) state.peerSeq = position.seq
  }
  if (envelope.heads.length === 0) {
    // The peer does not know the shard yet; it says so again when it does.
    return
  }
  const { received } = state.context.shard
  if (received.seq === 0n && envelope.first !== 1n) await askSnapshot(state)
  else await askRuns(state)
}

/** Asks for everything past what is here, and for what comes later. */
async function askRuns(state: FollowState): Promise<void> {
  const { shard, peer } = state.context
  const { author, received } = shard
  if (author === undefined) return
  await peer.send({
    type: 'want',
    shard: shard.id,
    author: author.key,
    from: toSeq(received.seq + 1n),
    to: undefined,
  })
  reportLive(state)
}

async function askSnapshot(state: FollowState): Promise<void> {
  const { shard, peer } = state.context
  if (state.inlet !== undefined) return
  state.inlet = createSnapshotInlet()
  state.context.onProgress(0)
  await peer.send({ type: 'want-snapshot', shard: shard.id, seqMin: shard.head.seq })
}

async function takeRun(state: FollowState, bytes: Uint8Array): Promise<void> {
  const { context, apply } = state
  const before = context.shard.received.seq
  const counted = { ...apply.counters }
  try {
    await apply.take(bytes)
  } catch (error) {
    if (isFailure(error, 'ErrUnavailable')) {
      await askSnapshot(state)
      return
    }
    // No room to wait: the gap timer asks again.
    if (!isFailure(error, 'ErrTooLarge')) throw error
  } finally {
    for (const name of ['applied', 'duplicate', 'early', 'refused'] as const) {
      context.count(name, apply.counters[name] - counted[name])
    }
  }
  if (context.shard.received.seq > state.peerSeq) state.peerSeq = context.shard.received.seq
  watchGap(state, context.shard.received.seq > before)
  reportLive(state)
}

/** Runs wait for earlier ones: give those a while, ask again once, then refuse the peer. */
function watchGap(state: FollowState, hasAdvanced: boolean): void {
  const { host, peer } = state.context
  if (state.apply.pending === 0 || hasAdvanced) {
    state.gapTimer?.cancel()
    state.gapTimer = undefined
    state.gapAsked = false
  }
  if (state.apply.pending === 0 || state.gapTimer !== undefined) return
  state.gapTimer = host.setTimer(GAP_DEADLINE_MS, () => {
    state.gapTimer = undefined
    if (state.gapAsked) {
      peer.close(gapFailure(state))
      return
    }
    state.gapAsked = true
    state.context.count('gapsAsked')
    // A connection that is ending tells its reader; nothing is lost here.
    askRuns(state).catch(() => undefined)
    watchGap(state, false)
  })
}

function gapFailure(state: FollowState): ConstelliteError {
  const missing = state.context.shard.received.seq + 1n
  return new ConstelliteError({
    code: 'ErrGap',
    message: `Frame ${missing} did not arrive though later ones did.`,
    hint: 'The peer withholds it or lost it; another relay may have it.',
    retry: 'later',
    facts: { seq: missing, pending: state.apply.pending },
  })
}

async function takeSnapshot(
  state: FollowState,
  part: Envelope & { type: 'snapshot' },
): Promise<void> {
  const { shard, onProgress } = state.context
  const { inlet } = state
  if (inlet === undefined) {
    state.context.count('ignored')
    return
  }
  state.installing ??= shard.install(inlet.parts, onProgress)
  // The install may fail on this part, and then nobody takes it: whichever comes first.
  await Promise.race([inlet.push(part), state.installing])
  if (!part.last) return
  await state.installing
  state.installing = undefined
  state.inlet = undefined
  state.context.count('snapshots')
  onProgress(undefined)
  await askRuns(state)
}

function reportLive(state: FollowState): void {
  const { shard, onLive } = state.context
  onLive(shard.received.seq >= state.peerSeq && state.inlet === undefined)
}
