/** Publisher session: keeps one peer in step with this writer.
 *  Before the first frame is sent the heads are compared: what the peer has of this writer and this copy
 *  lacks is adopted (a restored backup); what stands beside it is a fork and halts.
 *  Keeps: only sealed runs leave; the log holds what the peer has not acknowledged; a peer that the log
 *  can no longer serve gets a snapshot first. */

import { ConstelliteError, isFailure } from '../base/failure.ts'
import { type Position, type Seq, toSeq } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import { encodeRun } from '../frame/run.ts'
import type { Envelope } from '../transport/envelope.ts'
import { createOrderedApply, isFatal, type OrderedApply } from './ordered-apply.ts'
import { checkReceipt, failureFrom, type SessionContext, sameShard } from './session.ts'

/** Payload of one run at most, unless one transaction is larger. */
export const RUN_PAYLOAD_BYTES_MAX = 524_288
/** A snapshot is uploaded when the frames since the last outweigh the page image, and this at least. */
export const SNAPSHOT_FRAMES_BYTES_MIN = 8_388_608

export type PublishHooks = {
  /** Runs a task that changes pages under SQLite: never beside an open write transaction. */
  exclusively<T>(task: () => Promise<T>): Promise<T>
  /** Resolves when there may be a new sealed run. */
  nextSeal(): Promise<void>
  /** Name under which the log holds frames for this peer. */
  readonly holder: string
}

type PublishState = {
  readonly context: SessionContext
  readonly hooks: PublishHooks
  readonly apply: OrderedApply
  /** Next seq to send; undefined until heads were compared. */
  cursor: Seq | undefined
  /** Highest seq that the peer told of and this copy must adopt first. */
  adoptUpTo: Seq
  bytesSinceSnapshot: number
  isEnded: boolean
  wake: () => void
}

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
    bytesSinceSnapshot: 0,
    isEnded: false,
    wake: () => {},
  }
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
    const receiving = receiveAll(state)
    await Promise.race([receiving, sending])
    return 'redial'
  } catch (error) {
    if (!isFatal(error)) throw error
    if (isFailure(error)) shard.halt(error)
    return 'stop'
  } finally {
    state.isEnded = true
    state.wake()
    context.onLive(false)
  }
}

async function receiveAll(state: PublishState): Promise<never> {
  for (;;) await take(state, await state.context.peer.receive())
}

async function take(state: PublishState, envelope: Envelope): Promise<void> {
  const { context } = state
  switch (envelope.type) {
    case 'heads':
      if (sameShard(context, envelope.shard)) await compareHeads(state, envelope)
      return
    case 'run':
      await adopt(state, envelope.bytes)
      return
    case 'receipt':
      await takeReceipt(state, envelope)
      return
    case 'error':
      if (envelope.code === 'ErrForked') context.count('forkErrors')
      throw failureFrom(envelope)
    case 'authority':
      // This copy has the chain; what it lacks comes as runs and is checked there.
      return
    default:
      context.count('ignored')
  }
}

/** What does the peer hold of this shard?  Decides where sending begins, or asks for what is missing. */
async function compareHeads(
  state: PublishState,
  envelope: Envelope & { type: 'heads' },
): Promise<void> {
  const { shard } = state.context
  if (state.cursor !== undefined) return
  const theirs = envelope.heads[0]
  if (theirs === undefined) {
    await sendAuthority(state)
    startSending(state, toSeq(1))
    return
  }
  const { position } = theirs
  const isAhead = position.seq > shard.durable.seq
  const isOther =
    !equalBytes(theirs.author, shard.ownAuthor) || (!isAhead && !isOurs(state, position))
  if (!isAhead && !isOther) {
    startSending(state, toSeq(position.seq + 1n))
    return
  }
  // Ahead: adopt our own missing frames.  Beside: its run, judged, is the evidence of a fork or the
  // hand-over that ends this writer.
  state.adoptUpTo = position.seq
  const common = isAhead && !isOther ? shard.durable.seq + 1n : firstDoubt(state, position)
  await state.context.peer.send({
    type: 'want',
    shard: shard.id,
    author: theirs.author,
    from: toSeq(common),
    to: position.seq,
  })
}

