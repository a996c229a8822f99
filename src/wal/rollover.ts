/** Rollover: begins a new segment with a start mark; and cuts a superseded tail.
 *  Keeps: the new segment's header and first group are flushed before an older one is released; what was
 *  staged or flushed after the mark was made is replayed after it. */

import { assert } from '../base/assert.ts'
import type { Position } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import { flushLog } from './flush.ts'
import { REQUEST_ENTRY_BYTES_MAX } from './layout.ts'
import { assertUsable, currentDraft, type LogState, type Rollover } from './log-state.ts'
import { readFrameAt } from './read-back.ts'
import type { StartMark } from './records.ts'
import { recycle } from './retention.ts'
import { growTo, stagedBytesOf, stageRecord } from './stage.ts'

/** 64 KiB: room for the fixed part of a mark and for what may be staged before the next flush. */
const START_BYTES = 65_536

export async function beginSegment(state: LogState, mark: StartMark): Promise<void> {
  assertUsable(state)
  // Taken now: what is staged while this waits is not covered by the mark.
  const uncoveredGroup = currentDraft(state).number
  const isReset = isOtherChain(state, mark)
  assert(!isReset || !hasStagedFrames(state), 'nothing is staged while a snapshot is installed')
  const newestBefore = state.newestSeq
  if (mark.position.seq > newestBefore || isReset) state.newestSeq = mark.position.seq
  await state.mutex.run(async () => {
    assertUsable(state)
    const pooled = await state.pool.take()
    const rollover: Rollover = { mark, pooled, uncoveredGroup, isReset }
    try {
      growTo(state, pooled, startBytesMax(mark) + stagedBytesOf(state))
    } catch (error) {
      if (state.newestSeq === mark.position.seq) state.newestSeq = newestBefore
      await state.pool.give([pooled])
      throw error
    }
    state.rollover = rollover
    await flushLog(state)
    await recycle(state)
  })
}

/** Cuts every frame above `position`.  The record that says so is the durable step. */
export async function truncateAfter(state: LogState, position: Position): Promise<void> {
  assertUsable(state)
  assert(position.seq >= state.mark.position.seq, 'nothing at or below a start mark is cut')
  if (position.seq >= state.newestSeq) return flushLog(state)
  await state.mutex.run(async () => {
    stageRecord(state, { type: 'truncate', position })
    state.newestSeq = position.seq
    state.unflushedSeals = state.unflushedSeals.filter(({ seq }) => seq <= position.seq)
    for (const [name, seq] of state.holders) {
      if (seq > position.seq) state.holders.set(name, position.seq)
    }
    await flushLog(state)
  })
}

/** A snapshot was installed whose position is not the head of the chain in this log. */
function isOtherChain(state: LogState, mark: StartMark): boolean {
  const { installed } = mark
  const before = state.mark.installed
  const isSame =
    installed === undefined ||
    (before !== undefined &&
      before.position.seq === installed.position.seq &&
      equalBytes(before.position.checksum, installed.position.checksum))
  if (isSame) return false
  if (mark.position.seq !== state.newestSeq) return true
  // A hand-over may stand at the very seq of the head that it supersedes.
  const own = readFrameAt(state, mark.position.seq)
  return own !== undefined && !equalBytes(own.checksum, mark.position.checksum)
}

function hasStagedFrames(state: LogState): boolean {
  return state.drafts.some((draft) => draft.records.some(({ type }) => type === 'frames'))
}

/** At least what a segment's beginning with this mark takes. */
export function startBytesMax(mark: StartMark): number {
  const frames = mark.authority.reduce((size, frame) => size + 256 + frame.payloadBytes, 0)
  return START_BYTES + frames + mark.requests.length * REQUEST_ENTRY_BYTES_MAX
}
