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

export function createWriter(capacityBytes = 256): Writer {
  return new BufferWriter(capacityBytes)
}

const U64_MAX = 0xffff_ffff_ffff_ffffn
const utf8 = new TextEncoder()

class BufferWriter implements Writer {
  size = 0
  #buffer: Uint8Array
  #data: DataView

  constructor(capacityBytes: number) {
    this.#buffer = new Uint8Array(capacityBytes)
    this.#data = new DataView(this.#buffer.buffer)
  }

  u8(value: number): Writer {
    assert(isUnsigned(value, 0xff), 'a value fits a u8')
    // The room comes first: growing replaces the view that the value goes into.
    const at = this.#reserve(1)
    this.#data.setUint8(at, value)
    return this
  }

  u16(value: number): Writer {
    assert(isUnsigned(value, 0xffff), 'a value fits a u16')
    const at = this.#reserve(2)
    this.#data.setUint16(at, value)
    return this
  }

  u32(value: number): Writer {
    assert(isUnsigned(value, 0xffff_ffff), 'a value fits a u32')
    const at = this.#reserve(4)
    this.#data.setUint32(at, value)
    return this
  }

  u64(value: bigint): Writer {
    assert(value >= 0n && value <= U64_MAX, 'a value fits a u64')
    const at = this.#reserve(8)
    this.#data.setBigUint64(at, value)
    return this
  }

  varint(value: number): Writer {
    assert(isUnsigned(value, Number.MAX_SAFE_INTEGER), 'a value is a safe unsigned integer')
    let rest = value
    while (rest >= 0x80) {
      this.u8((rest % 128) | 0x80)
      rest = Math.floor(rest / 128)
    }
    return this.u8(rest)
  }

  varint64(value: bigint): Writer {
    assert(value >= 0n && value <= U64_MAX, 'a value fits 64 bits')
    let rest = value
    while (rest >= 0x80n) {
      this.u8(Number(rest & 0x7fn) | 0x80)
      rest >>= 7n
    }
    return this.u8(Number(rest))
  }

  bytes(value: Uint8Array): Writer {
    const at = this.#reserve(value.byteLength)
    this.#buffer.set(value, at)
    return this
  }

  str16(value: string): Writer {
    const encoded = utf8.encode(value)
    return this.u16(encoded.byteLength).bytes(encoded)
  }

  patchU32(offset: number, value: number): void {
    assert(offset + 4 <= this.size, 'a patch lies inside what was written')
    assert(isUnsigned(value, 0xffff_ffff), 'a value fits a u32')
    this.#data.setUint32(offset, value)
  }

  view(): Uint8Array {
    return this.#buffer.subarray(0, this.size)
  }

  finish(): Uint8Array {
    return this.#buffer.slice(0, this.size)
  }

  #reserve(sizeBytes: number): number {
    const at = this.size
    this.size += sizeBytes
    if (this.size > this.#buffer.byteLength) {
      const grown = new Uint8Array(Math.max(this.size, this.#buffer.byteLength * 2))
      grown.set(this.#buffer)
      this.#buffer = grown
      this.#data = new DataView(grown.buffer)
    }
    return at
  }
}

function isUnsigned(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max
}
