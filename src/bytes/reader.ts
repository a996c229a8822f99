/** Bounded reader: takes fixed and variable fields out of one view, big-endian.
 *  Keeps: never reads past the view (not the buffer's end), never allocates by an unchecked length.
 *  Decoders throw `DecodeError` inside; `decoding` turns that into a value, once per format.
 *  A class and not closures: decoding makes one for every record, and closures cost more than the reading. */

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

export function createReader(source: Uint8Array): Reader {
  return new ViewReader(source)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

class ViewReader implements Reader {
  offset = 0
  readonly #source: Uint8Array
  readonly #data: DataView

  constructor(source: Uint8Array) {
    this.#source = source
    this.#data = new DataView(source.buffer, source.byteOffset, source.byteLength)
  }

  get remaining(): number {
    return this.#source.byteLength - this.offset
  }

  u8(): number {
    return this.#data.getUint8(this.#take(1))
  }

  u16(): number {
    return this.#data.getUint16(this.#take(2))
  }

  u32(): number {
    return this.#data.getUint32(this.#take(4))
  }

  u64(): bigint {
    return this.#data.getBigUint64(this.#take(8))
  }

  varint(max: number): number {
    let value = 0
    let scale = 1
    for (let index = 0; index < 8; index++) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      scale *= 128
      if (byte >= 0x80) continue
      if (byte === 0 && index > 0) throw new DecodeError('a varint is not in its shortest form')
      if (value > max) throw new DecodeError(`${value} is over the limit of ${max}`)
      return value
    }
    throw new DecodeError('a varint is over 2^53')
  }

  varint64(): bigint {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.u8()
      if (shift === 63n && byte > 1) throw new DecodeError('a varint has more than 64 bits')
      value |= BigInt(byte & 0x7f) << shift
      if (byte >= 0x80) continue
      if (byte === 0 && shift > 0n) throw new DecodeError('a varint is not in its shortest form')
      return value
    }
  }

  view(sizeBytes: number): Uint8Array {
    const at = this.#take(sizeBytes)
    return this.#source.subarray(at, at + sizeBytes)
  }

  bytes(sizeBytes: number): Uint8Array {
    return this.view(sizeBytes).slice()
  }

  str16(sizeBytesMax: number): string {
    const sizeBytes = this.u16()
    if (sizeBytes > sizeBytesMax) {
      throw new DecodeError(`a text of ${sizeBytes} bytes is over the limit of ${sizeBytesMax}`)
    }
    const bytes = this.view(sizeBytes)
    try {
      return utf8.decode(bytes)
    } catch {
      throw new DecodeError('a text is not well-formed UTF-8')
    }
  }

  expect(expected: Uint8Array, what: string): void {
    const found = this.view(expected.byteLength)
    for (let index = 0; index < expected.byteLength; index++) {
      if (found[index] !== expected[index]) throw new DecodeError(`${what} is not as expected`)
    }
  }

  end(): void {
    if (this.remaining !== 0) throw new DecodeError(`${this.remaining} bytes too many`)
  }

  #take(sizeBytes: number): number {
    if (sizeBytes > this.remaining) {
      throw new DecodeError(
        `needs ${sizeBytes} bytes at ${this.offset}, ${this.remaining} are left`,
      )
    }
    const at = this.offset
    this.offset += sizeBytes
    return at
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
