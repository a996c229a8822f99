/** Fields that several frame formats share: optional values, choices, bytes of free length, a Seq.
 *  Readers throw `DecodeError`; each has one encoding per value. */

import type { Seq } from '../base/ids.ts'
import { DecodeError, type Reader } from '../bytes/reader.ts'
import type { Writer } from '../bytes/writer.ts'

export function writeOptional<T>(
  writer: Writer,
  value: T | undefined,
  write: (value: T) => void,
): void {
  writer.u8(value === undefined ? 0 : 1)
  if (value !== undefined) write(value)
}

export function readOptional<T>(reader: Reader, read: () => T): T | undefined {
  return readChoice(reader, ['absent', 'present'], 0) === 'present' ? read() : undefined
}

/** The name of a u8 that counts from `first`. */
export function readChoice<T extends string>(reader: Reader, names: readonly T[], first = 1): T {
  const value = reader.u8()
  const name = names[value - first]
  if (name === undefined) throw new DecodeError(`${value} is none of ${names.join(', ')}`)
  return name
}

export function readFree(reader: Reader, sizeBytesMax: number): Uint8Array {
  const sizeBytes = reader.u16()
  if (sizeBytes > sizeBytesMax) throw new DecodeError(`${sizeBytes} bytes are over the limit`)
  return reader.bytes(sizeBytes)
}

export function readSeq(reader: Reader): Seq {
  const seq = reader.u64()
  if (seq < 1n) throw new DecodeError('a seq is below 1')
  // The reader answers a plain u64; this field is a Seq by the layout.
  return seq as Seq
}
