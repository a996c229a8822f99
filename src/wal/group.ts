/** Group: the unit of writing and of checking (layout.ts).
 *  Keeps: a group is accepted only whole, of its own generation and number, and by no older owner;
 *  every byte of it counts, the padding too.  Never: looks into the body. */

import { isZero } from '../bytes/compare.ts'
import { crc32c } from '../crypto/crc32c.ts'
import {
  GROUP_BODY_BYTES_MAX,
  GROUP_CRC_OFFSET,
  GROUP_FLAG_CHAIN,
  GROUP_HEADER_BYTES,
  GROUP_MAGIC,
  groupBytes,
} from './layout.ts'

export type GroupHeader = {
  readonly hasChain: boolean
  readonly bodyBytes: number
  readonly number: bigint
  readonly flushed: bigint
  readonly owner: number
}

/** A group in a file: its header and where it lies. */
export type PlacedGroup = GroupHeader & {
  readonly at: number
  readonly bodyAt: number
  readonly bodyEnd: number
  /** After the padding: where the next group begins. */
  readonly endAt: number
}

/** The seed that makes a checksum belong to one use of one file. */
export function generationSeed(generation: Uint8Array): number {
  return crc32c(generation)
}

/** Fills in the header in front of a body.  `whole` has the size `groupBytes` says, zeros at its end. */
export function finishGroup(whole: Uint8Array, header: GroupHeader, seed: number): void {
  const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength)
  view.setUint16(0, GROUP_MAGIC)
  view.setUint16(2, header.hasChain ? GROUP_FLAG_CHAIN : 0)
  view.setUint32(4, header.bodyBytes)
  view.setBigUint64(8, header.number)
  view.setBigUint64(16, header.flushed)
  view.setUint32(24, header.owner)
  view.setUint32(GROUP_CRC_OFFSET, groupCrc(whole, header.bodyBytes, seed))
}

/** The group at `at`, by its header alone; undefined when there is none that ends inside `bytes`. */
export function placeGroup(bytes: Uint8Array, at: number): PlacedGroup | undefined {
  if (at + GROUP_HEADER_BYTES > bytes.byteLength) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, GROUP_HEADER_BYTES)
  if (view.getUint16(0) !== GROUP_MAGIC) return undefined
  const flags = view.getUint16(2)
  const bodyBytes = view.getUint32(4)
  const number = view.getBigUint64(8)
  const flushed = view.getBigUint64(16)
  if ((flags & ~GROUP_FLAG_CHAIN) !== 0 || bodyBytes > GROUP_BODY_BYTES_MAX) return undefined
  if (flushed >= number) return undefined
  const bodyAt = at + GROUP_HEADER_BYTES
  return {
    hasChain: (flags & GROUP_FLAG_CHAIN) !== 0,
    bodyBytes,
    number,
    flushed,
    owner: view.getUint32(24),
    at,
    bodyAt,
    bodyEnd: bodyAt + bodyBytes,
    endAt: at + groupBytes(bodyBytes),
  }
}

/** True when the group at this place is what was written, in this generation. */
export function isWholeGroup(bytes: Uint8Array, group: PlacedGroup, seed: number): boolean {
  if (group.endAt > bytes.byteLength) return false
  const whole = bytes.subarray(group.at, group.endAt)
  const stored = new DataView(whole.buffer, whole.byteOffset, whole.byteLength).getUint32(
    GROUP_CRC_OFFSET,
  )
  if (!isZero(bytes.subarray(group.bodyEnd, group.endAt))) return false
  return stored === groupCrc(whole, group.bodyBytes, seed)
}

function groupCrc(whole: Uint8Array, bodyBytes: number, seed: number): number {
  const body = whole.subarray(GROUP_HEADER_BYTES, GROUP_HEADER_BYTES + bodyBytes)
  return crc32c(body, crc32c(whole.subarray(0, GROUP_CRC_OFFSET), seed))
}
