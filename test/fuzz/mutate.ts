/** Mutate: a near neighbour of a real input: flipped, cut, doubled, spliced, with extremes where lengths
 *  may stand and words of our formats where magics may.
 *  Keeps: the same random numbers give the same mutant; never longer than it was told. */

import type { Random } from '../../src/testing/random.ts'

export type MutateContext = {
  readonly random: Random
  /** Other inputs of the same target. */
  readonly others: readonly Uint8Array[]
  readonly sizeBytesMax: number
}

type Mutation = (bytes: Uint8Array, context: MutateContext) => Uint8Array

const STEPS_MAX = 4
const RANDOM_BYTES_MAX = 300
const RANDOM_CHANCE = 0.03

/** Magics, versions and domain strings of our formats. */
const WORDS: readonly Uint8Array[] = [
  ...[
    'CF',
    'CLOG',
    'CG',
    'CSNP',
    'CB',
    'CX',
    'SQLite format 3\0',
    'constellite:',
    '?via=ws%3A',
    '#',
  ],
  ...['-----BEGIN PRIVATE KEY-----\n', '{"', '":', '--', '=', 'KiB', '\u00e9', '\ud7ff'],
].map((word) => new TextEncoder().encode(word))

const EXTREMES_8 = [0, 1, 2, 0x0f, 0x10, 0x7f, 0x80, 0xfe, 0xff]
const EXTREMES_32 = [
  0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x10_0000, 0x100_0000,
  0x4000_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff,
]

export function mutate(input: Uint8Array, context: MutateContext): Uint8Array {
  const { random, sizeBytesMax } = context
  if (random.chance(RANDOM_CHANCE)) {
    return random.bytes(random.below(Math.min(RANDOM_BYTES_MAX, sizeBytesMax)))
  }
  let bytes = input
  for (let left = 1 + random.below(STEPS_MAX); left > 0; left--) {
    bytes = random.pick(MUTATIONS)(bytes, context)
  }
  return bytes.byteLength > sizeBytesMax ? bytes.subarray(0, sizeBytesMax) : bytes
}

const MUTATIONS: readonly Mutation[] = [
  flipBit,
  flipBit,
  setByte,
  setByte,
  addToByte,
  setInteger,
  setInteger,
  setVarint,
  truncate,
  removeRange,
  doubleRange,
  insertBytes,
  writeWord,
  splice,
  takeField,
]

function flipBit(bytes: Uint8Array, { random }: MutateContext): Uint8Array {
  const bit = random.below(bytes.byteLength * 8)
  return changed(bytes, bit >>> 3, (byte) => byte ^ (1 << (bit & 7)))
}

function setByte(bytes: Uint8Array, { random }: MutateContext): Uint8Array {
  const value = random.chance(0.5) ? random.pick(EXTREMES_8) : random.below(256)
  return changed(bytes, random.below(bytes.byteLength), () => value)
}

function addToByte(bytes: Uint8Array, { random }: MutateContext): Uint8Array {
  const delta = random.below(9) - 4
  return changed(bytes, random.below(bytes.byteLength), (byte) => byte + delta)
}

/** A u16, u32 or u64 anywhere, big-endian. */
function setInteger(bytes: Uint8Array, { random }: MutateContext): Uint8Array {
  const size = random.pick([2, 4, 8])
  if (bytes.byteLength < size) return bytes
  const copy = bytes.slice()
  const view = new DataView(copy.buffer)
  const at = random.below(bytes.byteLength - size + 1)
  const value = random.pick(EXTREMES_32)
  if (size === 2) view.setUint16(at, value & 0xffff)
  else if (size === 4) view.setUint32(at, value)
  else view.setBigUint64(at, BigInt(value) * (random.chance(0.5) ? 1n : 0x1_0000_0001n))
  return copy
}

/** A LEB128 number in the place of one byte. */
function setVarint(bytes: Uint8Array, { random }: MutateContext): Uint8Array {
  const digits: number[] = []
  for (let rest = random.pick(EXTREMES_32); rest >= 0x80; rest = Math.floor(rest / 128)) {
    digits.push(0x80 | (rest % 128))
  }
  digits.push(random.below(0x80))
  const at = random.below(bytes.byteLength + 1)
  return joined(bytes.subarray(0, at), Uint8Array.from(digits), bytes.subarray(at + 1))
}

function truncate(bytes: Uint8Array, { random }: MutateContext): Uint8Array {
  return bytes.subarray(0, random.below(bytes.byteLength + 1))
}

function removeRange(bytes: Uint8Array, { random }: MutateContext): Uint8Array {
  const { from, to } = rangeOf(bytes, random)
  return joined(bytes.subarray(0, from), bytes.subarray(to))
}

function doubleRange(bytes: Uint8Array, { random }: MutateContext): Uint8Array {
  const { from, to } = rangeOf(bytes, random)
  return joined(bytes.subarray(0, to), bytes.subarray(from))
}

function insertBytes(bytes: Uint8Array, { random }: MutateContext): Uint8Array {
  const at = random.below(bytes.byteLength + 1)
  const inserted = random.bytes(1 + random.below(random.chance(0.2) ? 64 : 4))
  return joined(bytes.subarray(0, at), inserted, bytes.subarray(at))
}

function writeWord(bytes: Uint8Array, { random }: MutateContext): Uint8Array {
  const at = random.below(bytes.byteLength + 1)
  const word = random.pick(WORDS)
  const rest = random.chance(0.5) ? at : at + word.byteLength
  return joined(bytes.subarray(0, at), word, bytes.subarray(rest))
}

/** The beginning of this one and the end of another. */
function splice(bytes: Uint8Array, { random, others }: MutateContext): Uint8Array {
  const other = random.pick(others) ?? bytes
  const at = random.below(bytes.byteLength + 1)
  const otherAt = random.chance(0.5) ? at : random.below(other.byteLength + 1)
  return joined(bytes.subarray(0, at), other.subarray(otherAt))
}

/** A field of another one in the place of ours. */
function takeField(bytes: Uint8Array, { random, others }: MutateContext): Uint8Array {
  const other = random.pick(others) ?? bytes
  const at = random.below(Math.min(bytes.byteLength, other.byteLength) + 1)
  const size = random.pick([1, 4, 8, 16, 32, 64])
  return joined(bytes.subarray(0, at), other.subarray(at, at + size), bytes.subarray(at + size))
}

function rangeOf(bytes: Uint8Array, random: Random): { from: number; to: number } {
  const from = random.below(bytes.byteLength + 1)
  const sizeMax = random.chance(0.3) ? bytes.byteLength : 40
  return { from, to: Math.min(bytes.byteLength, from + random.below(sizeMax + 1)) }
}

function changed(bytes: Uint8Array, at: number, change: (byte: number) => number): Uint8Array {
  const copy = bytes.slice()
  if (copy.byteLength > 0) copy[at] = change(copy[at] as number)
  return copy
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  let size = 0
  for (const part of parts) size += part.byteLength
  const whole = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}
