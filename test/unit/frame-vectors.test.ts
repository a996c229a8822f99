/** The frame formats, byte for byte, against vectors that an encoder independent of src made. */

import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Result } from '../../src/base/failure.ts'
import { orThrow, succeed } from '../../src/base/failure.ts'
import type { Hlc, Seq } from '../../src/base/ids.ts'
import { formatHex, parseHex } from '../../src/bytes/text.ts'
import { signerFromSeed } from '../../src/crypto/signer-noble.ts'
import { formatAddress, parseAddress } from '../../src/frame/address.ts'
import { mayWrite, readAuthority } from '../../src/frame/authority.ts'
import { decodeControl, encodeControl } from '../../src/frame/control.ts'
import {
  buildFrame,
  decodeFrame,
  encodeFrame,
  flagsOf,
  kindOf,
  partOf,
  stubOf,
} from '../../src/frame/frame.ts'
import { createGenesis, readGenesis } from '../../src/frame/genesis.ts'
import { createHandOver, verifyHandOver } from '../../src/frame/hand-over.ts'
import {
  createReceipt,
  decodeReceipt,
  encodeReceipt,
  verifyReceipt,
} from '../../src/frame/receipt.ts'
import { decodeRun, encodeRun } from '../../src/frame/run.ts'
import { createSeal, encodeSeal } from '../../src/frame/seal.ts'
import { makeFrameVectors } from '../vectors/make-frame-v2.ts'

const FILE = new URL('../vectors/frame-v2.json', import.meta.url)
if (process.env.CONSTELLITE_WRITE_VECTORS === '1') writeFileSync(FILE, makeFrameVectors())
const written = readFileSync(FILE, 'utf8')
const vectors = JSON.parse(written)

const bytes = (text: string): Uint8Array => orThrow(parseHex(text))
const signer = (name: string) =>
  signerFromSeed(new Uint8Array(32).fill(Number.parseInt(vectors.seeds[name], 16)))
const anyone = (): Result<void> => succeed(undefined)
const frameOf = (name: string) => orThrow(decodeFrame(bytes(vectors.frames[name].whole)))

describe('frame vectors', () => {
  it('are what the independent encoder makes', () => {
    expect(written).toBe(makeFrameVectors())
  })

  it.each(Object.keys(vectors.frames))('build, encode and decode the %s frame', (name) => {
    const vector = vectors.frames[name]
    const { compressed, encrypted, continues } = flagsOf(vector.flags)
    const frame = buildFrame({
      kind: kindOf(vector.kind),
      flags: { compressed, encrypted, continues },
      shard: bytes(vector.shard),
      author: bytes(vector.author),
      epoch: BigInt(vector.epoch),
      seq: BigInt(vector.seq) as Seq,
      prev: bytes(vector.prev),
      hlc: BigInt(vector.hlc) as Hlc,
      sections: vector.sections.map(bytes),
      salt: vector.salt === '' ? undefined : bytes(vector.salt),
    })
    expect(formatHex(frame.payloadDigest)).toBe(vector.payloadDigest)
    expect(formatHex(frame.checksum)).toBe(vector.checksum)
    expect(formatHex(encodeFrame(frame))).toBe(vector.whole)
    expect(formatHex(encodeFrame(stubOf(frame)))).toBe(vector.stub)
    expect(decodeFrame(bytes(vector.whole))).toEqual(succeed(frame))
    expect(decodeFrame(bytes(vector.stub))).toEqual(succeed(stubOf(frame)))
  })

  it('encode and decode a frame in part', () => {
    const part = partOf(frameOf('entry'), (index) => index !== 0)
    expect(formatHex(encodeFrame(part))).toBe(vectors.frames.entry.partWithoutFirst)
    expect(decodeFrame(bytes(vectors.frames.entry.partWithoutFirst))).toEqual(succeed(part))
  })

  it('make the genesis and its shard id', () => {
    const made = createGenesis({
      name: 'notes',
      mode: 'ordered',
      owner: signer('owner').publicKey,
      recovery: signer('recovery').publicKey,
      author: signer('author').publicKey,
      hlc: BigInt(vectors.frames.genesis.hlc) as Hlc,
      random: new Uint8Array(16).fill(0x5a),
    })
    expect(formatHex(encodeFrame(made.frame))).toBe(vectors.frames.genesis.whole)
    expect(formatHex(made.shard)).toBe(vectors.shard)
    expect(readGenesis(frameOf('genesis'))).toEqual(succeed(made))
  })

  it('make and verify the hand-over', async () => {
    const entry = frameOf('entry')
    const frame = await createHandOver({
      shard: bytes(vectors.shard),
      epoch: 1n,
      author: signer('second').publicKey,
      fromSeq: 4n as Seq,
      prev: entry.checksum,
      hlc: BigInt(vectors.frames.handOver.hlc) as Hlc,
      signer: signer('owner'),
    })
    expect(formatHex(encodeFrame(frame))).toBe(vectors.frames.handOver.whole)
    expect(verifyHandOver(orThrow(readGenesis(frameOf('genesis'))), frame).ok).toBe(true)
  })

  it('make and verify the seal', async () => {
    const entry = frameOf('entry')
    const seal = await createSeal(signer('author'), {
      shard: bytes(vectors.shard),
      epoch: 0n,
      seq: entry.seq,
      checksum: entry.checksum,
      root: new Uint8Array(32).fill(0xa1),
    })
    expect(formatHex(encodeSeal(seal))).toBe(vectors.seal)
  })

  it.each(Object.keys(vectors.runs))('decode and encode the %s run', (name) => {
    const authority = orThrow(readAuthority([frameOf('genesis')], bytes(vectors.shard)))
    const run = orThrow(decodeRun(bytes(vectors.runs[name].bytes), mayWrite(authority)))
    expect(formatHex(run.seal.root)).toBe(vectors.runs[name].root)
    expect(formatHex(encodeRun(run))).toBe(vectors.runs[name].bytes)
    expect(decodeRun(encodeRun(run), anyone)).toEqual(succeed(run))
  })

  it('make and verify the receipt', async () => {
    const entry = frameOf('entry')
    const receipt = await createReceipt(signer('holder'), {
      shard: bytes(vectors.shard),
      author: entry.author,
      epoch: entry.epoch,
      seq: entry.seq,
      checksum: entry.checksum,
      hlc: 0x0193_0000_0000_0001n as Hlc,
      flags: { durable: true, archived: false, fork: false },
    })
    expect(formatHex(encodeReceipt(receipt))).toBe(vectors.receipt)
    expect(decodeReceipt(bytes(vectors.receipt))).toEqual(succeed(receipt))
    expect(verifyReceipt(receipt)).toBe(true)
  })

  it.each(Object.keys(vectors.control))('decode and encode the %s operation', (op) => {
    const operation = orThrow(decodeControl(bytes(vectors.control[op])))
    expect(operation.op).toBe(op)
    expect(formatHex(encodeControl(operation))).toBe(vectors.control[op])
  })

  it('parse and format the address', () => {
    const { relay, secret, text } = vectors.address
    const address = { shard: bytes(vectors.shard), relays: [relay], secret }
    expect(formatAddress(address)).toBe(text)
    expect(parseAddress(`  ${text}\n`)).toEqual(succeed(address))
  })
})
