/** Read back: flushed frames and seals, from the device and not from memory.
 *  Keeps: what it answers was checked against its group's checksum and, through the seal, against the
 *  chain.  Never: answers a frame that is not flushed. */

import { SEQ_MAX, type Seq, toSeq } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import { createReader, decoding } from '../bytes/reader.ts'
import type { Frame } from '../frame/frame.ts'
import { RUN_BYTES_MAX, RUN_FRAMES_MAX } from '../frame/layout.ts'
import type { SealedRun } from '../frame/run.ts'
import { readSeal, type Seal } from '../frame/seal.ts'
import { damage } from './damage.ts'
import type { FrameEntry, SealEntry } from './frame-index.ts'
import { isWholeGroup, type PlacedGroup, placeGroup } from './group.ts'
import { GROUP_HEADER_BYTES, RECORD_FRAMES, RECORD_SEAL } from './layout.ts'
import type { LogState, OpenSegment } from './log-state.ts'
import { decodeRecord, outlineRecord, visitRecords } from './records.ts'
import type { WayPoint } from './way-points.ts'

/** Bytes read at once, so that a run of small groups is not two reads each. */
const WINDOW_BYTES = 65_536
/** A sealed run's body counts a little more than payloads; this much of its limit is left for that. */
const RUN_OVERHEAD_BYTES = 4_194_304

type Window = {
  readonly segment: OpenSegment
  bytes: Uint8Array
  at: number
}

/** Goes on while `visit` answers true; the first frame visited is the one at `from`. */
type Visit = (frame: Frame) => boolean

export function readFrameAt(state: LogState, seq: Seq): Frame | undefined {
  if (!isInRange(state, seq)) return undefined
  let found: Frame | undefined
  visitFrames(state, seq, (frame) => {
    found = frame
    return false
  })
  return found
}

export function readRunFrom(
  state: LogState,
  from: Seq,
  sizeBytesMax: number,
): SealedRun | undefined {
  const nearest = state.index.sealFrom(from) ?? unflushedSealFrom(state, from)
  if (nearest === undefined || !isInRange(state, from)) return undefined
  const frames = collectFrames(state, from, { nearest: nearest.seq, sizeBytesMax })
  const last = frames.at(-1)
  const first = frames[0]
  const seal = last === undefined ? undefined : readSealUpTo(state, last.seq)
  // None when another author takes over before anything of this one was sealed.
  if (first === undefined || seal === undefined || seal.seq < from) return undefined
  const run = frames.slice(0, Number(seal.seq - from) + 1)
  if (!equalBytes(run.at(-1)?.checksum ?? new Uint8Array(), seal.checksum)) {
    throw damage(`the seal at seq ${seal.seq} is not of the frame there`, { seq: seal.seq })
  }
  return { firstSeq: from, prev: first.prev, frames: run, seal }
}

export function readSealUpTo(state: LogState, seq: Seq): Seal | undefined {
  const entry = state.index.sealUpTo(seq)
  const unflushed = unflushedSealUpTo(state, seq)
  if (unflushed !== undefined && unflushed.seq >= (entry?.seq ?? 0n)) return unflushed
  return entry === undefined ? undefined : readSealEntry(state, entry)
}

/** A seal of a flushed frame may be used before its own record is flushed. */
function isFlushed({ index }: LogState, seal: Seal): boolean {
  return index.last !== undefined && seal.seq <= index.last
}

function unflushedSealUpTo(state: LogState, seq: Seq): Seal | undefined {
  return state.unflushedSeals.filter((seal) => seal.seq <= seq && isFlushed(state, seal)).at(-1)
}

function unflushedSealFrom(state: LogState, from: Seq): Seal | undefined {
  return state.unflushedSeals.find((seal) => seal.seq >= from && isFlushed(state, seal))
}

function isInRange({ index }: LogState, seq: Seq): boolean {
  return index.first !== undefined && seq >= index.first && seq <= (index.last ?? 0n)
}

/** Frames of one author from `from` on: up to the nearest seal at least, further within the size. */
function collectFrames(
  state: LogState,
  from: Seq,
  limit: { readonly nearest: Seq; readonly sizeBytesMax: number },
): readonly Frame[] {
  const sizeBytesMax = Math.min(limit.sizeBytesMax, RUN_BYTES_MAX - RUN_OVERHEAD_BYTES)
  const lastSealed = readNewestSealed(state)
  const frames: Frame[] = []
  let sizeBytes = 0
  visitFrames(state, from, (frame) => {
    const first = frames[0]
    const isOther =
      first !== undefined &&
      (frame.epoch !== first.epoch || !equalBytes(frame.author, first.author))
    sizeBytes += frame.payloadBytes
    const isEnough = sizeBytes > sizeBytesMax || frames.length >= RUN_FRAMES_MAX
    if (isOther || (isEnough && frame.seq > limit.nearest)) return false
    frames.push(frame)
    return frame.seq < lastSealed
  })
  return frames
}

function readNewestSealed(state: LogState): bigint {
  const indexed = state.index.seals.at(-1)?.seq ?? 0n
  const unflushed = unflushedSealUpTo(state, toSeq(SEQ_MAX))?.seq ?? 0n
  return unflushed > indexed ? unflushed : indexed
}

