/** Read groups: the records of the segments that count, oldest first.
 *  Keeps: groups from the redo group on are decoded, older ones are only indexed; every segment between
 *  the oldest that is needed and the newest must be there and whole up to where the next begins.
 *  Never: touches a device; never judges what the records amount to (replay.ts). */

import { DecodeError } from '../bytes/reader.ts'
import type { ChainCursor } from '../frame/body.ts'
import { damage } from './damage.ts'
import type { GroupPlace } from './frame-index.ts'
import type { PlacedGroup } from './group.ts'
import { FILE_HEADER_BYTES, RECORD_START } from './layout.ts'
import {
  decodeRecord,
  type Holder,
  type LogRecord,
  outlineRecord,
  type RecordOutline,
  visitRecords,
} from './records.ts'
import type { PlacedRecord } from './replay.ts'
import { type SegmentScan, scanSegment } from './scan.ts'
import { damagedGroup, type NewestSegment, type Segment } from './segments.ts'
import type { StartRecord } from './start-mark.ts'

export type KeptSegment = {
  readonly segment: Segment
  /** After the last group that counts. */
  readonly endAt: number
}

export type ReadLog = {
  /** Oldest first. */
  readonly kept: readonly KeptSegment[]
  readonly start: StartRecord
  readonly outlines: readonly PlacedOutline[]
  /** From the redo group on; start marks are left out. */
  readonly records: readonly PlacedRecord<LogRecord>[]
  readonly holders: readonly Holder[]
  readonly owner: number
  /** The last group that counts. */
  readonly last: PlacedGroup | undefined
  /** The first group that `repair` gave up. */
  readonly repairedGroup: bigint | undefined
}

export type PlacedOutline = { readonly outline: RecordOutline; readonly place: GroupPlace }

/** The groups of one segment that count, as far as they can be read. */
type ReadSegment = {
  readonly groups: readonly PlacedGroup[]
  readonly outlines: readonly PlacedOutline[]
  readonly records: readonly PlacedRecord<LogRecord>[]
  /** The first group that should count and cannot be read. */
  readonly badGroup: bigint | undefined
  readonly endAt: number
  readonly owner: number
}

/** `segments` are all, by number.  Throws ErrCorrupt, or `DecodeError` for a record. */
export function readGroups(
  segments: readonly Segment[],
  newest: NewestSegment,
  repair: boolean,
): ReadLog {
  const start = readStartMark(newest)
  const head = readSegment(newest, { ...newest, decodes: true, repair })
  const { oldestFile, holders } = newestHolders(start, head.records)
  const chosen = chooseKept(segments, newest, { oldestFile, redoGroup: start.redoGroup, repair })
  let kept: KeptSegment[] = []
  let read: ReadSegment[] = []
  let repairedGroup: bigint | undefined
  for (const [position, segment] of chosen.entries()) {
    const lastGroup = lastGroupOf(chosen.slice(position + 1))
    const isVoid = lastGroup !== undefined && lastGroup < segment.header.firstGroup
    if (isVoid || read.at(-1)?.badGroup !== undefined) {
      kept.push({ segment, endAt: FILE_HEADER_BYTES })
      continue
    }
    const part =
      lastGroup === undefined
        ? head
        : readOlder(segment, { lastGroup, redoGroup: start.redoGroup, repair })
    repairedGroup ??= part.badGroup
    if (part.badGroup !== undefined && lastGroup !== undefined && lastGroup < start.redoGroup) {
      // Replay does not need it: only history is lost, up to and including this segment.
      kept = []
      read = []
      continue
    }
    kept.push({ segment, endAt: part.endAt })
    read.push(part)
  }
  const groups = read.flatMap((part) => part.groups)
  const records = read.flatMap((part) => part.records)
  return {
    kept,
    start,
    outlines: read.flatMap((part) => part.outlines),
    holders,
    records: records.filter(({ place }) => place.group >= start.redoGroup),
    owner: Math.max(start.mark.owner, ...read.map((part) => part.owner)),
    last: groups.at(-1),
    repairedGroup,
  }
}

function readStartMark(newest: NewestSegment): StartRecord {
  const group = newest.scan.groups[0]
  let start: StartRecord | undefined
  if (group !== undefined) {
    visitRecords(bodyOf(newest.bytes, group), (type, content, index) => {
      if (type !== RECORD_START || index > 0 || start !== undefined) return
      const { record } = decodeRecord(type, content, undefined)
      if (record.type === 'start') start = record.start
    })
  }
  if (start === undefined) throw damage(`${newest.file.name} does not begin with a start mark`)
  return start
}

