/** Frames, seals and receipts come back as they were; no flipped byte of them is believed. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Result, succeed } from '../../src/base/failure.ts'
import type { Hlc, Seq } from '../../src/base/ids.ts'
import { createReader } from '../../src/bytes/reader.ts'
import { createWriter } from '../../src/bytes/writer.ts'
import { type ChainCursor, readFrameBody, writeFrameBody } from '../../src/frame/body.ts'
import {
  buildFrame,
  decodeFrame,
  encodeFrame,
  type Frame,
  partOf,
  stubOf,
} from '../../src/frame/frame.ts'
import { FRAME_PAYLOAD_BYTES_MAX } from '../../src/frame/layout.ts'
import {
  createReceipt,
  decodeReceipt,
  encodeReceipt,
  type Receipt,
  verifyReceipt,
} from '../../src/frame/receipt.ts'
import { createSeal, decodeSeal, encodeSeal, type Seal, verifySeal } from '../../src/frame/seal.ts'
import { AUTHOR, anyFrame, flipped, frameAfter, genesisOf, ROOT, ZEROS } from './frame-fixtures.ts'

const genesis = genesisOf()
const salted = frameAfter(genesis, genesis.frame, {
  sections: [Uint8Array.of(1, 2, 3), new Uint8Array(0), new Uint8Array(200).fill(7)],
  salt: new Uint8Array(16).fill(5),
})

/** The frame as a copy that has everything, some sections, or no payload holds it. */
const anyForm = fc
  .tuple(anyFrame, fc.constantFrom('whole', 'part', 'stub'), fc.integer({ min: 0, max: 5 }))
  .map(([frame, form, absent]): Frame => {
    if (form === 'stub') return stubOf(frame)
    return form === 'part' ? partOf(frame, (index) => index !== absent) : frame
  })

function cursorAt(frame: Frame, hlc: Hlc): ChainCursor {
  const isGenesis = frame.shard.every((byte) => byte === 0)
  const { author, epoch, seq, prev } = frame
  return { shard: isGenesis ? genesis.shard : frame.shard, author, epoch, seq, prev, hlc }
}

function bodyOf(frame: Frame, hlcBefore: Hlc): Uint8Array {
  const writer = createWriter()
  writeFrameBody(writer, frame, hlcBefore)
  return writer.finish()
}

