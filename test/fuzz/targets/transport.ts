/** Targets of the room `transport`: every message that a stranger or a proved peer can send. */

import { orThrow } from '../../../src/base/failure.ts'
import { type Hlc, toSeq } from '../../../src/base/ids.ts'
import { concatBytes } from '../../../src/bytes/compare.ts'
import { decoding } from '../../../src/bytes/reader.ts'
import { createWriter } from '../../../src/bytes/writer.ts'
import { createReceipt } from '../../../src/frame/receipt.ts'
import { createManualHost } from '../../../src/testing/manual-host.ts'
import { decodeEnvelope, type Envelope, encodeEnvelope } from '../../../src/transport/envelope.ts'
import { decodeHello, decodeProof, encodeHello, encodeProof } from '../../../src/transport/hello.ts'
import {
  MESSAGE_HEADER_BYTES,
  MESSAGE_TYPE,
  PART_HEADER_BYTES,
} from '../../../src/transport/layout.ts'
import { createMemoryHub } from '../../../src/transport/memory.ts'
import { createPartJoiner, splitIntoParts } from '../../../src/transport/part.ts'
import { connectPeer } from '../../../src/transport/peer.ts'
import { STRANGER } from '../../unit/frame-fixtures.ts'
import {
  acceptorOptions,
  openPeers,
  openSockets,
  type PeerPair,
  testSigner,
} from '../../unit/transport-fixtures.ts'
import { mustBeCanonical, mustHold, type Target } from '../target.ts'
import type { World } from '../world.ts'

async function envelopesOf(world: World): Promise<readonly Envelope[]> {
  const { genesis, frames, shard } = world
  const { seq, checksum } = genesis.frame
  const flags = { durable: true, archived: false, fork: false }
  const about = { shard: genesis.shard, author: genesis.author, epoch: 0n, seq, checksum }
  return [
    {
      type: 'heads',
      shard: genesis.shard,
      first: toSeq(1),
      heads: [
        { author: genesis.author, position: { seq, checksum } },
        { author: STRANGER.publicKey, position: { seq: toSeq(9), checksum } },
      ],
    },
    { type: 'authority', shard: genesis.shard, frames: frames.slice(0, 2) },
    { type: 'want', shard: genesis.shard, author: genesis.author, from: toSeq(2), to: toSeq(9) },
    { type: 'want', shard: genesis.shard, author: genesis.author, from: toSeq(2), to: undefined },
    { type: 'run', bytes: shard.encodedRuns[0] ?? new Uint8Array(0) },
    {
      type: 'receipt',
      receipt: await createReceipt(STRANGER, { ...about, hlc: 5n as Hlc, flags }),
    },
    { type: 'want-snapshot', shard: genesis.shard, seqMin: toSeq(3) },
    {
      type: 'snapshot',
      shard: genesis.shard,
      index: 1,
      last: true,
      bytes: shard.snapshot.subarray(0, 300),
    },
    { type: 'error', code: 'ErrDenied', text: 'This shard is not served here.' },
  ]
}

const envelope: Target = {
  name: 'envelope',
  reaches: ['transport/envelope.ts decodeEnvelope'],
  seeds: async (world) => (await envelopesOf(world)).map(encodeEnvelope),
  reshape: (input, { mutate }) => sized(input[0] ?? 0, mutate(input.subarray(5))),
  decoder: () => (input) => {
    const decoded = orThrow(decodeEnvelope(input))
    mustBeCanonical(encodeEnvelope(decoded), input)
    return decoded.type
  },
}

function sized(type: number, body: Uint8Array): Uint8Array {
  return createWriter(body.byteLength + 5)
    .u8(type)
    .u32(body.byteLength)
    .bytes(body)
    .finish()
}

const HELLO = encodeHello({
  role: 'writer',
  publicKey: testSigner(1).publicKey,
  nonce: new Uint8Array(32).fill(3),
  clockMs: 1_700_000_000_000,
})
const PROOF = encodeProof(new Uint8Array(64).fill(8))

