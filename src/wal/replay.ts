/** Replay: what the records of the log amount to, in order, on top of a start mark.
 *  Keeps: what it answers is a prefix of what was staged, without cut frames and without the frames of a
 *  transaction whose end is missing.  Never: touches a device; never applies a page. */

import { nextSeq, type Position, type Seq } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import { DecodeError } from '../bytes/reader.ts'
import { type Frame, positionOf } from '../frame/frame.ts'
import type { LogRecord, RecordPlace, StartMark, WalRecord } from './records.ts'

export type PlacedRecord<T> = { readonly place: RecordPlace; readonly record: T }

export type Replay = {
  readonly records: readonly PlacedRecord<WalRecord>[]
  /** Where the chain ends. */
  readonly position: Position
  /** Set when frames beyond `position` were left out because their transaction has no end. */
  readonly isCut: boolean
}

/** Throws `DecodeError` when the frames do not make one chain. */
export function replayRecords(mark: StartMark, found: readonly PlacedRecord<LogRecord>[]): Replay {
  const kept: PlacedRecord<WalRecord>[] = []
  for (const { place, record } of found) {
    if (record.type === 'truncate') cutAfter(kept, record.position.seq)
    else if (record.type === 'frames') pushFrames(kept, place, framesAfter(record.frames, mark))
    else if (isCallers(record)) kept.push({ place, record })
  }
  const end = checkChain(mark, kept)
  if (end.isCut) cutAfter(kept, end.position.seq)
  return { records: kept, ...end }
}

/** Without frames, seals and request entries above `seq`. */
export function recordsUpTo(
  found: readonly PlacedRecord<WalRecord>[],
  seq: Seq,
): readonly PlacedRecord<WalRecord>[] {
  const kept = [...found]
  cutAfter(kept, seq)
  return kept
}

function isCallers(record: LogRecord): record is WalRecord {
  return record.type !== 'start' && record.type !== 'holders' && record.type !== 'truncate'
}

function framesAfter(frames: readonly Frame[], mark: StartMark): readonly Frame[] {
  return frames.filter((frame) => frame.seq > mark.position.seq)
}

function pushFrames(
  kept: PlacedRecord<WalRecord>[],
  place: RecordPlace,
  frames: readonly Frame[],
): void {
  if (frames.length > 0) kept.push({ place, record: { type: 'frames', frames } })
}

/** Takes out every frame, seal and request entry above `seq`. */
function cutAfter(kept: PlacedRecord<WalRecord>[], seq: Seq): void {
  const before = kept.splice(0, kept.length)
  for (const { place, record } of before) {
    if (record.type === 'frames') {
      pushFrames(
        kept,
        place,
        record.frames.filter((frame) => frame.seq <= seq),
      )
    } else if (record.type === 'requests') {
      const requests = record.requests.filter((request) => request.seq <= seq)
      if (requests.length > 0) kept.push({ place, record: { type: 'requests', requests } })
    } else if (record.type !== 'seal' || record.seal.seq <= seq) kept.push({ place, record })
  }
}

function checkChain(
  mark: StartMark,
  kept: readonly PlacedRecord<WalRecord>[],
): { readonly position: Position; readonly isCut: boolean } {
  let { position } = mark
  let whole = position
  for (const { record } of kept) {
    if (record.type !== 'frames') continue
    for (const frame of record.frames) {
      if (frame.seq !== nextSeq(position.seq)) throw new DecodeError('a frame is missing')
      // At seq 0 the position has no checksum to follow; the frame codec wants zeros there.
      if (position.seq > 0n && !equalBytes(frame.prev, position.checksum)) {
        throw new DecodeError('a frame does not follow the one before it')
      }
      position = positionOf(frame)
      if (!frame.flags.continues) whole = position
    }
  }
  return { position: whole, isCut: whole.seq !== position.seq }
}
