/** Bounded reader: takes fixed and variable fields out of one view, big-endian.
 *  Keeps: never reads past the view (not the buffer's end), never allocates by an unchecked length.
 *  Decoders throw `DecodeError` inside; `decoding` turns that into a value, once per format. */

import { fail, type Result, succeed } from '../base/failure.ts'

/** Thrown inside decoders only; see `decoding`. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
}

export type Reader = {
  /** Offset of the next byte from the start of the view. */
  readonly offset: number
  readonly remaining: number
  u8(): number
  u16(): number
  u32(): number
  u64(): bigint
  /** LEB128, shortest form only, at most `max` (inclusive) and at most 2^53 − 1. */
  varint(max: number): number
  /** LEB128, shortest form only, up to 64 bits. */
  varint64(): bigint
  /** A view (no copy) of the next `sizeBytes`. */
  view(sizeBytes: number): Uint8Array
  /** A copy of the next `sizeBytes`. */
  bytes(sizeBytes: number): Uint8Array
  /** u16 length and that many bytes of well-formed UTF-8, at most `sizeBytesMax`. */
  str16(sizeBytesMax: number): string
  /** Refuses any value but `expected`. */
  expect(expected: Uint8Array, what: string): void
  /** Refuses trailing bytes. */
  end(): void
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function createReader(source: Uint8Array): Reader {
  const data = new DataView(source.buffer, source.byteOffset, source.byteLength)
  let offset = 0
  const take = (sizeBytes: number): number => {
    if (sizeBytes > source.byteLength - offset) {
      throw new DecodeError(
        `needs ${sizeBytes} bytes at ${offset}, ${source.byteLength - offset} are left`,
      )
    }
    const at = offset
    offset += sizeBytes
    return at
  }
  const varint64 = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = data.getUint8(take(1))
      if (shift === 63n && byte > 1) throw new DecodeError('a varint has more than 64 bits')
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) {
        if (byte === 0 && shift > 0n) throw new DecodeError('a varint is not in its shortest form')
        return value
      }
    }
  }
  const varint = (max: number): number => {
    let value = 0
    let scale = 1
    for (let index = 0; index < 8; index++) {
      const byte = data.getUint8(take(1))
      value += (byte & 0x7f) * scale
      scale *= 128
      if (byte >= 0x80) continue
      if (byte === 0 && index > 0) throw new DecodeError('a varint is not in its shortest form')
      if (value > max) throw new DecodeError(`${value} is over the limit of ${max}`)
      return value
    }
    throw new DecodeError('a varint is over 2^53')
  }
  const view = (sizeBytes: number): Uint8Array => {
    const at = take(sizeBytes)
    return source.subarray(at, at + sizeBytes)
  }
  return {
    get offset() {
      return offset
    },
    get remaining() {
      return source.byteLength - offset
    },
    u8: () => data.getUint8(take(1)),
    u16: () => data.getUint16(take(2)),
    u32: () => data.getUint32(take(4)),
    u64: () => data.getBigUint64(take(8)),
    varint,
    varint64,
    view,
    bytes: (sizeBytes) => view(sizeBytes).slice(),
    str16(sizeBytesMax) {
      const sizeBytes = data.getUint16(take(2))
      if (sizeBytes > sizeBytesMax) {
        throw new DecodeError(`a text of ${sizeBytes} bytes is over the limit of ${sizeBytesMax}`)
      }
      try {
        return utf8.decode(view(sizeBytes))
      } catch {
        throw new DecodeError('a text is not well-formed UTF-8')
      }
    },
    expect(expected, what) {
      const found = view(expected.byteLength)
      for (let index = 0; index < expected.byteLength; index++) {
        if (found[index] !== expected[index]) throw new DecodeError(`${what} is not as expected`)
      }
    },
    end() {
      if (offset !== source.byteLength) {
        throw new DecodeError(`${source.byteLength - offset} bytes too many`)
      }
    },
  }
}

/** Runs one format's decoder and turns what it throws into a typed failure.  A RangeError of a
 *  DataView counts as malformed input too; anything else is a bug and passes through. */
export function decoding<T>(format: string, decode: () => T): Result<T> {
  try {
    return succeed(decode())
  } catch (error) {
    if (!(error instanceof DecodeError) && !(error instanceof RangeError)) throw error
    return fail({
      code: 'ErrDecode',
      message: `Not a valid ${format}: ${error.message}.`,
      hint: 'The bytes were damaged on the way, or a newer version wrote them.',
      facts: { format },
      cause: error,
    })
  }
}
