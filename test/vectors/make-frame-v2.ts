/** Makes frame-v2.json: frames, seals, runs, receipts and control operations as bytes, from fixed seeds.
 *  Never: imports from src; plain-frame-v2.ts encodes.
 *  `CONSTELLITE_WRITE_VECTORS=1 npx vitest run test/unit/frame-vectors.test.ts` writes the file anew;
 *  once a version is released its vectors are never edited. */

import {
  type Bytes,
  fill,
  fixed,
  frameOf,
  hash,
  hex,
  join,
  type Key,
  keyOf,
  type MadeFrame,
  receiptOf,
  runOf,
  str16,
  text,
  u8,
  varint,
} from './plain-frame-v2.ts'

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
