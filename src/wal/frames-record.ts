/** Frames record: consecutive frames of one chain in a group (layout.ts, FORMATS §5 and §10).
 *  Keeps: seq, prev and checksum are recomputed from the run header on, never stored; what goes on from
 *  the record before is refused when that record is not known.
 *  Never: judges an author's right or a seal. */

import { assert } from '../base/assert.ts'
import type { Hlc, Seq } from '../base/ids.ts'
import { equalBytes, isZero } from '../bytes/compare.ts'
import { DecodeError, type Reader } from '../bytes/reader.ts'
import type { Writer } from '../bytes/writer.ts'
import { advanceCursor, type ChainCursor, readFrameBody, writeFrameBody } from '../frame/body.ts'
import { type Frame, shardIdOf } from '../frame/frame.ts'
import { CHECKSUM_BYTES, KEY_BYTES, RUN_FRAMES_MAX, RUN_VERSION, SUITE } from '../frame/layout.ts'
import { MARK_GOES_ON, MARK_RUN_HEADER } from './layout.ts'

/** What a frames record says without its frames being read. */
export type FramesOutline = {
  /** Seq of the first frame where a run header says it, else the record before goes on. */
  readonly firstSeq: Seq | undefined
  readonly count: number
}

const HLC_NONE = 0n as Hlc

/** Writes `frames`, with a run header unless they go on after `cursor`; answers the cursor after them. */
export function writeFrames(
  writer: Writer,
  frames: readonly Frame[],
  cursor: ChainCursor | undefined,
): ChainCursor {
  const first = frames[0]
  assert(
    first !== undefined && frames.length <= RUN_FRAMES_MAX,
    'a record has frames, up to a limit',
  )
  let next = startOf(first)
  if (cursor !== undefined && goesOn(cursor, next)) writer.u8(MARK_GOES_ON)
  else writeRunHeader(writer.u8(MARK_RUN_HEADER), next)
  writer.varint(frames.length)
  for (const frame of frames) {
    assert(frame.seq === next.seq && equalBytes(frame.prev, next.prev), 'frames follow each other')
    assert(
      frame.epoch === next.epoch && equalBytes(frame.author, next.author),
      'the frames of one record have one author and epoch',
    )
    writeFrameBody(writer, frame, next.hlc)
    next = advanceCursor(next, frame)
  }
  return next
}

/** Reads one record and nothing after it.  `cursor` is where the frames record before it ended. */
export function readFrames(
  reader: Reader,
  cursor: ChainCursor | undefined,
): { readonly frames: readonly Frame[]; readonly cursor: ChainCursor } {
  let next = readStart(reader, cursor)
  const count = readCount(reader)
  const frames: Frame[] = []
  for (let index = 0; index < count; index++) {
    const frame = readFrameBody(reader, next)
    frames.push(frame)
    next = advanceCursor(next, frame)
  }
  reader.end()
  return { frames, cursor: next }
}

/** Reads no frame. */
export function readFramesOutline(reader: Reader): FramesOutline {
  const start = readMark(reader) === MARK_RUN_HEADER ? readRunHeader(reader) : undefined
  return { firstSeq: start?.seq, count: readCount(reader) }
}

function readStart(reader: Reader, cursor: ChainCursor | undefined): ChainCursor {
  if (readMark(reader) === MARK_GOES_ON) {
    if (cursor === undefined) throw new DecodeError('a record goes on after one that is not there')
    return { ...cursor, hlc: HLC_NONE }
  }
  const start = readRunHeader(reader)
  const isNext = cursor !== undefined && start.seq === cursor.seq
  if (isNext && !equalBytes(start.prev, cursor.prev)) {
    throw new DecodeError('a run header does not follow the frame before it')
  }
  return start
}

function readMark(reader: Reader): number {
  const mark = reader.u8()
  if (mark > MARK_RUN_HEADER) throw new DecodeError(`mark ${mark} is unknown`)
  return mark
}

function readCount(reader: Reader): number {
  const count = reader.varint(RUN_FRAMES_MAX)
  if (count < 1) throw new DecodeError('a frames record has no frame')
  return count
}

function startOf(first: Frame): ChainCursor {
  const { author, epoch, seq, prev } = first
  // The genesis has zeros for its shard; its run carries the id that is made from it.
  const shard = isZero(first.shard) ? shardIdOf(first.checksum) : first.shard
  return { shard, author, epoch, seq, prev, hlc: HLC_NONE }
}

function goesOn(cursor: ChainCursor, start: ChainCursor): boolean {
  return (
    cursor.seq === start.seq &&
    cursor.epoch === start.epoch &&
    equalBytes(cursor.prev, start.prev) &&
    equalBytes(cursor.author, start.author) &&
    equalBytes(cursor.shard, start.shard)
  )
}

function writeRunHeader(writer: Writer, start: ChainCursor): void {
  writer
    .u8(RUN_VERSION)
    .u8(SUITE)
    .bytes(start.shard)
    .bytes(start.author)
    .u64(start.epoch)
    .u64(start.seq)
    .bytes(start.prev)
}

function readRunHeader(reader: Reader): ChainCursor {
  const version = reader.u8()
  const suite = reader.u8()
  if (version !== RUN_VERSION) throw new DecodeError(`run version ${version} is unknown`)
  if (suite !== SUITE) throw new DecodeError(`suite ${suite} is unknown`)
  return {
    shard: reader.bytes(CHECKSUM_BYTES),
    author: reader.bytes(KEY_BYTES),
    epoch: reader.u64(),
    // The reader answers a plain u64; this field is a Seq by the layout.
    seq: reader.u64() as Seq,
    prev: reader.bytes(CHECKSUM_BYTES),
    hlc: HLC_NONE,
  }
}
