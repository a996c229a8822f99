/** Reader and writer, text forms, the hybrid clock, CRC-32C: each against its definition. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Hlc } from '../../src/base/ids.ts'
import { createMutex } from '../../src/base/mutex.ts'
import { createReader, DecodeError, decoding } from '../../src/bytes/reader.ts'
import { formatBase64url, formatHex, parseBase64url, parseHex } from '../../src/bytes/text.ts'
import { createWriter } from '../../src/bytes/writer.ts'
import { hlcToMs, isAbove, tickHlc } from '../../src/clock/hlc.ts'
import { crc32c } from '../../src/crypto/crc32c.ts'

const U64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn })

describe('reader and writer', () => {
  it('read back what was written, in every field type', () => {
    const fields = fc.tuple(
      fc.nat(255),
      fc.nat(65535),
      fc.nat(0xffff_ffff),
      U64,
      fc.maxSafeNat(),
      U64,
    )
    fc.assert(
      fc.property(
        fields,
        fc.string({ unit: 'grapheme' }),
        fc.uint8Array(),
        ([a, b, c, d, e, f], text, bytes) => {
          const writer = createWriter(1).u8(a).u16(b).u32(c).u64(d).varint(e).varint64(f)
          const encoded = writer.str16(text).bytes(bytes).finish()
          const reader = createReader(encoded)
          const { MAX_SAFE_INTEGER } = Number
          expect([reader.u8(), reader.u16(), reader.u32(), reader.u64()]).toEqual([a, b, c, d])
          expect([reader.varint(MAX_SAFE_INTEGER), reader.varint64()]).toEqual([e, f])
          expect(reader.str16(65535)).toBe(text)
          expect(reader.bytes(bytes.byteLength)).toEqual(bytes)
          reader.end()
        },
      ),
      { numRuns: 200 },
    )
  })

  it('never read past the view, though the buffer goes on', () => {
    const buffer = new Uint8Array(16).fill(7)
    const reader = createReader(buffer.subarray(4, 7))
    expect(() => reader.u32()).toThrow(DecodeError)
    expect(reader.bytes(3)).toEqual(new Uint8Array([7, 7, 7]))
    expect(() => reader.u8()).toThrow(DecodeError)
  })

  it('refuse varints that are not shortest, too long or over the limit', () => {
    for (const bytes of [[0x80, 0x00], [0xff, 0x00], Array(11).fill(0xff), [0x80]]) {
      expect(() => createReader(Uint8Array.from(bytes)).varint(2 ** 40)).toThrow(DecodeError)
      expect(() => createReader(Uint8Array.from(bytes)).varint64()).toThrow(DecodeError)
    }
    expect(() => createReader(createWriter().varint(300).finish()).varint(299)).toThrow(DecodeError)
    const tenth = [...Array(9).fill(0xff), 0x02]
    expect(() => createReader(Uint8Array.from(tenth)).varint64()).toThrow(DecodeError)
  })

  it('refuse trailing bytes, and text that is too long or not UTF-8', () => {
    expect(() => createReader(Uint8Array.of(1)).end()).toThrow(DecodeError)
    expect(() => createReader(Uint8Array.of(0, 2, 0xc3, 0x28)).str16(9)).toThrow(DecodeError)
    expect(() => createReader(createWriter().str16('abc').finish()).str16(2)).toThrow(DecodeError)
  })

  it('turn malformed input into ErrDecode and let bugs through', () => {
    const refused = decoding('thing', () => createReader(new Uint8Array()).u8())
    expect(refused.ok ? undefined : refused.failure.code).toBe('ErrDecode')
    expect(() => decoding('thing', () => (undefined as unknown as Uint8Array).length)).toThrow(
      TypeError,
    )
  })
})

describe('text forms', () => {
  it('are one text for one byte string', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        for (const [format, parse] of [
          [formatHex, parseHex],
          [formatBase64url, parseBase64url],
        ] as const) {
          const parsed = parse(format(bytes))
          expect(parsed.ok && parsed.value).toEqual(bytes)
        }
        expect(formatBase64url(bytes)).toBe(Buffer.from(bytes).toString('base64url'))
      }),
    )
    for (const text of ['a', 'AB', 'A+', 'AA=', '////A'])
      expect(parseBase64url(text).ok).toBe(false)
    for (const text of ['a', 'zz', '0x00']) expect(parseHex(text).ok).toBe(false)
  })
})

describe('hybrid logical clock', () => {
  it('ticks strictly above everything it follows, whatever the wall clock does', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 40), fc.array(U64, { maxLength: 4 }), (nowMs, after) => {
        const before = after.map((value) => (value >> 1n) as Hlc)
        const next = tickHlc(nowMs, ...before)
        expect(isAbove(next, ...before)).toBe(true)
        expect(hlcToMs(next)).toBeGreaterThanOrEqual(nowMs)
      }),
    )
  })

  it('carries a full counter into the milliseconds', () => {
    const full = ((1000n << 16n) | 0xffffn) as Hlc
    expect(hlcToMs(tickHlc(5, full))).toBe(1001)
  })
})

describe('CRC-32C', () => {
  it('has the published check values and goes on from a seed', () => {
    const text = (value: string) => new TextEncoder().encode(value)
    // RFC 3720, B.4, and the check value of the CRC catalogue.
    expect(crc32c(text('123456789'))).toBe(0xe3069283)
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43)
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index))).toBe(0x46dd794e)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 99 }), fc.nat(99), (bytes, cut) => {
        const whole = crc32c(bytes)
        expect(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut)))).toBe(whole)
      }),
    )
  })
})

describe('mutex', () => {
  it('runs one task at a time in order, and is free again after one that throws', async () => {
    const mutex = createMutex()
    const log: string[] = []
    const task = (name: string, isFailing = false) =>
      mutex.run(async () => {
        log.push(`${name} begins`)
        await Promise.resolve()
        log.push(`${name} ends`)
        if (isFailing) throw new Error(name)
      })
    const results = await Promise.allSettled([task('a'), task('b', true), task('c')])
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
    expect(mutex.isHeld).toBe(false)
  })
})
