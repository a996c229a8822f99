/** Send: sealed runs to one peer from the cursor on, in order, at the peer's pace; a snapshot where the log
 *  cannot serve, where frames outweigh the image, or where the peer needs one.
 *  Keeps: only sealed runs leave, and nothing that the replicator has not accepted. */

import { ConstelliteError } from '../base/failure.ts'
import { toSeq } from '../base/ids.ts'
import { encodeRun } from '../frame/run.ts'
import { LOG_NEARLY_FULL, type PublishState, SNAPSHOT_FRAMES_BYTES_MIN } from './publish-state.ts'
import { RUN_PAYLOAD_BYTES_MAX } from './seal-feed.ts'

export async function sendAll(state: PublishState): Promise<void> {
  const { context, hooks } = state
  while (!state.isEnded) {
    if (state.cursor === undefined) {
      await woken(state)
      continue
    }
    if (isPaused(state)) {
      await pauseEnded(state)
      continue
    }
    if (state.cursor > hooks.feed.final && !isSnapshotOwed(state)) {
      context.onLive(!state.isMakingRoom)
      await Promise.race([hooks.feed.next(), woken(state)])
      continue
    }
    if (isSnapshotDue(state) || !(await sendRun(state))) await sendSnapshot(state)
  }
}

function woken(state: PublishState): Promise<void> {
  return new Promise((resolve) => {
    state.wake = resolve
  })
}

/** The relay is full, and its operator may not have seen it yet. */
export function isPaused({ context, hooks }: PublishState): boolean {
  return context.host.monotonicNow() < hooks.line.pausedUntilMs
}

function pauseEnded(state: PublishState): Promise<void> {
  const { host } = state.context
  const leftMs = state.hooks.line.pausedUntilMs - host.monotonicNow()
  return new Promise((resolve) => {
    const timer = host.setTimer(leftMs, resolve)
    state.wake = () => {
      timer.cancel()
      resolve()
    }
  })
}

/** False when the log has the frames no longer. */
async function sendRun(state: PublishState): Promise<boolean> {
  const { context, hooks } = state
  const { shard, peer } = context
  if (state.cursor === undefined) return false
  const run = shard.readRun(state.cursor, RUN_PAYLOAD_BYTES_MAX)
  if (run === undefined) return false
  if (run.seal.seq > hooks.feed.final) {
    await hooks.feed.next()
    return true
  }
  const bytes = encodeRun(run)
  state.cursor = toSeq(run.seal.seq + 1n)
  hooks.line.bytesSinceSnapshot += bytes.byteLength
  context.count('sent', run.frames.length)
  await peer.send({ type: 'run', bytes })
  state.silence.touch()
  return true
}

/** One that the peer needs, once what it needs it for was sent. */
function isSnapshotOwed({ snapshotDueAt, cursor }: PublishState): boolean {
  return snapshotDueAt !== undefined && cursor !== undefined && cursor > snapshotDueAt
}

function isSnapshotDue(state: PublishState): boolean {
  if (isSnapshotOwed(state)) return true
  const { pages } = state.context.shard
  const imageBytes = pages.pageCount(pages.version) * pages.pageSize
  const isOutweighed =
    state.hooks.line.bytesSinceSnapshot > Math.max(SNAPSHOT_FRAMES_BYTES_MIN, imageBytes)
  return isOutweighed || isBacklogHeavy(state, imageBytes)
}

/** The log is nearly full of frames that this peer lacks, and the image is smaller than they are. */
function isBacklogHeavy({ context, cursor }: PublishState, imageBytes: number): boolean {
  const { shard } = context
  const { sizeBytes, capBytes } = shard.logUse
  const range = shard.range()
  if (sizeBytes < capBytes * LOG_NEARLY_FULL || range === undefined || cursor === undefined) {
    return false
  }
  const unsent = Number(range.last - cursor + 1n) / Number(range.last - range.first + 1n)
  return sizeBytes * unsent > imageBytes
}

async function sendSnapshot(state: PublishState): Promise<void> {
  const { context, hooks } = state
  const { shard, peer } = context
  const parts = await shard.snapshot()
  const seal = shard.newestSeal
  if (seal === undefined) throw nothingSealed()
  // Its seal may be newer than what was decided.
  while (hooks.feed.final < seal.seq && !state.isEnded) await hooks.feed.next()
  state.snapshotDueAt = undefined
  state.snapshotSent = { seq: seal.seq, checksum: seal.checksum }
  let index = 0
  let held: Uint8Array | undefined
  const send = async (bytes: Uint8Array, last: boolean): Promise<void> => {
    await peer.send({ type: 'snapshot', shard: shard.id, index: index++, last, bytes })
    state.silence.touch()
  }
  for await (const part of parts) {
    if (held !== undefined) await send(held, false)
    held = part
  }
  if (held !== undefined) await send(held, true)
  context.count('snapshots')
  hooks.line.bytesSinceSnapshot = 0
  if (state.cursor !== undefined && state.cursor <= seal.seq) state.cursor = toSeq(seal.seq + 1n)
}

function nothingSealed(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrUnavailable',
    message: 'There is no sealed state to send.',
    hint: 'It is tried again after the next commit.',
    retry: 'later',
  })
}
