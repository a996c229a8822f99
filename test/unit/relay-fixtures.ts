/** What the relay's tests share: a relay over memory disks, clients over the memory hub, chains to send. */
import { type Hlc, type Position, toSeq } from '../../src/base/ids.ts'
import { formatHex } from '../../src/bytes/text.ts'
import { tickHlc } from '../../src/clock/hlc.ts'
import type { Signer } from '../../src/crypto/signer.ts'
import { buildFrame, type Frame, positionOf } from '../../src/frame/frame.ts'
import { createGenesis } from '../../src/frame/genesis.ts'
import { createHandOver } from '../../src/frame/hand-over.ts'
import { encodeRun } from '../../src/frame/run.ts'
import { createSeal } from '../../src/frame/seal.ts'
import { allowAll } from '../../src/relay/allow.ts'
import { createRelay, type Relay, type RelayOptions } from '../../src/relay/relay.ts'
import type { RelayStore } from '../../src/relay/store.ts'
import { createMemoryDevice, createMemoryDisk, type MemoryDisk } from '../../src/storage/memory.ts'
import { createManualHost, type ManualHost } from '../../src/testing/manual-host.ts'
import type { Envelope } from '../../src/transport/envelope.ts'
import { createMemoryHub, type MemoryHub } from '../../src/transport/memory.ts'
import { connectPeer } from '../../src/transport/peer.ts'
import type { Peer, PeerRole } from '../../src/transport/transport.ts'
import { HUB_URL, testSigner } from './transport-fixtures.ts'

const EMPTY_ROOT = new Uint8Array(32).fill(7)

/** A chain that its author goes on with; `fork` answers one that shares the frames so far. */
export type TestChain = {
  readonly shard: Uint8Array
  readonly signer: Signer
  readonly authority: readonly Frame[]
  readonly head: Position
  readonly frames: readonly Frame[]
  /** Appends `count` frames of `sizeBytes` and answers them as one encoded sealed run. */
  run(count: number, sizeBytes?: number): Promise<Uint8Array>
  /** Seals and encodes the frames from one seq to another again. */
  rerun(from: number, to: number): Promise<Uint8Array>
  fork(): TestChain
  /** The chain of another author from seq `from` on, by the owner's hand-over. */
  handOver(to: Signer, from: number): Promise<TestChain>
}

export function createTestChain(seed = 1, owner: Signer = testSigner(200)): TestChain {
  const author = testSigner(seed)
  const genesis = createGenesis({
    name: `chain ${seed}`,
    mode: 'ordered',
    owner: owner.publicKey,
    author: author.publicKey,
    hlc: tickHlc(1000),
    random: new Uint8Array(16).fill(seed),
  })
  return chainOf({
    shard: genesis.shard,
    owner,
    signer: author,
    epoch: 0n,
    authority: [genesis.frame],
    frames: [genesis.frame],
    salt: 0,
  })
}

function chainOf(start: {
  readonly shard: Uint8Array
  readonly owner: Signer
  readonly signer: Signer
  readonly epoch: bigint
  readonly authority: readonly Frame[]
  readonly frames: readonly Frame[]
  readonly salt: number
}): TestChain {
  const { shard, owner, signer, epoch, authority, salt } = start
  const frames = [...start.frames]
  const last = (): Frame => frames.at(-1) as Frame
  const append = (sizeBytes: number): void => {
    const payload = new Uint8Array(sizeBytes).fill(salt)
    frames.push(
      buildFrame({
        kind: 'entry',
        shard,
        author: signer.publicKey,
        epoch,
        seq: toSeq(last().seq + 1n),
        prev: last().checksum,
        hlc: (last().hlc + 1n) as Hlc,
        sections: [payload],
      }),
    )
  }
  const sealed = async (from: number, to: number): Promise<Uint8Array> => {
    const part = frames.slice(from - 1, to)
    const end = part.at(-1) as Frame
    const seal = await createSeal(signer, {
      shard,
      epoch,
      seq: end.seq,
      checksum: end.checksum,
      root: EMPTY_ROOT,
    })
    const prev = from === 1 ? new Uint8Array(32) : (frames[from - 2] as Frame).checksum
    return encodeRun({ firstSeq: toSeq(from), prev, frames: part, seal })
  }
  let sealedTo = 0
  return {
    shard,
    signer,
    authority,
    get head() {
      return positionOf(last())
    },
    frames,
    async run(count, sizeBytes = 20) {
      const from = sealedTo + 1
      for (let index = 0; index < count; index++) append(sizeBytes)
      sealedTo = frames.length
      return sealed(from, sealedTo)
    },
    rerun: sealed,
    fork() {
      const forked = chainOf({ ...start, frames, salt: salt + 1 })
      return forked
    },
    async handOver(to, from) {
      const prev = (frames[from - 2] as Frame).checksum
      const frame = await createHandOver({
        shard,
        epoch: epoch + 1n,
        author: to.publicKey,
        fromSeq: toSeq(from),
        prev,
        hlc: (last().hlc + 100n) as Hlc,
        signer: owner,
      })
      return chainOf({
        ...start,
        signer: to,
        epoch: epoch + 1n,
        authority: [...authority, frame],
        frames: [...frames.slice(0, from - 1), frame],
        salt: salt + 1,
      })
    },
  }
}