describe('a frame', () => {
  it('in any form comes back from its encoding', () => {
    const property = fc.property(anyForm, (frame) => {
      expect(decodeFrame(encodeFrame(frame))).toEqual(succeed(frame))
    })
    fc.assert(property, { numRuns: 150 })
  })

  it('in any form comes back from its body, with everything recomputed', () => {
    const property = fc.property(anyForm, fc.bigInt(0n, 1n << 40n), (frame, before) => {
      const hlc = (before < frame.hlc ? before : 0n) as Hlc
      const reader = createReader(bodyOf(frame, hlc))
      expect(readFrameBody(reader, cursorAt(frame, hlc))).toEqual(frame)
      reader.end()
    })
    fc.assert(property, { numRuns: 150 })
  })

  it('has one checksum whatever is absent', () => {
    const property = fc.property(anyFrame, fc.nat({ max: 5 }), (frame, absent) => {
      // Decoding recomputes digest and checksum from what is present.
      const part = decodeFrame(encodeFrame(partOf(frame, (index) => index !== absent)))
      expect(part).toMatchObject({ ok: true, value: { checksum: frame.checksum } })
    })
    fc.assert(property, { numRuns: 50 })
  })

  it.each([
    ['whole', salted],
    ['in part', partOf(salted, (index) => index !== 0)],
    ['as a stub', stubOf(salted)],
    ['that is a genesis', genesis.frame],
  ])('%s is refused with any byte flipped, cut or added', (_, frame) => {
    const encoded = encodeFrame(frame)
    for (let at = 0; at < encoded.byteLength; at++) {
      expectRefused(decodeFrame(flipped(encoded, at)))
      expectRefused(decodeFrame(encoded.subarray(0, at)))
    }
    expectRefused(decodeFrame(Uint8Array.of(...encoded, 0)))
  })

  it('is refused as ErrChecksum when a field was changed but not its form', () => {
    const encoded = encodeFrame(salted)
    const places = { author: 40, epoch: 77, seq: 85, prev: 90, hlc: 125, digest: 140, payload: 260 }
    for (const at of Object.values(places)) {
      const refused = decodeFrame(flipped(encoded, at))
      expect(refused).toMatchObject({ ok: false, failure: { code: 'ErrChecksum' } })
    }
  })

  it('read from a body has another checksum, or is refused, when any byte is flipped', () => {
    const body = bodyOf(salted, 0n as Hlc)
    for (let at = 0; at < body.byteLength; at++) {
      const checksum = checksumOrNothing(flipped(body, at), cursorAt(salted, 0n as Hlc))
      expect(checksum).not.toEqual(salted.checksum)
    }
  })

  it('finds the genesis in a body by the shard id, whole or as a stub', () => {
    for (const frame of [genesis.frame, stubOf(genesis.frame)]) {
      const reader = createReader(bodyOf(frame, 0n as Hlc))
      expect(readFrameBody(reader, cursorAt(frame, 0n as Hlc))).toEqual(frame)
    }
    // In another shard the same bytes are an ordinary frame with another checksum.
    const elsewhere = { ...cursorAt(genesis.frame, 0n as Hlc), shard: ROOT }
    const body = createReader(bodyOf(genesis.frame, 0n as Hlc))
    const read = readFrameBody(body, elsewhere)
    expect(read.shard).toEqual(ROOT)
    expect(read.checksum).not.toEqual(genesis.frame.checksum)
  })

  it('in a body is refused when its clock does not rise, or rises past 64 bits', () => {
    const body = [...bodyOf(salted, (salted.hlc - 1n) as Hlc)]
    expect(body[3]).toBe(1)
    const read = (delta: number, hlc: bigint): Uint8Array | undefined => {
      body[3] = delta
      return checksumOrNothing(Uint8Array.from(body), cursorAt(salted, hlc as Hlc))
    }
    expect(read(1, salted.hlc - 1n)).toEqual(salted.checksum)
    expect(read(0, salted.hlc)).toBeUndefined()
    expect(read(1, 0xffff_ffff_ffff_fffen)).toBeDefined()
    expect(read(1, 0xffff_ffff_ffff_ffffn)).toBeUndefined()
  })

  it('in part is refused when what is present is more than the whole', () => {
    const part = partOf(salted, (index) => index !== 0)
    // Salt 16, count 1, an absent section of at least 1, then 1 + 0 and 2 + 200 bytes.
    const least = 16 + 1 + 1 + 1 + 202
    const read = (payloadBytes: number): Uint8Array | undefined =>
      checksumOrNothing(bodyOf({ ...part, payloadBytes }, 0n as Hlc), cursorAt(part, 0n as Hlc))
    expect(read(least)).toBeDefined()
    expect(read(least - 1)).toBeUndefined()
  })

  it('in a body is refused in any other than its one encoding', () => {
    const read = (form: number, payloadBytes: number, block: readonly number[]) =>
      checksumOrNothing(
        Uint8Array.of(1, 0, form, 1, payloadBytes, ...block),
        cursorAt(salted, 0n as Hlc),
      )
    expect(read(1, 3, [1, 1, 9])).toBeDefined()
    // Form 2 with every section present, form 3, an unknown mark.
    expect(read(2, 3, [1, 1, 1, 9])).toBeUndefined()
    expect(read(3, 3, [1, 1, 9])).toBeUndefined()
    expect(read(2, 40, [1, 2, 1, 9])).toBeUndefined()
    // A block that is longer or shorter than its length, and one without a section.
    expect(read(1, 4, [1, 1, 9, 0])).toBeUndefined()
    expect(read(1, 2, [1, 1, 9])).toBeUndefined()
    expect(read(1, 1, [0])).toBeUndefined()
    // A length that is not in its shortest form.
    expect(read(1, 4, [1, 0x81, 0, 9])).toBeUndefined()
  })

  it('is refused when it says what no frame may say, whatever its checksum', () => {
    const fields = { ...salted, sections: [new Uint8Array(1)], salt: undefined }
    const bad = [
      { ...fields, seq: 0n as Seq },
      { ...fields, hlc: 0n as Hlc },
      { ...fields, prev: ZEROS },
      { ...fields, seq: 1n as Seq },
      { ...fields, shard: ZEROS },
      { ...fields, kind: 'control' as const, flags: { encrypted: true } },
      { ...fields, kind: 'control' as const, flags: { continues: true } },
      { ...fields, sections: [] },
    ]
    for (const one of bad) expect(() => buildFrame(one)).toThrow(/invariant/)
  })

  it('holds a payload block of 16 MiB and not a byte more', () => {
    // Count 1 byte, length 4 bytes.
    const largest = new Uint8Array(FRAME_PAYLOAD_BYTES_MAX - 5)
    const frame = buildFrame({ ...salted, sections: [largest], salt: undefined })
    expect(frame.payloadBytes).toBe(FRAME_PAYLOAD_BYTES_MAX)
    const larger = new Uint8Array(FRAME_PAYLOAD_BYTES_MAX - 4)
    expect(() => buildFrame({ ...salted, sections: [larger], salt: undefined })).toThrow(/fits/)
    const encoded = encodeFrame(stubOf(frame))
    encoded.set([1, 0, 0, 1], 126)
    expect(decodeFrame(encoded)).toMatchObject({ ok: false, failure: { code: 'ErrDecode' } })
  })
})