/** Where to look for the difference: from the earlier of both heads. */
function firstDoubt(state: PublishState, position: Position): bigint {
  const { durable } = state.context.shard
  return position.seq <= durable.seq ? position.seq : durable.seq + 1n
}

function isOurs(state: PublishState, position: Position): boolean {
  const { shard } = state.context
  const { durable } = shard
  const own =
    position.seq === durable.seq ? durable.checksum : shard.readFrame(position.seq)?.checksum
  // What the log has no more was acknowledged by this or another peer before it was let go.
  return own === undefined || equalBytes(own, position.checksum)
}

async function adopt(state: PublishState, bytes: Uint8Array): Promise<void> {
  const { context, hooks, apply } = state
  await hooks.exclusively(() => apply.take(bytes))
  context.count('adopted')
  if (state.cursor === undefined && context.shard.received.seq >= state.adoptUpTo) {
    startSending(state, toSeq(state.adoptUpTo + 1n))
  }
}

function startSending(state: PublishState, from: Seq): void {
  state.cursor = from
  state.wake()
}

async function sendAuthority(state: PublishState): Promise<void> {
  const { shard, peer } = state.context
  await peer.send({ type: 'authority', shard: shard.id, frames: shard.authority })
}

async function sendAll(state: PublishState): Promise<void> {
  const { context, hooks } = state
  const { shard, peer } = context
  while (!state.isEnded) {
    if (state.cursor === undefined) {
      await new Promise<void>((resolve) => {
        state.wake = resolve
      })
      continue
    }
    const sealed = shard.newestSeal?.seq ?? 0n
    if (state.cursor > sealed) {
      context.onLive(true)
      await Promise.race([
        hooks.nextSeal(),
        new Promise<void>((resolve) => {
          state.wake = resolve
        }),
      ])
      continue
    }
    const run = isSnapshotDue(state)
      ? undefined
      : shard.readRun(state.cursor, RUN_PAYLOAD_BYTES_MAX)
    if (run === undefined) {
      await sendSnapshot(state)
      continue
    }
    const bytes = encodeRun(run)
    state.cursor = toSeq(run.seal.seq + 1n)
    state.bytesSinceSnapshot += bytes.byteLength
    context.count('sent', run.frames.length)
    await peer.send({ type: 'run', bytes })
  }
}

function isSnapshotDue(state: PublishState): boolean {
  const { pages } = state.context.shard
  const imageBytes = pages.pageCount(pages.version) * pages.pageSize
  return state.bytesSinceSnapshot > Math.max(SNAPSHOT_FRAMES_BYTES_MIN, imageBytes)
}

/** The log does not reach what the peer needs, or its frames outweigh the image. */
async function sendSnapshot(state: PublishState): Promise<void> {
  const { context } = state
  const { shard, peer } = context
  const parts = await shard.snapshot()
  const seal = shard.newestSeal
  if (seal === undefined) throw nothingSealed()
  let index = 0
  let held: Uint8Array | undefined
  const send = (bytes: Uint8Array, last: boolean): Promise<void> =>
    peer.send({ type: 'snapshot', shard: shard.id, index: index++, last, bytes })
  for await (const part of parts) {
    if (held !== undefined) await send(held, false)
    held = part
  }
  if (held !== undefined) await send(held, true)
  context.count('snapshots')
  state.bytesSinceSnapshot = 0
  if (state.cursor !== undefined && state.cursor <= seal.seq) state.cursor = toSeq(seal.seq + 1n)
}

async function takeReceipt(
  state: PublishState,
  envelope: Envelope & { type: 'receipt' },
): Promise<void> {
  const { context, hooks } = state
  const { receipt } = envelope
  if (!checkReceipt(context, receipt)) {
    context.count('badReceipts')
    return
  }
  if (receipt.flags.fork) {
    context.count('forkReceipts')
    return
  }
  if (!receipt.flags.durable) return
  context.onShared(receipt.holder, { seq: receipt.seq, checksum: receipt.checksum })
  await context.shard.release(hooks.holder, receipt.seq)
}

function nothingSealed(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrUnavailable',
    message: 'There is no sealed state to send.',
    hint: 'It is tried again after the next commit.',
    retry: 'later',
  })
}
