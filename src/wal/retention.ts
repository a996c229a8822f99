/** Retention: who still needs which segments, and giving back those that nobody needs.
 *  Keeps: the log says durably that a segment may be gone before its header is erased, so that a missing
 *  segment is never taken for a released one; a watermark only rises. */

import { ConstelliteError } from '../base/failure.ts'
import type { Seq } from '../base/ids.ts'
import { flushLog, holdersOf } from './flush.ts'
import { HOLDER_NAME_BYTES_MAX, HOLDERS_MAX } from './layout.ts'
import { assertUsable, type LogState, type OpenSegment, poison } from './log-state.ts'
import { oldestNeeded } from './needs.ts'
import { stageRecord } from './stage.ts'

const utf8 = new TextEncoder()

/** It rides in the next group; until then a crash forgets it, as it forgets what it would have kept. */
export function holdFrames(state: LogState, holder: string, seq: Seq): void {
  assertUsable(state)
  const isNew = !state.holders.has(holder)
  if (isNew && state.holders.size >= HOLDERS_MAX) {
    throw tooMany(`${HOLDERS_MAX} holders are named already`, { holdersMax: HOLDERS_MAX })
  }
  const nameBytes = utf8.encode(holder).byteLength
  if (nameBytes > HOLDER_NAME_BYTES_MAX) {
    throw tooMany('The name of a holder is too long', { nameBytesMax: HOLDER_NAME_BYTES_MAX })
  }
  state.holders.set(holder, seq)
  state.hasNewHolders = true
}

/** Does nothing for a name that holds nothing. */
export async function releaseFrames(state: LogState, holder: string, seq: Seq): Promise<void> {
  assertUsable(state)
  const before = state.holders.get(holder)
  if (before === undefined || seq <= before) return
  state.holders.set(holder, seq)
  state.hasNewHolders = true
  await releaseSegments(state)
}

export async function dropHolder(state: LogState, holder: string): Promise<void> {
  assertUsable(state)
  if (!state.holders.delete(holder)) return
  state.hasNewHolders = true
  await releaseSegments(state)
}

/** Writes only when a segment becomes free; a watermark alone rides in the next group. */
function releaseSegments(state: LogState): Promise<void> {
  return state.mutex.run(async () => {
    assertUsable(state)
    const needed = oldestNeeded(state, state.redoGroup)
    if (needed > state.oldestFile) {
      state.oldestFile = needed
      stageRecord(state, { type: 'holders', oldestFile: needed, holders: holdersOf(state) })
      state.hasNewHolders = false
      await flushLog(state)
    }
    await recycle(state)
  })
}

/** Gives back the segments that the flushed log no longer names as needed. */
export async function recycle(state: LogState): Promise<void> {
  // A hold may have come since the log was told.
  const needed = oldestNeeded(state, state.redoGroup)
  const isFree = ({ header }: OpenSegment): boolean =>
    header.fileNumber < needed && header.fileNumber < state.oldestFile
  const free = state.segments.filter(isFree)
  if (free.length === 0) return
  state.segments = state.segments.filter((segment) => !isFree(segment))
  const oldest = state.segments[0]
  if (oldest !== undefined) state.index.dropBefore(oldest.header.fileNumber)
  try {
    await state.pool.give(free.map(({ pooled }) => pooled))
  } catch (error) {
    throw poison(state, error)
  }
}

function tooMany(message: string, facts: ConstelliteError['facts']): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrTooLarge',
    message: `${message}.`,
    hint: 'Drop a holder that is not used any more.',
    facts,
  })
}