/** Disks that outlive a relay, as a server's do. */
export function createMemoryStore(host: ManualHost): RelayStore & {
  readonly disks: Map<string, MemoryDisk>
} {
  const disks = new Map<string, MemoryDisk>()
  const shards = new Map<string, Uint8Array>()
  return {
    disks,
    list: async () => [...shards.values()].map((shard) => ({ shard, sizeBytes: 1000 })),
    device(shard) {
      const key = formatHex(shard)
      const disk = disks.get(key) ?? createMemoryDisk(key)
      disks.set(key, disk)
      shards.set(key, shard)
      return createMemoryDevice(host, disk)
    },
  }
}

export type Setup = {
  readonly host: ManualHost
  readonly hub: MemoryHub
  readonly store: ReturnType<typeof createMemoryStore>
  readonly relay: Relay
  connect(signer: Signer, role: PeerRole): Promise<Client>
  /** Closes the relay and opens another over the same disks. */
  restart(): Promise<Setup>
}

export async function setUpRelay(
  options: Partial<RelayOptions> = {},
  world?: Pick<Setup, 'host' | 'store'>,
): Promise<Setup> {
  const host = world?.host ?? createManualHost()
  const store = world?.store ?? createMemoryStore(host)
  const hub = createMemoryHub(host)
  const relay = await createRelay({
    host,
    signer: testSigner(100),
    store,
    allow: allowAll,
    ...options,
  })
  hub.listen(HUB_URL, (socket) => void relay.accept(socket, { binding: 'hub.test:8787' }))
  return {
    host,
    hub,
    store,
    relay,
    connect: (signer, role) => connectClient({ host, hub, signer, role }),
    async restart() {
      const closing = relay.close()
      await host.settle()
      await closing
      return setUpRelay(options, { host, store })
    },
  }
}

export type Client = {
  readonly peer: Peer
  send(...envelopes: Envelope[]): Promise<void>
  /** Everything that has arrived since the last call, once the relay has nothing left to do. */
  take(): Promise<Envelope[]>
}

async function connectClient(world: {
  readonly host: ManualHost
  readonly hub: MemoryHub
  readonly signer: Signer
  readonly role: PeerRole
}): Promise<Client> {
  const { host, hub, signer, role } = world
  const transport = hub.transport(HUB_URL)
  const socket = await transport.connect(new AbortController().signal)
  const connecting = connectPeer(socket, {
    host,
    signer,
    role,
    side: 'dialler',
    binding: transport.binding,
  })
  // Awaited below; it may fail while the host settles.
  connecting.catch(() => undefined)
  await host.settle()
  const peer = await connecting
  const received: Envelope[] = []
  const receive = async (): Promise<void> => {
    for (;;) received.push(await peer.receive())
  }
  receive().catch(() => undefined)
  return {
    peer,
    async send(...envelopes) {
      for (const envelope of envelopes) await peer.send(envelope)
    },
    async take() {
      await host.advance(50)
      return received.splice(0)
    },
  }
}

export function headsOf(chain: TestChain, position?: Position): Envelope {
  const heads = position === undefined ? [] : [{ author: chain.signer.publicKey, position }]
  return { type: 'heads', shard: chain.shard, heads, first: toSeq(0) }
}

export function authorityOf(chain: TestChain): Envelope {
  return { type: 'authority', shard: chain.shard, frames: chain.authority }
}

export function wantOf(chain: TestChain, from: number, to?: number): Envelope {
  return {
    type: 'want',
    shard: chain.shard,
    author: chain.signer.publicKey,
    from: toSeq(from),
    to: to === undefined ? undefined : toSeq(to),
  }
}

export function typesOf(envelopes: readonly Envelope[]): string[] {
  return envelopes.map((envelope) => (envelope.type === 'error' ? envelope.code : envelope.type))
}
