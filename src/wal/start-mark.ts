/** Start mark: first record of every segment; all that a start needs without reading what is before it.
 *  Never: holds page content; the page file that it names does.
 *
 *  | offset | size | name           | meaning                                                    |
 *  |      0 |    8 | oldestFile     | lowest file number that redo or a holder needs             |
 *  |      8 |    8 | redoGroup      | replay begins with this group; lower than the segment's    |
 *  |        |      |                | first when frames were flushed while a checkpoint ran      |
 *  |     16 |   32 | shard          |                                                            |
 *  |     48 |    1 | mode           | 1 ordered, 2 causal                                        |
 *  |     49 |   32 | ownAuthor      | public key of this copy's author                           |
 *  |     81 |    4 | owner          | owner number of whoever wrote this mark                    |
 *  |     85 |    8 | seq            | position: replay skips frames up to it                     |
 *  |     93 |   32 | checksum       |                                                            |
 *  |    125 |    8 | epoch          |                                                            |
 *  |    133 |    4 | pageSize       |                                                            |
 *  |    137 |    4 | pageCount      |                                                            |
 *  |    141 |    1 | autoVacuum     | as SQLite numbers it                                       |
 *  Then pageFile str16; presence u8 and head, the frame at the position as a stand-alone stub of 195 bytes,
 *  which proves its clock and lets a snapshot show it; presence u8 and seal; presence u8 and installed (seq u64, checksum 32, root 32);
 *  count varint and authority frames (length varint, stand-alone frame); count varint and requests
 *  (request entries of layout.ts); count varint and holders (name str16, seq u64). */

import { assert } from '../base/assert.ts'
import type { Position, Seq } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import { DecodeError, type Reader } from '../bytes/reader.ts'
import type { Writer } from '../bytes/writer.ts'
import { AUTHORITY_FRAMES_MAX } from '../frame/authority.ts'
import { decodeFrame, encodeFrame, type Frame, stubOf } from '../frame/frame.ts'
import { CHECKSUM_BYTES, FRAME_STUB_BYTES, KEY_BYTES } from '../frame/layout.ts'
import { PAGE_SIZE_LOG2_MAX, PAGE_SIZE_LOG2_MIN } from '../frame/operations.ts'
import { readSeal, type Seal, writeSeal } from '../frame/seal.ts'
import {
  AUTHORITY_FRAME_BYTES_MAX,
  HOLDER_NAME_BYTES_MAX,
  HOLDERS_MAX,
  PAGE_FILE_NAME_BYTES_MAX,
  REQUESTS_MAX,
} from './layout.ts'
import { type RequestEntry, readRequest, writeRequest } from './request-entry.ts'

export type Holder = { readonly name: string; readonly seq: Seq }

/** The page file, with the log replayed over it from here on, is the database. */
export type StartMark = {
  readonly shard: Uint8Array
  readonly mode: 'ordered' | 'causal'
  /** Public key of this copy's author. */
  readonly ownAuthor: Uint8Array
  /** The log writes its own number, whatever stands here. */
  readonly owner: number
  readonly position: Position
  /** The frame at `position`, without its payload; a holder of runs alone needs none. */
  readonly head: Frame | undefined
  readonly epoch: bigint
  /** 0 while the database has no page. */
  readonly pageSize: number
  readonly pageCount: number
  readonly autoVacuum: number
  /** The newest seal at or before `position`, if any. */
  readonly seal: Seal | undefined
  /** Genesis and every hand-over so far, as whole frames. */
  readonly authority: readonly Frame[]
  /** State of the newest installed import or snapshot, if any. */
  readonly installed: { readonly position: Position; readonly root: Uint8Array } | undefined
  readonly requests: readonly RequestEntry[]
  /** Newest seq that each named holder has released.  The log writes its own, whatever stands here. */
  readonly holders: readonly Holder[]
  /** Name of the page file this start builds on. */
  readonly pageFile: string
}

/** A start mark with what the log itself adds. */
export type StartRecord = {
  readonly oldestFile: bigint
  readonly redoGroup: bigint
  readonly mark: StartMark
}

const MODES = ['ordered', 'causal'] as const
const ABSENT = 0
const PRESENT = 1

