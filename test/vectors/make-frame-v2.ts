/** Makes frame-v2.json: frames, seals, runs, receipts and control operations as bytes, from fixed seeds.
 *  Keeps: written against FORMATS alone, with a plain DataView and @noble, so that it cannot share a
 *  mistake with src.  Never: imports from src.
 *  `CONSTELLITE_WRITE_VECTORS=1 npx vitest run test/unit/frame-vectors.test.ts` writes the file anew;
 *  once a version is released its vectors are never edited. */

import * as ed25519 from '@noble/ed25519'
import { blake3 } from '@noble/hashes/blake3.js'
import { sha512 } from '@noble/hashes/sha2.js'

type Bytes = Uint8Array

const text = new TextEncoder()

const hex = (bytes: Bytes): string => Buffer.from(bytes).toString('hex')
const join = (...parts: Bytes[]): Bytes => new Uint8Array(Buffer.concat(parts))
const fill = (size: number, value: number): Bytes => new Uint8Array(size).fill(value)
const u8 = (value: number): Bytes => Uint8Array.of(value)

function fixed(size: 2 | 4 | 8, value: number | bigint): Bytes {
  const view = new DataView(new ArrayBuffer(size))
  if (size === 2) view.setUint16(0, Number(value))
  if (size === 4) view.setUint32(0, Number(value))
  if (size === 8) view.setBigUint64(0, BigInt(value))
  return new Uint8Array(view.buffer)
}

function varint(value: number | bigint): Bytes {
  const bytes: number[] = []
  let rest = BigInt(value)
  do {
    const low = Number(rest & 127n)
    rest >>= 7n
    bytes.push(rest === 0n ? low : low | 128)
  } while (rest !== 0n)
  return Uint8Array.from(bytes)
}

const str16 = (value: string): Bytes => join(fixed(2, text.encode(value).length), text.encode(value))
const hash = (context: string, ...parts: Bytes[]): Bytes =>
  blake3(join(...parts), { context: text.encode(context) })

function keyOf(seedByte: number) {
  const seed = fill(32, seedByte)
  const publicKey = ed25519.getPublicKey(seed)
  return { seed, publicKey, sign: (message: Bytes) => ed25519.sign(message, seed) }
}