const hello: Target = {
  name: 'hello and proof',
  reaches: ['transport/hello.ts decodeHello', 'transport/hello.ts decodeProof'],
  seeds: () => [HELLO, PROOF],
  reshape: (input, { mutate }) => sized(input[0] ?? 0, mutate(input.subarray(5))),
  decoder: () => (input) => {
    const signature = decodeProof(input)
    if (signature.ok) {
      mustBeCanonical(encodeProof(signature.value), input)
      return 'proof'
    }
    const read = orThrow(decodeHello(input))
    if (read.type === 'unknown-version') return 'another version'
    const isExact = read.hello.clockMs <= Number.MAX_SAFE_INTEGER
    if (isExact) mustBeCanonical(encodeHello(read.hello), input)
    return `hello of a ${read.hello.role}`
  },
}

/** Whoever has not proved a key sends a hello and then anything. */
const stranger: Target = {
  name: 'handshake',
  reaches: [],
  acceptsNothing: true,
  seeds: () => [HELLO, PROOF, Uint8Array.of(MESSAGE_TYPE.ping, 0, 0, 0, 0)],
  allocatesBytesMax: 4 * 1_048_576,
  testRuns: 300,
  decoder: () => async (input) => {
    const host = createManualHost()
    const { dialler, acceptor } = await openSockets(createMemoryHub(host), host)
    const connecting = connectPeer(acceptor, acceptorOptions(host))
    connecting.catch(() => undefined)
    dialler.send(HELLO)
    dialler.send(input.slice())
    await host.settle()
    await host.advance(30_000)
    await connecting
    mustHold(false, 'nobody who signed nothing is taken for a peer')
    return 'a peer'
  },
}

/** A proved peer sends anything: the connection goes on, or ends with a typed reason. */
const peer: Target = {
  name: 'peer message',
  reaches: ['transport/peer.ts createDispatch', 'transport/peer.ts decodePong'],
  seeds: async (world) => [
    ...(await envelopesOf(world)).map(encodeEnvelope),
    sized(MESSAGE_TYPE.pong, new Uint8Array(8)),
    sized(MESSAGE_TYPE.ping, new Uint8Array(0)),
    sized(MESSAGE_TYPE.part, new Uint8Array(20).fill(2)),
  ],
  reshape: (input, { mutate }) => sized(input[0] ?? 0, mutate(input.subarray(5))),
  allocatesBytesMax: 4 * 1_048_576,
  testRuns: 300,
  decoder() {
    let pair: PeerPair | undefined
    return async (input) => {
      pair ??= await openPeers()
      const { host, client, sockets } = pair
      let reason: string | undefined
      client.closed.then((failure) => {
        reason = failure?.code ?? 'closed'
      })
      const received: Envelope[] = []
      const receive = async (): Promise<void> => {
        for (;;) received.push(await client.receive())
      }
      receive().catch(() => undefined)
      sockets.dialler.send(input.slice())
      await host.settle()
      // Each input has a connection of its own: receiving goes on until it ends.
      client.close()
      await host.settle()
      pair = undefined
      const [first] = received
      return `${first?.type ?? 'nothing'}, then ${reason ?? 'went on'}`
    }
  },
}

/** A count u8 of whole parts to build, then bytes that overwrite the last part's beginning. */
const part: Target = {
  name: 'part',
  reaches: [],
  seeds: () =>
    twoParts().map((one, index) =>
      concatBytes(Uint8Array.of(index), one.subarray(0, PART_HEADER_BYTES + MESSAGE_HEADER_BYTES)),
    ),
  // Two parts of a mebibyte and what they are joined to.
  allocatesBytesMax: 8 * 1_048_576,
  testRuns: 200,
  decoder() {
    const parts = twoParts()
    return (input) => {
      const joiner = createPartJoiner()
      const kept = (input[0] ?? 0) % (parts.length + 1)
      let whole: Uint8Array | undefined
      for (const one of parts.slice(0, kept)) whole = joiner.add(one)
      const last = (parts[kept] ?? (parts[parts.length - 1] as Uint8Array)).slice()
      last.set(input.subarray(1, 1 + last.byteLength))
      whole = orThrow(decoding('part', () => joiner.add(last))) ?? whole
      return `joined ${whole !== undefined}, open ${joiner.isOpen}`
    }
  },
}

function twoParts(): readonly Uint8Array[] {
  return splitIntoParts(sized(MESSAGE_TYPE.run, new Uint8Array(1_199_995)), 7)
}

export const transportTargets: readonly Target[] = [envelope, hello, stranger, peer, part]
