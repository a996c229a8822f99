/** Writer: puts fixed and variable fields into one growing buffer, big-endian.
 *  Keeps: every value fits its field, by assertion.  Sits beside reader.ts, verb by verb. */

import { assert } from '../base/assert.ts'

export type Writer = {
  /** Bytes written so far. */
  readonly size: number
  u8(value: number): Writer
  u16(value: number): Writer
  u32(value: number): Writer
  u64(value: bigint): Writer
  varint(value: number): Writer
  varint64(value: bigint): Writer
  bytes(value: Uint8Array): Writer
  str16(value: string): Writer
  /** Overwrites a u32 that was written before, at `offset`. */
  patchU32(offset: number, value: number): void
  /** A view of what was written; valid until the next write. */
  view(): Uint8Array
  /** A copy of what was written. */
  finish(): Uint8Array
}

const U64_MAX = 0xffff_ffff_ffff_ffffn
const utf8 = new TextEncoder()

export function createWriter(capacityBytes = 256): Writer {
  let buffer = new Uint8Array(capacityBytes)
  let data = new DataView(buffer.buffer)
  let size = 0
  /** Called before `data` or `buffer` is named: growing replaces both. */
  const reserve = (sizeBytes: number): number => {
    const at = size
    size += sizeBytes
    if (size > buffer.byteLength) {
      const grown = new Uint8Array(Math.max(size, buffer.byteLength * 2))
      grown.set(buffer)
      buffer = grown
      data = new DataView(buffer.buffer)
    }
    return at
  }
  const writer: Writer = {
    get size() {
      return size
    },
    u8(value) {
      assert(Number.isInteger(value) && value >= 0 && value <= 0xff, `${value} fits a u8`)
      const at = reserve(1)
      data.setUint8(at, value)
      return writer
    },
    u16(value) {
      assert(Number.isInteger(value) && value >= 0 && value <= 0xffff, `${value} fits a u16`)
      const at = reserve(2)
      data.setUint16(at, value)
      return writer
    },
    u32(value) {
      assert(Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff, `${value} fits a u32`)
      const at = reserve(4)
      data.setUint32(at, value)
      return writer
    },
    u64(value) {
      assert(value >= 0n && value <= U64_MAX, `${value} fits a u64`)
      const at = reserve(8)
      data.setBigUint64(at, value)
      return writer
    },
    varint(value) {
      assert(Number.isSafeInteger(value) && value >= 0, `${value} is a safe unsigned integer`)
      let rest = value
      while (rest >= 0x80) {
        const at = reserve(1)
        data.setUint8(at, (rest % 128) | 0x80)
        rest = Math.floor(rest / 128)
      }
      const at = reserve(1)
      data.setUint8(at, rest)
      return writer
    },
    varint64(value) {
      assert(value >= 0n && value <= U64_MAX, `${value} fits 64 bits`)
      let rest = value
      while (rest >= 0x80n) {
        const at = reserve(1)
        data.setUint8(at, Number(rest & 0x7fn) | 0x80)
        rest >>= 7n
      }
      const at = reserve(1)
      data.setUint8(at, Number(rest))
      return writer
    },
    bytes(value) {
      const at = reserve(value.byteLength)
      buffer.set(value, at)
      return writer
    },
    str16(value) {
      const encoded = utf8.encode(value)
      return writer.u16(encoded.byteLength).bytes(encoded)
    },
    patchU32(offset, value) {
      assert(offset + 4 <= size, 'a patch lies inside what was written')
      data.setUint32(offset, value)
    },
    view: () => buffer.subarray(0, size),
    finish: () => buffer.slice(0, size),
  }
  return writer
}
