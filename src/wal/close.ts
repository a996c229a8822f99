/** Close: flushes what is left and says in the log that it ended in order.
 *  Keeps: files are closed whatever fails; closing twice is harmless. */

import { flushLog, holdersOf } from './flush.ts'
import { finishGroup } from './group.ts'
import { createGroupDraft, isEmptyDraft } from './group-draft.ts'
import { GROUP_HEADER_BYTES } from './layout.ts'
import { currentDraft, currentSegment, type LogState, poison } from './log-state.ts'
import { stageRecord } from './stage.ts'

export async function closeLog(state: LogState): Promise<void> {
  await state.mutex.run(async () => {
    if (state.isClosed) return
    try {
      if (state.poisoned === undefined) await endLog(state)
    } finally {
      state.isClosed = true
      for (const { pooled } of state.segments) pooled.file.close()
      state.pool.closeSpares()
    }
  })
}

async function endLog(state: LogState): Promise<void> {
  if (state.hasNewHolders && isEmptyDraft(currentDraft(state))) {
    const { oldestFile } = state
    stageRecord(state, { type: 'holders', oldestFile, holders: holdersOf(state) })
    state.hasNewHolders = false
  }
  // Records may be staged while a flush runs.
  while (state.running !== undefined || !isEmptyDraft(currentDraft(state))) await flushLog(state)
  writeEnd(state)
}

/** An empty group that knows all before it flushed spares the next open from writing the tail again.  It
 *  is not flushed: without it the next open only does more. */
function writeEnd(state: LogState): void {
  const segment = currentSegment(state)
  const group = new Uint8Array(GROUP_HEADER_BYTES)
  const { number } = currentDraft(state)
  const { flushedGroup: flushed, owner } = state
  finishGroup(group, { hasChain: false, bodyBytes: 0, number, flushed, owner }, segment.seed)
  try {
    segment.pooled.file.write(segment.endAt, group)
  } catch (error) {
    throw poison(state, error)
  }
  segment.endAt += group.byteLength
  state.drafts = [createGroupDraft(number + 1n)]
}