function visitFrames(state: LogState, from: Seq, visit: Visit): void {
  const { index } = state
  let window: Window | undefined
  for (let at = index.entryOf(from); at < index.entries.length; at++) {
    // The loop stays inside the list.
    const entry = index.entries[at] as FrameEntry
    const until = index.entries[at + 1]?.firstSeq ?? toSeq((index.last ?? 0n) + 1n)
    if (window?.segment.header.fileNumber !== entry.fileNumber) window = openWindow(state, entry)
    const goesOn = visitEntry(
      window,
      { entry, until, wayPoint: index.wayPoints.nearest(from, entry), note: index.wayPoints.note },
      (frame) => frame.seq < from || visit(frame),
    )
    if (!goesOn) return
  }
}

type Stretch = {
  readonly entry: FrameEntry
  /** The first seq that is no part of it. */
  readonly until: Seq
  /** Where to begin instead of at the run header. */
  readonly wayPoint: WayPoint | undefined
  note(wayPoint: WayPoint): void
}

/** Frames from a run header up to the next; false when `visit` wanted no more. */
function visitEntry(window: Window, stretch: Stretch, visit: Visit): boolean {
  const { entry, until, wayPoint } = stretch
  let cursor = wayPoint?.cursor
  let isDone = false
  let goesOn = true
  const visitBody = (body: Uint8Array): void =>
    visitRecords(body, (type, content) => {
      if (type !== RECORD_FRAMES || isDone) return
      const isStart = outlineOf(content.view(content.remaining))
      const record = isStart.bytes
      if (cursor === undefined && isStart.firstSeq !== entry.firstSeq) return
      const decoded = decodeRecord(type, createReader(record), cursor)
      cursor = decoded.cursor
      if (decoded.record.type !== 'frames') return
      for (const frame of decoded.record.frames) {
        if (frame.seq >= until) isDone = true
        else if (goesOn) goesOn = visit(frame)
        if (frame.seq + 1n >= until || !goesOn) isDone = true
      }
    })
  for (let at = wayPoint?.at ?? entry.at; !isDone; ) {
    const group = groupAt(window, at)
    const before = cursor
    const read = decoding('log group', () => {
      if (group.hasChain) visitBody(bodyAt(window, group))
    })
    if (!read.ok) throw damage('a record cannot be read back', { offset: at }, read.failure)
    const isLast = isDone && before !== undefined
    if (isLast) stretch.note({ fileNumber: entry.fileNumber, at, cursor: before })
    at = group.endAt
  }
  return goesOn
}

function outlineOf(bytes: Uint8Array): { readonly bytes: Uint8Array; readonly firstSeq?: Seq } {
  const outline = outlineRecord(RECORD_FRAMES, createReader(bytes))
  if (outline?.type !== 'frames' || outline.firstSeq === undefined) return { bytes }
  return { bytes, firstSeq: outline.firstSeq }
}

function readSealEntry(state: LogState, entry: SealEntry): Seal {
  const window = openWindow(state, entry)
  const body = bodyAt(window, groupAt(window, entry.at))
  let found: Seal | undefined
  const read = decoding('log group', () =>
    visitRecords(body, (type, content) => {
      if (type !== RECORD_SEAL) return
      const seal = readSeal(content)
      // The last one counts when a frame was sealed twice.
      if (seal.seq === entry.seq) found = seal
    }),
  )
  if (!read.ok || found === undefined) throw damage(`the seal at seq ${entry.seq} is gone`)
  return found
}

function openWindow(state: LogState, place: { readonly fileNumber: bigint }): Window {
  const segment = state.segments.find(({ header }) => header.fileNumber === place.fileNumber)
  if (segment === undefined) throw damage(`segment ${place.fileNumber} is gone`)
  return { segment, bytes: new Uint8Array(), at: 0 }
}

/** The group at `at`, read whole where it holds something of the chain and checked. */
function groupAt(window: Window, at: number): PlacedGroup {
  const header = placeGroup(read(window, at, GROUP_HEADER_BYTES), 0)
  if (header === undefined) throw unreadable(window, at)
  const { bodyBytes, endAt } = header
  return {
    ...header,
    at,
    bodyAt: at + GROUP_HEADER_BYTES,
    bodyEnd: at + GROUP_HEADER_BYTES + bodyBytes,
    endAt: at + endAt,
  }
}

function bodyAt(window: Window, group: PlacedGroup): Uint8Array {
  const bytes = read(window, group.at, group.endAt - group.at)
  const local = placeGroup(bytes, 0)
  if (local === undefined || !isWholeGroup(bytes, local, window.segment.seed)) {
    throw unreadable(window, group.at)
  }
  return bytes.subarray(local.bodyAt, local.bodyEnd)
}

/** Bytes [at, at + size) of the segment, through the window. */
function read(window: Window, at: number, sizeBytes: number): Uint8Array {
  const { segment } = window
  if (at + sizeBytes > segment.endAt) throw unreadable(window, at)
  const isInside = at >= window.at && at + sizeBytes <= window.at + window.bytes.byteLength
  if (!isInside) {
    const wanted = Math.min(Math.max(sizeBytes, WINDOW_BYTES), segment.endAt - at)
    const bytes = new Uint8Array(wanted)
    if (segment.pooled.file.read(at, bytes) !== wanted) throw unreadable(window, at)
    window.bytes = bytes
    window.at = at
  }
  const start = at - window.at
  return window.bytes.subarray(start, start + sizeBytes)
}

function unreadable(window: Window, at: number): Error {
  const file = window.segment.pooled.name
  return damage(`the group at ${at} of ${file} cannot be read back`, { file, offset: at })
}
