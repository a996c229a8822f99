/** Rewrites a log segment with other contents and checksums that fit: what only whoever writes on purpose
 *  can make, so that what lies behind the checksums is tested too. */

import { decoding } from '../../src/bytes/reader.ts'
import { createWriter } from '../../src/bytes/writer.ts'
import { crc32c } from '../../src/crypto/crc32c.ts'
import { finishGroup, generationSeed, type PlacedGroup } from '../../src/wal/group.ts'
import {
  FILE_HEADER_BYTES,
  FILE_HEADER_CRC_OFFSET,
  GROUP_HEADER_BYTES,
  groupBytes,
} from '../../src/wal/layout.ts'
import { visitRecords } from '../../src/wal/records.ts'
import { scanSegment } from '../../src/wal/scan.ts'
import { findSegmentHeader } from '../../src/wal/segment-header.ts'

export type RawRecord = { readonly type: number; readonly content: Uint8Array }

/** The whole groups of a segment; none where it is not one. */
export function groupsOf(bytes: Uint8Array): readonly PlacedGroup[] {
  const found = findSegmentHeader(bytes)
  if (found.type !== 'segment') return []
  return scanSegment(bytes, { ...found.header, lastGroup: undefined, owner: 0 }).groups
}

/** The segment with the bodies and numbers that `change` answers; what follows its groups stays. */
export function rewriteGroups(
  bytes: Uint8Array,
  change: (
    group: PlacedGroup,
    body: Uint8Array,
  ) => { readonly number: bigint; readonly body: Uint8Array },
): Uint8Array {
  const found = findSegmentHeader(bytes)
  if (found.type !== 'segment') return bytes
  const groups = groupsOf(bytes)
  const seed = generationSeed(found.header.generation)
  const writer = createWriter(bytes.byteLength).bytes(bytes.subarray(0, FILE_HEADER_BYTES))
  for (const group of groups) {
    const { number, body } = change(group, bytes.subarray(group.bodyAt, group.bodyEnd))
    const whole = new Uint8Array(groupBytes(body.byteLength))
    whole.set(body, GROUP_HEADER_BYTES)
    finishGroup(whole, { ...group, number, bodyBytes: body.byteLength }, seed)
    writer.bytes(whole)
  }
  return writer.bytes(bytes.subarray(groups.at(-1)?.endAt ?? FILE_HEADER_BYTES)).finish()
}

/** The segment with the records that `change` answers. */
export function rewriteRecords(
  bytes: Uint8Array,
  change: (record: RawRecord) => RawRecord,
): Uint8Array {
  return rewriteGroups(bytes, ({ number }, body) => ({
    number,
    body: bodyOf(recordsIn(body).map(change)),
  }))
}

export function recordsIn(body: Uint8Array): readonly RawRecord[] {
  const records: RawRecord[] = []
  const read = decoding('log group', () =>
    visitRecords(body, (type, content) => {
      records.push({ type, content: content.view(content.remaining) })
    }),
  )
  return read.ok ? records : []
}

export function bodyOf(records: readonly RawRecord[]): Uint8Array {
  const writer = createWriter(1024)
  for (const { type, content } of records) {
    writer.u8(type).varint(content.byteLength).bytes(content)
  }
  return writer.finish()
}

export function withHeaderChecksum(segment: Uint8Array): Uint8Array {
  const copy = segment.slice()
  const crc = crc32c(copy.subarray(0, FILE_HEADER_CRC_OFFSET))
  new DataView(copy.buffer).setUint32(FILE_HEADER_CRC_OFFSET, crc)
  return copy
}

/** For tests: a start mark or another content with some bytes put at an offset. */
export function withBytesAt(content: Uint8Array, at: number, bytes: Uint8Array): Uint8Array {
  const copy = content.slice()
  copy.set(bytes, at)
  return copy
}
