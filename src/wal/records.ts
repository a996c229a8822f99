/** Records of the log (layout.ts, FORMATS §10): what a group's body holds, as values, with their codecs.
 *  Keeps: a record that was accepted reads back equal; an unknown type or a byte too many is refused.
 *  Never: frames groups; see group.ts.  Frames records: frames-record.ts; start mark: start-mark.ts. */

import { assert } from '../base/assert.ts'
import type { Position, Seq } from '../base/ids.ts'
import { createReader, DecodeError, type Reader } from '../bytes/reader.ts'
import { createWriter, type Writer } from '../bytes/writer.ts'
import type { ChainCursor } from '../frame/body.ts'
import type { Frame } from '../frame/frame.ts'
import { readSeal, type Seal, writeSeal } from '../frame/seal.ts'
import { type FramesOutline, readFrames, readFramesOutline, writeFrames } from './frames-record.ts'
import { type HaltEvidence, readHalt, writeHalt } from './halt-record.ts'
import {
  GROUP_BODY_BYTES_MAX,
  IMAGE_BYTES_MAX,
  MARK_RUN_HEADER,
  RECORD_FRAMES,
  RECORD_HALT,
  RECORD_HOLDERS,
  RECORD_IMAGES,
  RECORD_REQUESTS,
  RECORD_SEAL,
  RECORD_START,
  RECORD_TRUNCATE,
} from './layout.ts'
import { type RequestEntry, readRequest, writeRequest } from './request-entry.ts'
import {
  type Holder,
  readHolders,
  readPosition,
  readStart,
  type StartMark,
  type StartRecord,
  writeHolders,
  writePosition,
  writeStart,
} from './start-mark.ts'

export type { HaltEvidence, Holder, RequestEntry, StartMark }

/** Where a record stands: group number, index inside the group (start marks are not counted). */
export type RecordPlace = { readonly group: bigint; readonly index: number }

/** What a caller stages and what recovery answers. */
export type WalRecord =
  | { readonly type: 'frames'; readonly frames: readonly Frame[] }
  /** For a frame before it. */
  | { readonly type: 'seal'; readonly seal: Seal }
  | { readonly type: 'requests'; readonly requests: readonly RequestEntry[] }
  | {
      readonly type: 'images'
      /** These images hold every frame up to and including the record at this place. */
      readonly asOf: RecordPlace
      readonly file: 'pages' | 'leaves'
      readonly pages: readonly { readonly pgno: number; readonly bytes: Uint8Array }[]
    }
  /** The copy stopped for good. */
  | { readonly type: 'halt'; readonly halt: HaltEvidence }

/** Those that the log writes for itself as well. */
export type LogRecord =
  | WalRecord
  | { readonly type: 'start'; readonly start: StartRecord }
  | {
      readonly type: 'holders'
      readonly oldestFile: bigint
      readonly holders: readonly Holder[]
    }
  | { readonly type: 'truncate'; readonly position: Position }

/** What the index of frames needs to know of a record. */
export type RecordOutline =
  | ({ readonly type: 'frames' } & FramesOutline)
  | { readonly type: 'seal'; readonly seq: Seq }
  | { readonly type: 'truncate'; readonly seq: Seq }

export type EncodedRecord = {
  /** Type and length in front. */
  readonly bytes: Uint8Array
  /** Where the chain stands after it, for the next frames record of the segment. */
  readonly cursor: ChainCursor | undefined
  readonly hasRunHeader: boolean
}

const FILES = ['pages', 'leaves'] as const

/** `cursor`: where the frames record before it in this segment ended. */
export function encodeRecord(record: LogRecord, cursor: ChainCursor | undefined): EncodedRecord {
  const content = createWriter(sizeHint(record))
  const next = writeContent(content, record, cursor)
  const writer = createWriter(content.size + 8)
    .u8(typeOf(record))
    .varint(content.size)
  const hasRunHeader = record.type === 'frames' && content.view()[0] === MARK_RUN_HEADER
  return { bytes: writer.bytes(content.view()).view(), cursor: next, hasRunHeader }
}

/** Every record of one group's body.  `visit` is given the type and a reader over the content alone;
 *  what it leaves unread is not looked at. */
export function visitRecords(
  body: Uint8Array,
  visit: (type: number, content: Reader, index: number) => void,
): void {
  const reader = createReader(body)
  let index = 0
  while (reader.remaining > 0) {
    const type = reader.u8()
    const content = createReader(reader.view(reader.varint(GROUP_BODY_BYTES_MAX)))
    visit(type, content, index)
    if (type !== RECORD_START) index += 1
  }
}