/** Holders change between start marks; the newest record says what is still kept. */
function newestHolders(
  start: StartRecord,
  records: readonly PlacedRecord<LogRecord>[],
): { readonly oldestFile: bigint; readonly holders: readonly Holder[] } {
  let { oldestFile } = start
  let { holders } = start.mark
  for (const { record } of records) {
    if (record.type !== 'holders') continue
    holders = record.holders
    if (record.oldestFile > oldestFile) oldestFile = record.oldestFile
  }
  return { oldestFile, holders }
}

type Choice = {
  readonly oldestFile: bigint
  readonly redoGroup: bigint
  readonly repair: boolean
}

/** The segments from the oldest that is needed up to the newest.  A number between them may be missing: a
 *  segment that was never flushed, and was written again, may be gone.  What counts is that no group is. */
function chooseKept(
  segments: readonly Segment[],
  newest: Segment,
  { oldestFile, redoGroup, repair }: Choice,
): readonly Segment[] {
  const chosen = segments.filter(
    ({ header }) => header.fileNumber >= oldestFile && header.fileNumber < newest.header.fileNumber,
  )
  chosen.push(newest)
  const isOldestMissing = chosen[0]?.header.fileNumber !== oldestFile
  const isRedoMissing = chosen.every(({ header }) => header.firstGroup > redoGroup)
  if (isRedoMissing || (isOldestMissing && !repair)) {
    throw damage(`segment ${oldestFile} is missing`, { fileNumber: oldestFile })
  }
  return chosen
}

/** Groups count up to where any later segment begins; undefined in the newest. */
function lastGroupOf(later: readonly Segment[]): bigint | undefined {
  let last: bigint | undefined
  for (const { header } of later) {
    if (last === undefined || header.firstGroup <= last) last = header.firstGroup - 1n
  }
  return last
}

function readOlder(
  segment: Segment,
  options: { readonly lastGroup: bigint; readonly redoGroup: bigint; readonly repair: boolean },
): ReadSegment {
  const { lastGroup, redoGroup, repair } = options
  const bytes = segment.file.load()
  const scan = scanSegment(bytes, { ...segment.header, lastGroup, owner: 0 })
  if (scan.end.type === 'damaged' && !repair) throw damagedGroup(segment, scan)
  return readSegment(segment, { bytes, scan, decodes: lastGroup >= redoGroup, repair })
}

type ReadRequest = {
  readonly bytes: Uint8Array
  readonly scan: SegmentScan
  readonly decodes: boolean
  readonly repair: boolean
}

function readSegment(segment: Segment, { bytes, scan, decodes, repair }: ReadRequest): ReadSegment {
  const { fileNumber } = segment.header
  const groups: PlacedGroup[] = []
  const outlines: ReadSegment['outlines'][number][] = []
  const records: PlacedRecord<LogRecord>[] = []
  let badGroup = scan.end.type === 'damaged' ? scan.end.group : undefined
  let cursor: ChainCursor | undefined
  for (const group of scan.groups) {
    const body = bodyOf(bytes, group)
    try {
      const read = decodes ? decodeGroup(body, group.number, cursor) : undefined
      if (group.hasChain) {
        const place = { fileNumber, group: group.number, at: group.at }
        outlines.push(...outlineGroup(body).map((outline) => ({ outline, place })))
      }
      records.push(...(read?.records ?? []))
      cursor = read?.cursor
      groups.push(group)
    } catch (error) {
      if (!repair || !(error instanceof DecodeError || error instanceof RangeError)) throw error
      badGroup = group.number
      break
    }
  }
  const endAt = groups.at(-1)?.endAt ?? FILE_HEADER_BYTES
  return { groups, outlines, records, badGroup, endAt, owner: scan.owner }
}

function decodeGroup(
  body: Uint8Array,
  group: bigint,
  cursorBefore: ChainCursor | undefined,
): {
  readonly records: readonly PlacedRecord<LogRecord>[]
  readonly cursor: ChainCursor | undefined
} {
  const records: PlacedRecord<LogRecord>[] = []
  let cursor = cursorBefore
  visitRecords(body, (type, content, index) => {
    const decoded = decodeRecord(type, content, cursor)
    cursor = decoded.cursor
    if (decoded.record.type === 'start') return
    records.push({ place: { group, index }, record: decoded.record })
  })
  return { records, cursor }
}

export function outlineGroup(body: Uint8Array): readonly RecordOutline[] {
  const outlines: RecordOutline[] = []
  visitRecords(body, (type, content) => {
    const outline = outlineRecord(type, content)
    if (outline !== undefined) outlines.push(outline)
  })
  return outlines
}

function bodyOf(bytes: Uint8Array, group: PlacedGroup): Uint8Array {
  return bytes.subarray(group.bodyAt, group.bodyEnd)
}
