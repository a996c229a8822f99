/** Stage: takes records into the next group, in memory.
 *  Keeps: a record is either staged whole, with its space in the log and in the file reserved, or not at
 *  all.  The cap holds for what commits; images, seals and marks pass it, because a checkpoint is what
 *  makes the log smaller; request entries do, because their room was counted with their frames. */

import { ConstelliteError, isFailure } from '../base/failure.ts'
import type { Seq } from '../base/ids.ts'
import type { Seal } from '../frame/seal.ts'
import { createGroupDraft, draftBodyBytes, draftBytes, type GroupDraft } from './group-draft.ts'
import {
  GROUP_BODY_BYTES_MAX,
  GROUP_RECORDS_MAX,
  groupBytes,
  RUN_HEADER_EVERY_BYTES,
} from './layout.ts'
import {
  assertUsable,
  currentDraft,
  currentSegment,
  type LogState,
  logBytesOf,
  poison,
} from './log-state.ts'
import { namedHolder } from './needs.ts'
import type { PooledFile } from './pool.ts'
import { encodeRecord, type LogRecord, type RecordOutline, type RecordPlace } from './records.ts'

/** 64 KiB: room kept for a holders record and the empty group of a close, far more than they take. */
const SLACK_BYTES = 65_536
const RESERVE_STEP_BYTES_MIN = 65_536
const RESERVE_STEP_BYTES_MAX = 1_048_576

/** `roomBytes`: a record of up to this size, staged next, finds its place in the same group, within the cap
 *  and in the file. */
export function stageRecord(state: LogState, record: LogRecord, roomBytes = 0): RecordPlace {
  assertUsable(state)
  const encoded = encodeNext(state, record)
  let draft = currentDraft(state)
  const roomRecords = roomBytes === 0 ? 0 : 1
  const isFull =
    draft.records.length + roomRecords >= GROUP_RECORDS_MAX ||
    draftBodyBytes(draft) + encoded.bytes.byteLength + roomBytes > GROUP_BODY_BYTES_MAX
  // Each as if it were alone in its group, so that the room suffices however the groups fall.
  const addedBytes = groupBytes(encoded.bytes.byteLength) + roomRecords * groupBytes(roomBytes)
  if (record.type === 'frames') refusePastCap(state, addedBytes)
  reserve(state, stagedBytesOf(state) + addedBytes)
  if (isFull) {
    draft = createGroupDraft(draft.number + 1n)
    state.drafts.push(draft)
  }
  const place = { group: draft.number, index: draft.records.length }
  addToDraft(state, draft, { record, ...encoded })
  return place
}

/** Puts an encoded record into a draft and moves the chain on. */
export function addToDraft(
  state: LogState,
  draft: GroupDraft,
  added: { readonly record: LogRecord } & ReturnType<typeof encodeNext>,
): void {
  const { record, bytes, cursor, outline } = added
  draft.writer.bytes(bytes)
  draft.records.push(record)
  if (outline !== undefined) draft.outlines.push(outline)
  state.cursor = cursor
  if (record.type === 'seal') keepUnflushed(state, record.seal)
  if (record.type !== 'frames') return
  const hasHeader = outline?.type === 'frames' && outline.firstSeq !== undefined
  state.sinceRunHeader = bytes.byteLength + (hasHeader ? 0 : state.sinceRunHeader)
  // A record of frames is not empty: its codec asserts that.
  state.newestSeq = record.frames.at(-1)?.seq as Seq
}

/** A record that moves to another draft passes here again. */
function keepUnflushed(state: LogState, seal: Seal): void {
  const others = state.unflushedSeals.filter(({ seq }) => seq !== seal.seq)
  state.unflushedSeals = [...others, seal].sort((left, right) => (left.seq < right.seq ? -1 : 1))
}

/** Encodes a record as the next one, with a run header when the last is far behind. */
export function encodeNext(
  state: LogState,
  record: LogRecord,
): ReturnType<typeof encodeRecord> & { readonly outline: RecordOutline | undefined } {
  const isDue = record.type === 'frames' && state.sinceRunHeader >= RUN_HEADER_EVERY_BYTES
  const before = isDue ? undefined : state.cursor
  const encoded = encodeRecord(record, before)
  return { ...encoded, outline: outlineOf(record, encoded.hasRunHeader) }
}

export function stagedBytesOf(state: LogState): number {
  return state.drafts.reduce((size, draft) => size + draftBytes(draft), 0)
}

function outlineOf(record: LogRecord, hasRunHeader: boolean): RecordOutline | undefined {
  if (record.type === 'frames') {
    const { frames } = record
    return {
      type: 'frames',
      firstSeq: hasRunHeader ? frames[0]?.seq : undefined,
      count: frames.length,
    }
  }
  if (record.type === 'seal') return { type: 'seal', seq: record.seal.seq }
  if (record.type === 'truncate') return { type: 'truncate', seq: record.position.seq }
  return undefined
}

function refusePastCap(state: LogState, addedBytes: number): void {
  const logBytes = logBytesOf(state) + stagedBytesOf(state)
  const { capBytes, commitBytesMax } = state
  if (logBytes + addedBytes <= capBytes) return
  if (addedBytes > Math.max(capBytes, commitBytesMax)) throw tooLarge(state, addedBytes)
  if (addedBytes <= commitBytesMax && logBytes <= capBytes / 2) return
  const { name, seq } = namedHolder(state)
  throw new ConstelliteError({
    code: 'ErrWalFull',
    message: `The log holds ${logBytes} of ${state.capBytes} bytes and ${name} has released it only up to ${seq}.`,
    hint: 'Let that holder catch up: is its relay reachable?  Or open the database without `sync`, which lets go of what relays hold.',
    facts: { holder: name, holderSeq: seq, capBytes: state.capBytes, logBytes },
    retry: 'later',
  })
}

function tooLarge({ capBytes, commitBytesMax }: LogState, addedBytes: number): ConstelliteError {
  const sizeBytesMax = Math.max(capBytes, commitBytesMax)
  return new ConstelliteError({
    code: 'ErrTooLarge',
    message: `A transaction of ${addedBytes} bytes is larger than the log can take at once, ${sizeBytesMax}.`,
    hint: 'Split it into several transactions.',
    facts: { sizeBytes: addedBytes, sizeBytesMax },
  })
}

/** Makes sure that the file has room for what is staged, so that a full device refuses a commit and does
 *  not poison the log.  Grows in doubling steps. */
export function reserve(state: LogState, neededBytes: number): void {
  const segment = currentSegment(state)
  const needed = segment.endAt + neededBytes + SLACK_BYTES
  if (needed <= segment.reservedTo) return
  const step = Math.min(Math.max(segment.endAt, RESERVE_STEP_BYTES_MIN), RESERVE_STEP_BYTES_MAX)
  growTo(state, segment.pooled, needed + step)
  segment.reservedTo = needed + step
}

/** Writes zeros up to this size, or leaves the file as it was.  What is there stays. */
export function growTo(state: LogState, pooled: PooledFile, sizeBytes: number): void {
  const { file } = pooled
  const before = file.size()
  let at = before
  const zeros = new Uint8Array(Math.max(0, Math.min(RESERVE_STEP_BYTES_MAX, sizeBytes - at)))
  try {
    while (at < sizeBytes) {
      const part = zeros.subarray(0, sizeBytes - at)
      file.write(at, part)
      at += part.byteLength
    }
  } catch (error) {
    // Only a full device is known to harm nothing.
    if (!isFailure(error, 'ErrQuota')) throw poison(state, error)
    file.truncate(before)
    throw error
  }
}
