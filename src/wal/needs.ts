/** Needs: which segments redo and the holders still need, decided from the state alone. */

import { nextSeq, type Seq } from '../base/ids.ts'
import { currentSegment, type LogState, segmentOfGroup } from './log-state.ts'
import type { Holder } from './records.ts'

/** Who is named when nobody but the log itself keeps it from shrinking. */
export const CHECKPOINT_HOLDER = 'checkpoint'

/** Number of the oldest file that replay from `redoGroup`, or any holder, needs. */
export function oldestNeeded(state: LogState, redoGroup: bigint): bigint {
  let oldest = segmentOfGroup(state, redoGroup).header.fileNumber
  for (const seq of state.holders.values()) {
    const file = fileOfFrame(state, nextSeq(seq))
    if (file < oldest) oldest = file
  }
  return oldest
}

/** The holder that keeps the oldest frames, or the checkpoint when no holder keeps any segment. */
export function namedHolder(state: LogState): Holder {
  const redoFile = segmentOfGroup(state, state.redoGroup).header.fileNumber
  let named: Holder = { name: CHECKPOINT_HOLDER, seq: state.mark.position.seq }
  let oldest = redoFile
  for (const [name, seq] of state.holders) {
    const file = fileOfFrame(state, nextSeq(seq))
    if (file >= oldest && !(file === oldest && isHeldBack(named, seq))) continue
    named = { name, seq }
    oldest = file
  }
  return named
}

function isHeldBack(named: Holder, seq: Seq): boolean {
  return named.name !== CHECKPOINT_HOLDER && seq < named.seq
}

/** The file that holds the frame at `seq`; the oldest when it is gone, the newest when it is to come. */
function fileOfFrame(state: LogState, seq: Seq): bigint {
  const { index } = state
  const current = currentSegment(state).header.fileNumber
  if (index.last === undefined || seq > index.last) return current
  const entry = index.entries[Math.max(0, index.entryOf(seq))]
  return entry === undefined ? current : entry.fileNumber
}
