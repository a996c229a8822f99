/** Envelopes keep every field through their bytes, have one encoding each, and refuse what is over a
 *  limit or damaged; parts join to what was split. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Hlc } from '../../src/base/ids.ts'
import { toSeq } from '../../src/base/ids.ts'
import { equalBytes } from '../../src/bytes/compare.ts'
import { DecodeError } from '../../src/bytes/reader.ts'
import { createWriter } from '../../src/bytes/writer.ts'
import { decodeEnvelope, type Envelope, encodeEnvelope } from '../../src/transport/envelope.ts'
import * as layout from '../../src/transport/layout.ts'
import { createPartJoiner, splitIntoParts } from '../../src/transport/part.ts'
import { entryFrame } from './transport-fixtures.ts'

const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
const seq = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }).map((value) => toSeq(value))
const small = fc.uint8Array({ maxLength: 200 })
const flag = fc.boolean()

const envelope: fc.Arbitrary<Envelope> = fc.oneof(
  fc.record({
    type: fc.constant('heads' as const),
    shard: key,
    heads: fc.array(fc.record({ author: key, position: fc.record({ seq, checksum: key }) }), {
      maxLength: 5,
    }),
    first: seq,
  }),
  fc.record({
    type: fc.constant('authority' as const),
    shard: key,
    frames: fc.array(fc.integer({ min: 0, max: 300 }).map(entryFrame), { maxLength: 3 }),
  }),
  fc.record({
    type: fc.constant('want' as const),
    shard: key,
    author: key,
    from: seq,
    to: fc.option(seq, { nil: undefined }),
  }),
  fc.record({ type: fc.constant('run' as const), bytes: small }),
  fc.record({
    type: fc.constant('receipt' as const),
    receipt: fc.record({
      shard: key,
      author: key,
      epoch: seq,
      seq: seq.filter((value) => value > 0n),
      checksum: key,
      hlc: seq.map((value) => BigInt(value) as Hlc),
      flags: fc.record({ durable: flag, archived: flag, fork: flag }),
      holder: key,
      signature: fc.uint8Array({ minLength: 64, maxLength: 64 }),
    }),
  }),
  fc.record({ type: fc.constant('want-snapshot' as const), shard: key, seqMin: seq }),
  fc.record({
    type: fc.constant('snapshot' as const),
    shard: key,
    index: fc.nat(),
    last: flag,
    bytes: small,
  }),
  fc.record({
    type: fc.constant('error' as const),
    code: fc.string({ maxLength: 20 }),
    text: fc.string({ maxLength: 100, unit: 'grapheme' }),
  }),
)

describe('envelope', () => {
  it('decodes to what was encoded, for every type', () => {
    fc.assert(
      fc.property(envelope, (value) => {
        const decoded = decodeEnvelope(encodeEnvelope(value))
        expect(decoded).toEqual({ ok: true, value })
      }),
      { numRuns: 300 },
    )
  })

  it('has one encoding a value: a flipped bit is refused or means exactly the flipped bytes', () => {
    fc.assert(
      fc.property(envelope, fc.nat(), fc.integer({ min: 0, max: 7 }), (value, place, bit) => {
        const bytes = encodeEnvelope(value)
        const at = place % bytes.length
        bytes[at] = (bytes[at] as number) ^ (1 << bit)
        const decoded = decodeEnvelope(bytes)
        if (decoded.ok) expect(encodeEnvelope(decoded.value)).toEqual(bytes)
        else expect(decoded.failure.code).toBe('ErrDecode')
      }),
      { numRuns: 600 },
    )
  })

  it('refuses every prefix of itself and any trailing byte', () => {
    const bytes = encodeEnvelope({
      type: 'authority',
      shard: new Uint8Array(32),
      frames: [entryFrame(9)],
    })
    for (let size = 0; size < bytes.length; size++) {
      expect(decodeEnvelope(bytes.subarray(0, size)).ok).toBe(false)
    }
    expect(decodeEnvelope(Uint8Array.from([...bytes, 0])).ok).toBe(false)
  })

  it('refuses counts and texts over their limits before it reads them', () => {
    const heads = createWriter().u8(3).u32(0).bytes(new Uint8Array(32)).u64(0n)
    heads.varint(layout.HEADS_MAX + 1)
    heads.patchU32(1, heads.size - 5)
    expect(decodeEnvelope(heads.finish())).toMatchObject({ failure: { code: 'ErrDecode' } })
    const error = createWriter().u8(10).u32(0).str16('x'.repeat(65)).str16('')
    error.patchU32(1, error.size - 5)
    expect(decodeEnvelope(error.finish())).toMatchObject({ failure: { code: 'ErrDecode' } })
    const snapshot = createWriter().u8(9).u32(0).bytes(new Uint8Array(32)).u32(0).u8(1)
    snapshot.bytes(new Uint8Array(layout.SNAPSHOT_PART_BYTES_MAX + 1))
    snapshot.patchU32(1, snapshot.size - 5)
    expect(decodeEnvelope(snapshot.finish())).toMatchObject({ failure: { code: 'ErrDecode' } })
  })

  it('cuts an error text that would not fit, at a character', () => {
    const bytes = encodeEnvelope({ type: 'error', code: 'ErrDenied', text: 'é'.repeat(2000) })
    const decoded = decodeEnvelope(bytes)
    if (!decoded.ok || decoded.value.type !== 'error') throw new Error('it did not decode')
    expect(decoded.value.text).toBe('é'.repeat(layout.ERROR_TEXT_BYTES_MAX / 2))
  })
})

describe('parts', () => {
  const runOf = (size: number): Uint8Array =>
    encodeEnvelope({ type: 'run', bytes: Uint8Array.from({ length: size }, (_, at) => at % 251) })

  it('leaves a message within the limit whole and joins a larger one to the same bytes', () => {
    const fits = runOf(layout.MESSAGE_BYTES_MAX - layout.MESSAGE_HEADER_BYTES)
    expect(splitIntoParts(fits, 0)[0]).toBe(fits)
    for (const size of [fits.length + 1, 2 * layout.PART_PAYLOAD_BYTES, 3_000_000]) {
      const message = runOf(size - layout.MESSAGE_HEADER_BYTES)
      const parts = splitIntoParts(message, 5)
      expect(parts.every((part) => part.length <= layout.MESSAGE_BYTES_MAX)).toBe(true)
      const joiner = createPartJoiner()
      const joined = parts.map((part) => joiner.add(part))
      expect(joined.slice(0, -1).every((whole) => whole === undefined)).toBe(true)
      expect(equalBytes(joined.at(-1) as Uint8Array, message)).toBe(true)
      expect(joiner.isOpen).toBe(false)
    }
  })

  it('refuses parts that are lost, swapped, repeated or of another message', () => {
    const parts = splitIntoParts(runOf(3_000_000), 5)
    const other = splitIntoParts(runOf(3_000_000), 6)
    const [first, second, third] = parts as [Uint8Array, Uint8Array, Uint8Array]
    const orders = [[second], [first, third], [first, first], [first, other[1] as Uint8Array]]
    for (const order of orders) {
      const joiner = createPartJoiner()
      expect(() => order.map((part) => joiner.add(part))).toThrow(DecodeError)
    }
  })

  it('refuses a count whose message could not be allowed, before it keeps anything', () => {
    const part = splitIntoParts(runOf(3_000_000), 5)[0] as Uint8Array
    new DataView(part.buffer).setUint32(13, 27)
    expect(() => createPartJoiner().add(part)).toThrow(/27 parts/)
  })

  it('refuses a message of a type that is never that large', () => {
    const message = runOf(2_000_000)
    message[0] = layout.MESSAGE_TYPE.heads
    const joiner = createPartJoiner()
    const parts = splitIntoParts(message, 1)
    joiner.add(parts[0] as Uint8Array)
    expect(() => joiner.add(parts[1] as Uint8Array)).toThrow(/never travels in parts/)
  })
})

describe('layout', () => {
  it('says the sizes that its table says', () => {
    expect(layout.HELLO_BODY_BYTES).toBe(1 + 1 + 32 + 32 + 8)
    expect(layout.MESSAGE_BYTES_MAX).toBe(1024 * 1024)
    expect(layout.PART_PAYLOAD_BYTES + 12 + 5).toBe(layout.MESSAGE_BYTES_MAX)
    expect(Object.values(layout.MESSAGE_TYPE)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])
  })
})
