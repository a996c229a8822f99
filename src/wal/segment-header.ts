/** Header of a log segment file (layout.ts).
 *  Keeps: a damaged header is told from an absent one.  It lies in one sector, so power loss leaves it
 *  whole or absent; a write that failed half-way leaves a beginning of it over zeros, or zeros over a
 *  beginning of it, because it is written over zeros and erased with zeros.  Both count as absent. */

import { equalBytes, isZero } from '../bytes/compare.ts'
import { createReader } from '../bytes/reader.ts'
import { createWriter } from '../bytes/writer.ts'
import { crc32c } from '../crypto/crc32c.ts'
import {
  FILE_HEADER_BYTES,
  FILE_HEADER_CRC_OFFSET,
  GENERATION_BYTES,
  LOG_MAGIC,
  LOG_VERSION,
} from './layout.ts'

export type SegmentHeader = {
  readonly pageSizeLog2: number
  readonly generation: Uint8Array
  readonly fileNumber: bigint
  readonly baseSeq: bigint
  readonly firstGroup: bigint
}

export type FoundHeader =
  | { readonly type: 'segment'; readonly header: SegmentHeader }
  /** Never written whole, or erased when the segment was released. */
  | { readonly type: 'absent' }
  | { readonly type: 'damaged'; readonly reason: string }

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const writer = createWriter(FILE_HEADER_BYTES)
    .u32(LOG_MAGIC)
    .u8(LOG_VERSION)
    .u8(header.pageSizeLog2)
    .u16(0)
    .bytes(header.generation)
    .u64(header.fileNumber)
    .u64(header.baseSeq)
    .u64(header.firstGroup)
    .bytes(new Uint8Array(12))
  return writer.bytes(crcOf(writer.view())).finish()
}

/** `start` holds the first bytes of the file. */
export function findSegmentHeader(start: Uint8Array): FoundHeader {
  if (start.byteLength < FILE_HEADER_BYTES) return { type: 'absent' }
  const bytes = start.subarray(0, FILE_HEADER_BYTES)
  if (isZero(bytes)) return { type: 'absent' }
  const isWhole = equalBytes(bytes.subarray(FILE_HEADER_CRC_OFFSET), crcOf(bytes))
  if (!isWhole && (isErased(bytes) || isUnfinished(bytes))) return { type: 'absent' }
  if (!isWhole) return damaged('its checksum does not match')
  const reader = createReader(bytes)
  if (reader.u32() !== LOG_MAGIC) return damaged('it does not begin as a log does')
  const version = reader.u8()
  const header = {
    pageSizeLog2: reader.u8(),
    reserved: reader.u16(),
    generation: reader.bytes(GENERATION_BYTES),
    fileNumber: reader.u64(),
    baseSeq: reader.u64(),
    firstGroup: reader.u64(),
  }
  const isReserved = header.reserved === 0 && isZero(reader.view(12))
  if (version !== LOG_VERSION) return damaged(`version ${version} is unknown`)
  if (!isReserved) return damaged('a reserved byte is set')
  if (header.firstGroup < 1n || header.fileNumber < 1n) return damaged('a number is below 1')
  const { pageSizeLog2, generation, fileNumber, baseSeq, firstGroup } = header
  return { type: 'segment', header: { pageSizeLog2, generation, fileNumber, baseSeq, firstGroup } }
}

function crcOf(header: Uint8Array): Uint8Array {
  return createWriter(4)
    .u32(crc32c(header.subarray(0, FILE_HEADER_CRC_OFFSET)))
    .finish()
}

/** An erasing that ended inside the magic or after it. */
function isErased(bytes: Uint8Array): boolean {
  const magic = createWriter(4).u32(LOG_MAGIC).finish()
  const zeros = bytes.findIndex((byte) => byte !== 0)
  return zeros > 0 && equalBytes(bytes.subarray(zeros, 4), magic.subarray(zeros))
}

/** A writing that ended inside the checksum or before it. */
function isUnfinished(bytes: Uint8Array): boolean {
  const stored = bytes.subarray(FILE_HEADER_CRC_OFFSET)
  const expected = crcOf(bytes)
  return [0, 1, 2, 3].some(
    (count) =>
      isZero(stored.subarray(count)) &&
      equalBytes(stored.subarray(0, count), expected.subarray(0, count)),
  )
}

function damaged(reason: string): FoundHeader {
  return { type: 'damaged', reason }
}
