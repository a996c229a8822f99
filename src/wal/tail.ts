/** Tail: makes the groups last that could be read but were not known flushed, before anything follows them.
 *  Keeps: they are written again, same numbers and same places, into a new segment, which counts only from
 *  its header on, flushed last.  So a torn tail needs no erasing, no acknowledged byte is written over, and
 *  a stale owner who still writes to the old file changes nothing.  On a device too full for that they are
 *  written again where they stand, byte for byte, and what is behind them is cut off. */

import { assert } from '../base/assert.ts'
import { isFailure } from '../base/failure.ts'
import { createSegment, restage, settle, writeDraft } from './flush.ts'
import { createGroupDraft, type GroupDraft } from './group-draft.ts'
import { currentSegment, type LogState } from './log-state.ts'
import { oldestNeeded } from './needs.ts'
import type { PooledFile } from './pool.ts'
import type { RecoveredLog } from './recover.ts'
import { recycle } from './retention.ts'
import { startBytesMax } from './rollover.ts'
import { encodeSegmentHeader } from './segment-header.ts'
import { growTo, stageRecord } from './stage.ts'

export async function makeTailLast(state: LogState, recovered: RecoveredLog): Promise<void> {
  const pooled = await takeRoom(state, recovered)
  if (pooled === undefined) await rewriteInPlace(state, recovered)
  else await rewriteBehind(state, recovered, pooled)
}

/** A file with room for a new segment; undefined when the device is full and the old one can be kept. */
async function takeRoom(state: LogState, recovered: RecoveredLog): Promise<PooledFile | undefined> {
  const pooled = await state.pool.take()
  try {
    const tailBytes = currentSegment(state).endAt - (recovered.tailAt ?? 0)
    growTo(state, pooled, startBytesMax(recovered.mark) + tailBytes)
    return pooled
  } catch (error) {
    await state.pool.give([pooled])
    if (!isFailure(error, 'ErrQuota') || recovered.tailAt === undefined) throw error
    return undefined
  }
}

async function rewriteBehind(
  state: LogState,
  recovered: RecoveredLog,
  pooled: PooledFile,
): Promise<void> {
  const drafts = tailDrafts(recovered)
  const segment = createSegment(state, { mark: state.mark, pooled }, recovered.knownFlushed + 1n)
  state.segments.push(segment)
  state.mark = { ...recovered.mark, owner: state.owner, holders: [...recovered.holders] }
  state.oldestFile = oldestNeeded(state, state.redoGroup)
  restage(state, drafts)
  if (recovered.isCut) stageRecord(state, { type: 'truncate', position: recovered.position })
  const { file } = pooled
  const staged = state.drafts
  const written = staged.map((draft) => writeDraft(state, draft))
  state.drafts = [createGroupDraft(recovered.knownFlushed + BigInt(staged.length) + 1n)]
  await file.sync()
  // The header makes the segment count, so it follows what it stands before.
  file.write(0, encodeSegmentHeader(segment.header))
  await file.sync()
  settle(state, written)
  await recycle(state)
}

/** Writing the same bytes again makes a cache flush what it believed clean; power lost meanwhile leaves
 *  each sector as it was or as it is to be, which is the same. */
async function rewriteInPlace(state: LogState, recovered: RecoveredLog): Promise<void> {
  const segment = currentSegment(state)
  const { file } = segment.pooled
  const from = recovered.tailAt
  assert(from !== undefined, 'the tail has a place')
  const tail = new Uint8Array(segment.endAt - from)
  file.read(from, tail)
  if (tail.byteLength > 0) file.write(from, tail)
  file.truncate(segment.endAt)
  segment.reservedTo = segment.endAt
  await file.sync()
  for (const { outline, place } of recovered.tailOutlines) state.index.apply(outline, place)
  state.flushedGroup = recovered.lastGroup
  state.drafts = [createGroupDraft(recovered.lastGroup + 1n)]
  // Without room for this the database does not open: its frames would come back.
  if (recovered.isCut) {
    stageRecord(state, { type: 'truncate', position: recovered.position })
    const written = state.drafts.map((draft) => writeDraft(state, draft))
    state.drafts = [createGroupDraft(recovered.lastGroup + 2n)]
    await file.sync()
    settle(state, written)
  }
}

/** The tail as groups of the same numbers; one without records where there was nothing to write again. */
function tailDrafts(recovered: RecoveredLog): readonly GroupDraft[] {
  const drafts: GroupDraft[] = []
  const lastGroup = recovered.tail.at(-1)?.place.group ?? recovered.knownFlushed + 1n
  for (let number = recovered.knownFlushed + 1n; number <= lastGroup; number += 1n) {
    drafts.push(createGroupDraft(number))
  }
  for (const { place, record } of recovered.tail) {
    drafts[Number(place.group - recovered.knownFlushed) - 1]?.records.push(record)
  }
  return drafts
}
