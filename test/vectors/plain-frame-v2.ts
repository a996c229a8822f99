/** An encoder of the frame formats written against FORMATS alone, with a plain DataView and @noble, so
 *  that it cannot share a mistake with src.  Never: imports from src.  It checks nothing. */

import * as ed25519 from '@noble/ed25519'
import { blake3 } from '@noble/hashes/blake3.js'
import { sha512 } from '@noble/hashes/sha2.js'

export type Bytes = Uint8Array

export const text: TextEncoder = new TextEncoder()

export const hex = (bytes: Bytes): string => Buffer.from(bytes).toString('hex')
export const join = (...parts: Bytes[]): Bytes => new Uint8Array(Buffer.concat(parts))
export const fill = (size: number, value: number): Bytes => new Uint8Array(size).fill(value)
export const u8 = (value: number): Bytes => Uint8Array.of(value)

export function fixed(size: 2 | 4 | 8, value: number | bigint): Bytes {
  const view = new DataView(new ArrayBuffer(size))
  if (size === 2) view.setUint16(0, Number(value))
  if (size === 4) view.setUint32(0, Number(value))
  if (size === 8) view.setBigUint64(0, BigInt(value))
  return new Uint8Array(view.buffer)
}

export function varint(value: number | bigint): Bytes {
  const bytes: number[] = []
  let rest = BigInt(value)
  do {
    const low = Number(rest & 127n)
    rest >>= 7n
    bytes.push(rest === 0n ? low : low | 128)
  } while (rest !== 0n)
  return Uint8Array.from(bytes)
}

export const str16 = (value: string): Bytes => join(fixed(2, text.encode(value).length), text.encode(value))
export const hash = (context: string, ...parts: Bytes[]): Bytes =>
  blake3(join(...parts), { context: text.encode(context) })

export function keyOf(seedByte: number): Key {
  ed25519.hashes.sha512 ??= sha512
  const seed = fill(32, seedByte)
  const publicKey = ed25519.getPublicKey(seed)
  return { seed, publicKey, sign: (message: Bytes) => ed25519.sign(message, seed) }
}

export type Key = {
  readonly seed: Bytes
  readonly publicKey: Bytes
  sign(message: Bytes): Bytes
}

type FrameInput = {
  readonly kind: number
  readonly flags: number
  readonly shard: Bytes
  readonly author: Bytes
  readonly epoch: bigint
  readonly seq: bigint
  readonly prev: Bytes
  readonly hlc: bigint
  readonly sections: readonly Bytes[]
  readonly salt?: Bytes
}

const sectionDigest = (bytes: Bytes, index: number, salt: Bytes): Bytes =>
  hash('constellite section v1', salt, varint(index), bytes)

/** Header, checksum, and the block in each form. */
export function frameOf(input: FrameInput): MadeFrame {
  const salt = input.salt ?? new Uint8Array(0)
  const digests = input.sections.map((bytes, index) => sectionDigest(bytes, index, salt))
  const listed = input.sections.map((bytes) => join(varint(bytes.length), bytes))
  const block = join(salt, varint(input.sections.length), ...listed)
  const digest = hash('constellite payload v1', ...digests)
  const preimage = join(
    text.encode('CF'),
    u8(2),
    u8(1),
    u8(input.kind),
    u8(input.flags),
    input.shard,
    input.author,
    fixed(8, input.epoch),
    fixed(8, input.seq),
    input.prev,
    fixed(8, input.hlc),
    fixed(4, block.length),
    digest,
  )
  const checksum = hash('constellite frame v2', preimage)
  const header = join(preimage, checksum)
  const partBlock = (absent: number): Bytes =>
    join(
      salt,
      varint(input.sections.length),
      ...listed.map((bytes, index) =>
        index === absent ? join(u8(0), digests[index] as Bytes) : join(u8(1), bytes),
      ),
    )
  return {
    input,
    checksum,
    block,
    digest,
    whole: join(header, u8(1), block),
    stub: join(header, u8(0)),
    part: (absent: number) => join(header, u8(2), partBlock(absent)),
  }
}

export type MadeFrame = {
  readonly input: FrameInput
  readonly checksum: Bytes
  readonly block: Bytes
  readonly digest: Bytes
  readonly whole: Bytes
  readonly stub: Bytes
  /** Without the section of this index. */
  part(absent: number): Bytes
}

export type MadeSeal = { readonly bytes: Bytes; readonly signature: Bytes; readonly root: Bytes }

export type MadeRun = { readonly seal: MadeSeal; readonly bytes: Bytes }

export function sealOf(
  key: Key,
  shard: Bytes,
  epoch: bigint,
  last: MadeFrame,
  root: Bytes,
): MadeSeal {
  const fields = join(
    shard,
    key.publicKey,
    fixed(8, epoch),
    fixed(8, last.input.seq),
    last.checksum,
    root,
    u8(1),
  )
  const signature = key.sign(join(text.encode('constellite seal v1'), fields))
  return { bytes: join(fields, signature), signature, root }
}

export function runOf(
  key: Key,
  shard: Bytes,
  epoch: bigint,
  frames: readonly MadeFrame[],
  root: Bytes,
): MadeRun {
  const first = frames[0] as MadeFrame
  const last = frames.at(-1) as MadeFrame
  const seal = sealOf(key, shard, epoch, last, root)
  let hlc = 0n
  const body: Bytes[] = []
  for (const frame of frames) {
    const { kind, flags } = frame.input
    const delta = varint(frame.input.hlc - hlc)
    body.push(u8(kind), u8(flags), u8(1), delta, varint(frame.block.length), frame.block)
    hlc = frame.input.hlc
  }
  const start = join(u8(1), u8(1), shard, key.publicKey, fixed(8, epoch))
  const chain = join(fixed(8, first.input.seq), first.input.prev, varint(frames.length))
  const end = join(last.checksum, root, seal.signature)
  return { seal, bytes: join(start, chain, end, ...body) }
}

export function receiptOf(holder: Key, shard: Bytes, head: MadeFrame): Bytes {
  const fields = join(
    shard,
    head.input.author,
    fixed(8, head.input.epoch),
    fixed(8, head.input.seq),
    head.checksum,
    fixed(8, 0x0193_0000_0000_0001n),
    u8(1),
    holder.publicKey,
  )
  return join(fields, holder.sign(join(text.encode('constellite receipt v1'), fields)))
}