describe('a seal', () => {
  const { frame, shard } = genesis
  const makeSeal = (): Promise<Seal> =>
    createSeal(AUTHOR, { shard, epoch: 0n, seq: frame.seq, checksum: frame.checksum, root: ROOT })

  it('comes back from its encoding and verifies', async () => {
    const seal = await makeSeal()
    expect(decodeSeal(encodeSeal(seal))).toEqual(succeed(seal))
    expect(verifySeal(seal)).toBe(true)
  })

  it('is refused with any byte flipped, cut or added', async () => {
    const encoded = encodeSeal(await makeSeal())
    for (let at = 0; at < encoded.byteLength; at++) {
      expectUnbelieved(decodeSeal(flipped(encoded, at)), verifySeal)
    }
    expectRefused(decodeSeal(encoded.subarray(1)))
    expectRefused(decodeSeal(Uint8Array.of(...encoded, 0)))
  })
})

describe('a receipt', () => {
  const { frame, shard } = genesis
  const makeReceipt = (): Promise<Receipt> =>
    createReceipt(AUTHOR, {
      shard,
      author: frame.author,
      epoch: 0n,
      seq: frame.seq,
      checksum: frame.checksum,
      hlc: 5n as Hlc,
      flags: { durable: true, archived: true, fork: false },
    })

  it('comes back from its encoding and verifies', async () => {
    const receipt = await makeReceipt()
    expect(decodeReceipt(encodeReceipt(receipt))).toEqual(succeed(receipt))
    expect(verifyReceipt(receipt)).toBe(true)
  })

  it('is refused with an unknown flag or seq 0, whoever signed it', async () => {
    const encoded = encodeReceipt(await makeReceipt())
    encoded[120] = 8
    expect(decodeReceipt(encoded)).toMatchObject({ ok: false, failure: { code: 'ErrDecode' } })
    encoded[120] = 7
    expect(decodeReceipt(encoded).ok).toBe(true)
    encoded[79] = 0
    expect(decodeReceipt(encoded).ok).toBe(false)
  })

  it('is refused with any byte flipped, cut or added', async () => {
    const encoded = encodeReceipt(await makeReceipt())
    for (let at = 0; at < encoded.byteLength; at++) {
      expectUnbelieved(decodeReceipt(flipped(encoded, at)), verifyReceipt)
    }
    expectRefused(decodeReceipt(encoded.subarray(1)))
    expectRefused(decodeReceipt(Uint8Array.of(...encoded, 0)))
  })
})

function checksumOrNothing(body: Uint8Array, cursor: ChainCursor): Uint8Array | undefined {
  try {
    const reader = createReader(body)
    const frame = readFrameBody(reader, cursor)
    reader.end()
    return frame.checksum
  } catch (error) {
    expect(error).toMatchObject({ name: 'DecodeError' })
    return undefined
  }
}

function expectRefused(result: Result<unknown>): void {
  expect(result.ok).toBe(false)
}

function expectUnbelieved<T>(result: Result<T>, verify: (value: T) => boolean): void {
  expect(result.ok && verify(result.value)).toBe(false)
}