type Key = ReturnType<typeof keyOf>

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
function frameOf(input: FrameInput) {
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

type MadeFrame = ReturnType<typeof frameOf>

function sealOf(key: Key, shard: Bytes, epoch: bigint, last: MadeFrame, root: Bytes) {
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

function runOf(key: Key, shard: Bytes, epoch: bigint, frames: readonly MadeFrame[], root: Bytes) {
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

const describe = (frame: MadeFrame) => ({
  kind: frame.input.kind,
  flags: frame.input.flags,
  shard: hex(frame.input.shard),
  author: hex(frame.input.author),
  epoch: String(frame.input.epoch),
  seq: String(frame.input.seq),
  prev: hex(frame.input.prev),
  hlc: String(frame.input.hlc),
  salt: hex(frame.input.salt ?? new Uint8Array(0)),
  sections: frame.input.sections.map(hex),
  payloadDigest: hex(frame.digest),
  checksum: hex(frame.checksum),
  whole: hex(frame.whole),
  stub: hex(frame.stub),
})

function genesisSection(owner: Key, recovery: Key): Bytes {
  return join(
    u8(1),
    str16('notes'),
    u8(1),
    owner.publicKey,
    u8(1),
    hash('constellite recovery v1', recovery.publicKey),
    u8(1),
    u8(0),
    u8(0),
    fill(16, 0x5a),
  )
}

function handOverSection(shard: Bytes, author: Key, at: MadeFrame, signer: Key): Bytes {
  const fields = join(
    fixed(8, 1),
    author.publicKey,
    fixed(8, at.input.seq + 1n),
    at.checksum,
    signer.publicKey,
  )
  const preimage = join(text.encode('constellite hand-over v1'), shard, fields)
  return join(u8(2), fields, signer.sign(preimage))
}

function controlSections(keys: Record<'owner' | 'author' | 'second', Key>) {
  const { owner, author, second } = keys
  const grant = join(
    second.publicKey,
    u8(2),
    str16('todo'),
    u8(1),
    fixed(8, 1_800_000_000_000n),
    owner.publicKey,
    fill(64, 7),
  )
  const members = [author.publicKey, second.publicKey].sort(Buffer.compare)
  return {
    enrol: join(u8(3), second.publicKey, grant, u8(1), fixed(2, 3), Uint8Array.of(1, 2, 3)),
    grant: join(u8(4), grant),
    close: join(
      u8(5),
      author.publicKey,
      fixed(8, 9),
      fill(32, 4),
      str16('lost phone'),
      owner.publicKey,
      fill(64, 8),
    ),
    rekey: join(u8(6), fixed(8, 2), varint(1), second.publicKey, fixed(2, 2), Uint8Array.of(9, 9)),
    erase: join(u8(7), fill(32, 3), varint(300)),
    import: join(u8(8), u8(12), fixed(4, 4711), fill(32, 6)),
    roster: join(
      u8(9),
      u8(2),
      u8(2),
      members[0] as Bytes,
      u8(0),
      members[1] as Bytes,
      u8(1),
      fill(1952, 1),
    ),
  }
}

function receiptOf(holder: Key, shard: Bytes, head: MadeFrame) {
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

function chainOf(author: Key, second: Key, owner: Key, recovery: Key) {
  const zeros = new Uint8Array(32)
  const base = { flags: 0, author: author.publicKey, epoch: 0n }
  const genesis = frameOf({
    ...base,
    kind: 4,
    shard: zeros,
    seq: 1n,
    prev: zeros,
    hlc: 0x0193_0000_0000_0000n,
    sections: [genesisSection(owner, recovery)],
  })
  const shard = hash('constellite shard v1', genesis.checksum)
  const pages = frameOf({
    ...base,
    kind: 1,
    shard,
    seq: 2n,
    prev: genesis.checksum,
    hlc: 0x0193_0000_0001_0000n,
    sections: [fill(300, 0x33)],
  })
  const entry = frameOf({
    ...base,
    kind: 3,
    flags: 8,
    shard,
    seq: 3n,
    prev: pages.checksum,
    hlc: 0x0193_0000_0001_0001n,
    sections: [text.encode('first'), new Uint8Array(0), text.encode('third')],
    salt: fill(16, 0x77),
  })
  const continued = frameOf({
    ...base,
    kind: 1,
    flags: 4,
    shard,
    seq: 4n,
    prev: entry.checksum,
    hlc: 0x0193_0000_0002_0000n,
    sections: [fill(40, 1)],
  })
  const handOver = frameOf({
    kind: 4,
    flags: 0,
    shard,
    author: second.publicKey,
    epoch: 1n,
    seq: 4n,
    prev: entry.checksum,
    hlc: 0x0193_0000_0003_0000n,
    sections: [handOverSection(shard, second, entry, owner)],
  })
  return { shard, genesis, pages, entry, continued, handOver }
}

export function makeFrameVectors(): string {
  ed25519.hashes.sha512 ??= sha512
  const [author, second, owner, recovery, holder] = [0x11, 0x22, 0x44, 0x55, 0x66].map(keyOf) as [
    Key,
    Key,
    Key,
    Key,
    Key,
  ]
  const zeros = new Uint8Array(32)
  const { shard, genesis, pages, entry, continued, handOver } = chainOf(
    author,
    second,
    owner,
    recovery,
  )
  const run = runOf(author, shard, 0n, [genesis, pages, entry], fill(32, 0xa1))
  const continuedRun = runOf(author, shard, 0n, [continued], zeros)
  const handOverRun = runOf(second, shard, 1n, [handOver], fill(32, 0xa2))
  const control = controlSections({ owner, author, second })
  const relay = 'wss://relay.example/a?b=c&d'
  const vectors = {
    note: 'Made by make-frame-v2.ts.  Bytes are hex, 64-bit integers decimal strings.',
    seeds: { author: '11', second: '22', owner: '44', recovery: '55', holder: '66' },
    shard: hex(shard),
    frames: {
      genesis: describe(genesis),
      pages: describe(pages),
      entry: { ...describe(entry), partWithoutFirst: hex(entry.part(0)) },
      continued: describe(continued),
      handOver: describe(handOver),
    },
    seal: hex(run.seal.bytes),
    runs: {
      first: { root: hex(run.seal.root), bytes: hex(run.bytes) },
      continued: { root: hex(zeros), bytes: hex(continuedRun.bytes) },
      handOver: { root: hex(handOverRun.seal.root), bytes: hex(handOverRun.bytes) },
    },
    receipt: hex(receiptOf(holder, shard, entry)),
    control: Object.fromEntries(Object.entries(control).map(([op, bytes]) => [op, hex(bytes)])),
    address: {
      relay,
      secret: 'key#1',
      text: `constellite:${Buffer.from(shard).toString('base64url')}?via=${encodeURIComponent(relay)}#key%231`,
    },
  }
  return `${JSON.stringify(vectors, undefined, 2)}\n`
}