export function writeStart(writer: Writer, start: StartRecord): void {
  const { mark } = start
  assert(mark.requests.length <= REQUESTS_MAX, 'a start mark holds request ids up to a limit')
  assert(
    mark.authority.length <= AUTHORITY_FRAMES_MAX,
    'a start mark holds hand-overs up to a limit',
  )
  writer
    .u64(start.oldestFile)
    .u64(start.redoGroup)
    .bytes(mark.shard)
    .u8(MODES.indexOf(mark.mode) + 1)
    .bytes(mark.ownAuthor)
    .u32(mark.owner)
  writePosition(writer, mark.position)
  writer.u64(mark.epoch).u32(mark.pageSize).u32(mark.pageCount).u8(mark.autoVacuum)
  writer.str16(mark.pageFile)
  writer.u8(mark.head === undefined ? ABSENT : PRESENT)
  if (mark.head !== undefined) writer.bytes(encodeFrame(stubOf(mark.head)))
  writer.u8(mark.seal === undefined ? ABSENT : PRESENT)
  if (mark.seal !== undefined) writeSeal(writer, mark.seal)
  writer.u8(mark.installed === undefined ? ABSENT : PRESENT)
  if (mark.installed !== undefined) {
    writePosition(writer, mark.installed.position)
    writer.bytes(mark.installed.root)
  }
  writer.varint(mark.authority.length)
  for (const frame of mark.authority) {
    const bytes = encodeFrame(frame)
    assert(bytes.byteLength <= AUTHORITY_FRAME_BYTES_MAX, 'control frames of authority are small')
    writer.varint(bytes.byteLength).bytes(bytes)
  }
  writer.varint(mark.requests.length)
  for (const request of mark.requests) writeRequest(writer, request)
  writeHolders(writer, mark.holders)
}

export function readStart(reader: Reader): StartRecord {
  const oldestFile = reader.u64()
  const redoGroup = reader.u64()
  const shard = reader.bytes(CHECKSUM_BYTES)
  const mode = MODES[reader.u8() - 1]
  if (mode === undefined) throw new DecodeError('the mode is unknown')
  const mark: StartMark = {
    shard,
    mode,
    ownAuthor: reader.bytes(KEY_BYTES),
    owner: reader.u32(),
    position: readPosition(reader),
    epoch: reader.u64(),
    pageSize: readPageSize(reader),
    pageCount: reader.u32(),
    autoVacuum: reader.u8(),
    pageFile: reader.str16(PAGE_FILE_NAME_BYTES_MAX),
    head: isPresent(reader) ? decodeWhole(reader.view(FRAME_STUB_BYTES)) : undefined,
    seal: isPresent(reader) ? readSeal(reader) : undefined,
    installed: isPresent(reader)
      ? { position: readPosition(reader), root: reader.bytes(CHECKSUM_BYTES) }
      : undefined,
    authority: readAuthority(reader),
    requests: readRequests(reader),
    holders: readHolders(reader),
  }
  reader.end()
  if (mark.head !== undefined && !equalBytes(mark.head.checksum, mark.position.checksum)) {
    throw new DecodeError('the head is not the frame at the position')
  }
  return { oldestFile, redoGroup, mark }
}

export function writePosition(writer: Writer, position: Position): void {
  assert(position.checksum.byteLength === CHECKSUM_BYTES, 'a checksum has its fixed size')
  writer.u64(position.seq).bytes(position.checksum)
}

export function readPosition(reader: Reader): Position {
  // The reader answers a plain u64; this field is a Seq by the layout.
  return { seq: reader.u64() as Seq, checksum: reader.bytes(CHECKSUM_BYTES) }
}

export function writeHolders(writer: Writer, holders: readonly Holder[]): void {
  assert(holders.length <= HOLDERS_MAX, 'holders are few')
  writer.varint(holders.length)
  for (const { name, seq } of holders) writer.str16(name).u64(seq)
}

export function readHolders(reader: Reader): readonly Holder[] {
  const holders: Holder[] = []
  for (let left = reader.varint(HOLDERS_MAX); left > 0; left--) {
    // The reader answers a plain u64; this field is a Seq by the layout.
    holders.push({ name: reader.str16(HOLDER_NAME_BYTES_MAX), seq: reader.u64() as Seq })
  }
  return holders
}

function readRequests(reader: Reader): readonly RequestEntry[] {
  const requests: RequestEntry[] = []
  for (let left = reader.varint(REQUESTS_MAX); left > 0; left--) requests.push(readRequest(reader))
  return requests
}

function readAuthority(reader: Reader): readonly Frame[] {
  const frames: Frame[] = []
  for (let left = reader.varint(AUTHORITY_FRAMES_MAX); left > 0; left--) {
    frames.push(decodeWhole(reader.view(reader.varint(AUTHORITY_FRAME_BYTES_MAX))))
  }
  return frames
}

function decodeWhole(bytes: Uint8Array): Frame {
  const frame = decodeFrame(bytes)
  if (!frame.ok) throw new DecodeError(frame.failure.message)
  return frame.value
}

/** A page size of SQLite, or 0: a log that goes on writes it into every later header. */
function readPageSize(reader: Reader): number {
  const pageSize = reader.u32()
  const log2 = 31 - Math.clz32(pageSize)
  const isOne = pageSize === 2 ** log2 && log2 >= PAGE_SIZE_LOG2_MIN && log2 <= PAGE_SIZE_LOG2_MAX
  if (pageSize !== 0 && !isOne) throw new DecodeError(`${pageSize} is no page size`)
  return pageSize
}

function isPresent(reader: Reader): boolean {
  const presence = reader.u8()
  if (presence > PRESENT) throw new DecodeError(`presence ${presence} is unknown`)
  return presence === PRESENT
}