/** One record; throws `DecodeError`. */
export function decodeRecord(
  type: number,
  content: Reader,
  cursor: ChainCursor | undefined,
): { readonly record: LogRecord; readonly cursor: ChainCursor | undefined } {
  if (type === RECORD_FRAMES) {
    const read = readFrames(content, cursor)
    return { record: { type: 'frames', frames: read.frames }, cursor: read.cursor }
  }
  const record = readContent(type, content)
  content.end()
  return { record, cursor: record.type === 'truncate' ? undefined : cursor }
}

/** What the index needs of a record, without reading frames; undefined when it needs nothing. */
export function outlineRecord(type: number, content: Reader): RecordOutline | undefined {
  if (type === RECORD_FRAMES) return { type: 'frames', ...readFramesOutline(content) }
  if (type === RECORD_SEAL) return { type: 'seal', seq: readSeal(content).seq }
  if (type === RECORD_TRUNCATE) return { type: 'truncate', seq: readPosition(content).seq }
  return undefined
}

function typeOf(record: LogRecord): number {
  const types = {
    frames: RECORD_FRAMES,
    seal: RECORD_SEAL,
    start: RECORD_START,
    requests: RECORD_REQUESTS,
    images: RECORD_IMAGES,
    holders: RECORD_HOLDERS,
    truncate: RECORD_TRUNCATE,
    halt: RECORD_HALT,
  }
  return types[record.type]
}

/** Near the size of the content, so that the writer seldom grows. */
function sizeHint(record: LogRecord): number {
  if (record.type === 'frames') {
    return record.frames.reduce((size, frame) => size + frame.payloadBytes + 48, 192)
  }
  if (record.type === 'images') {
    return record.pages.reduce((size, page) => size + page.bytes.byteLength + 16, 32)
  }
  return 256
}

function writeContent(
  writer: Writer,
  record: LogRecord,
  cursor: ChainCursor | undefined,
): ChainCursor | undefined {
  switch (record.type) {
    case 'frames':
      return writeFrames(writer, record.frames, cursor)
    case 'seal':
      writeSeal(writer, record.seal)
      return cursor
    case 'start':
      writeStart(writer, record.start)
      return cursor
    case 'requests':
      for (const request of record.requests) writeRequest(writer, request)
      return cursor
    case 'images':
      writer.u64(record.asOf.group).u16(record.asOf.index).u8(FILES.indexOf(record.file))
      for (const { pgno, bytes } of record.pages) {
        assert(bytes.byteLength <= IMAGE_BYTES_MAX, 'an image is at most one page')
        writer.varint(pgno).varint(bytes.byteLength).bytes(bytes)
      }
      return cursor
    case 'holders':
      writeHolders(writer.u64(record.oldestFile), record.holders)
      return cursor
    case 'truncate':
      writePosition(writer, record.position)
      return undefined
    case 'halt':
      writeHalt(writer, record.halt)
      return cursor
  }
}

function readContent(type: number, reader: Reader): Exclude<LogRecord, { type: 'frames' }> {
  switch (type) {
    case RECORD_SEAL:
      return { type: 'seal', seal: readSeal(reader) }
    case RECORD_START:
      return { type: 'start', start: readStart(reader) }
    case RECORD_REQUESTS:
      return { type: 'requests', requests: readRequests(reader) }
    case RECORD_IMAGES:
      return readImages(reader)
    case RECORD_HOLDERS:
      return { type: 'holders', oldestFile: reader.u64(), holders: readHolders(reader) }
    case RECORD_TRUNCATE:
      return { type: 'truncate', position: readPosition(reader) }
    case RECORD_HALT:
      return { type: 'halt', halt: readHalt(reader) }
    default:
      throw new DecodeError(`record type ${type} is unknown`)
  }
}

function readRequests(reader: Reader): readonly RequestEntry[] {
  const requests: RequestEntry[] = []
  while (reader.remaining > 0) requests.push(readRequest(reader))
  return requests
}

function readImages(reader: Reader): LogRecord & { type: 'images' } {
  const asOf = { group: reader.u64(), index: reader.u16() }
  const file = FILES[reader.u8()]
  if (file === undefined) throw new DecodeError('images are of an unknown file')
  const pages: { pgno: number; bytes: Uint8Array }[] = []
  while (reader.remaining > 0) {
    const pgno = reader.varint(0xffff_ffff)
    // Views, because a log to be replayed is mostly images and lives as long as they do.
    pages.push({ pgno, bytes: reader.view(reader.varint(IMAGE_BYTES_MAX)) })
  }
  return { type: 'images', asOf, file, pages }
}
