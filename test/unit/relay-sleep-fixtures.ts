/** An object that sleeps: a relay whose memory is lost while its sockets stay, as a platform does it that stops
 *  objects without work.  The clients have a host of their own, so that what the relay's host still waits for
 *  is the relay's. */

import { formatHex } from '../../src/bytes/text.ts'
import type { Signer } from '../../src/crypto/signer.ts'
import { allowAll } from '../../src/relay/allow.ts'
import { createRelay, type Relay, type RelayOptions } from '../../src/relay/relay.ts'
import type { Sleep } from '../../src/relay/sleep.ts'
import type { RelayStore } from '../../src/relay/store.ts'
import { createMemoryDevice, createMemoryDisk, type MemoryDisk } from '../../src/storage/memory.ts'
import type { Metrics } from '../../src/telemetry/metrics.ts'
import { createManualHost, type ManualHost } from '../../src/testing/manual-host.ts'
import type { Envelope } from '../../src/transport/envelope.ts'
import { connectPeer } from '../../src/transport/peer.ts'
import { createSocketEnd, type SocketEnd } from '../../src/transport/socket.ts'
import type { Peer, PeerRole, Socket } from '../../src/transport/transport.ts'
import { createTestChain } from './relay-chains.ts'
import { authorityOf, headsOf } from './relay-fixtures.ts'
import { testSigner } from './transport-fixtures.ts'

const BINDING = 'edge.test'
/** As an object's: shards are closed soon, before the object may sleep. */
const IDLE_MS = 3000

/** What the platform keeps of one connection. */
export type KeptSocket = {
  attachment: Uint8Array | undefined
  isOpen: boolean
  /** How often something was kept, or given up. */
  keeps: number
  /** The relay's end in its present life. */
  relayEnd: SocketEnd | undefined
  readonly clientEnd: SocketEnd
  /** Bytes that the client has sent are dropped before they arrive. */
  isLossy: boolean
}

export type SleepClient = {
  readonly peer: Peer
  readonly kept: KeptSocket
  send(...envelopes: Envelope[]): Promise<void>
  /** What has arrived since the last call. */
  take(): Promise<Envelope[]>
}

export type SleepWorld = {
  readonly clientHost: ManualHost
  readonly relayHost: ManualHost
  readonly relay: Relay
  readonly sockets: readonly KeptSocket[]
  connect(signer: Signer, role: PeerRole): Promise<SleepClient>
  /** Lets time pass on both sides. */
  pass(ms: number): Promise<void>
  /** Loses all memory of the relay and makes it anew over the same disks and sockets. */
  sleepAndWake(): Promise<void>
}

export async function createSleepWorld(options: Partial<RelayOptions> = {}): Promise<SleepWorld> {
  const clientHost = createManualHost({ seed: 2 })
  const disks = new Map<string, { readonly disk: MemoryDisk; readonly shard: Uint8Array }>()
  const sockets: KeptSocket[] = []
  let life = await beginLife(disks, 0, options)

  const pass = async (ms: number): Promise<void> => {
    const steps = Math.max(1, Math.ceil(ms / STEP_MS))
    for (let step = 0; step < steps; step++) {
      await life.host.advance(ms / steps)
      await clientHost.advance(ms / steps)
    }
  }
  return {
    clientHost,
    get relayHost() {
      return life.host
    },
    get relay() {
      return life.relay
    },
    sockets,
    pass,
    async connect(signer, role) {
      const kept = createKeptSocket()
      sockets.push(kept)
      const socket = relaySocketOf(kept)
      void life.relay.accept(socket, { binding: BINDING, sleep: sleepOf(kept) })
      return createClient(clientHost, pass, { kept, signer, role })
    },
    async sleepAndWake() {
      // A host of its own, so that nothing of the life before goes on.
      for (const { disk } of disks.values()) disk.owner = undefined
      for (const kept of sockets) kept.relayEnd = undefined
      life = await beginLife(disks, life.host.now(), options)
      for (const kept of sockets) {
        if (kept.isOpen) void life.relay.resume(relaySocketOf(kept), kept.attachment, sleepOf(kept))
      }
    },
  }
}

const STEP_MS = 100

type Disks = Map<string, { readonly disk: MemoryDisk; readonly shard: Uint8Array }>

async function beginLife(
  disks: Disks,
  nowMs: number,
  options: Partial<RelayOptions>,
): Promise<{ readonly host: ManualHost; readonly relay: Relay }> {
  const host = createManualHost({ seed: 3, ...(nowMs === 0 ? {} : { nowMs }) })
  const relay = await createRelay({
    host,
    signer: testSigner(100),
    store: createStore(host, disks),
    allow: allowAll,
    ...options,
    limits: { idleMs: IDLE_MS, ...options.limits },
  })
  return { host, relay }
}

function createStore(host: ManualHost, disks: Disks): RelayStore {
  return {
    list: async () => [...disks.values()].map(({ shard }) => ({ shard, sizeBytes: 1000 })),
    device(shard) {
      const key = formatHex(shard)
      const known = disks.get(key) ?? { disk: createMemoryDisk(key), shard }
      disks.set(key, known)
      return createMemoryDevice(host, known.disk)
    },
  }
}

function createKeptSocket(): KeptSocket {
  const kept: KeptSocket = {
    attachment: undefined,
    isOpen: true,
    keeps: 0,
    relayEnd: undefined,
    isLossy: false,
    clientEnd: createSocketEnd({
      send(message) {
        if (kept.isOpen && !kept.isLossy) kept.relayEnd?.deliver(message.slice())
      },
      bufferedBytes: () => 0,
      close() {
        kept.isOpen = false
        kept.clientEnd.end(undefined)
        kept.relayEnd?.end(undefined)
      },
    }),
  }
  return kept
}

/** The relay's side of the socket, in this life of it only. */
function relaySocketOf(kept: KeptSocket): Socket {
  const isCurrent = (): boolean => kept.isOpen && kept.relayEnd === end
  const end: SocketEnd = createSocketEnd({
    send(message) {
      if (isCurrent()) kept.clientEnd.deliver(message.slice())
    },
    bufferedBytes: () => 0,
    close() {
      if (!isCurrent()) return
      kept.isOpen = false
      end.end(undefined)
      kept.clientEnd.end(undefined)
    },
  })
  kept.relayEnd = end
  return end.socket
}

function sleepOf(kept: KeptSocket): Sleep {
  const end = kept.relayEnd
  return {
    keep(bytes) {
      if (kept.relayEnd !== end) return
      kept.attachment = bytes
      kept.keeps += 1
    },
  }
}

async function createClient(
  host: ManualHost,
  pass: (ms: number) => Promise<void>,
  it: { readonly kept: KeptSocket; readonly signer: Signer; readonly role: PeerRole },
): Promise<SleepClient> {
  const { kept, signer, role } = it
  const connecting = connectPeer(kept.clientEnd.socket, {
    host,
    signer,
    role,
    side: 'dialler',
    binding: BINDING,
  })
  // Awaited below; it may fail while time passes.
  connecting.catch(() => undefined)
  await pass(500)
  const peer = await connecting
  const received: Envelope[] = []
  const receive = async (): Promise<void> => {
    for (;;) received.push(await peer.receive())
  }
  receive().catch(() => undefined)
  return {
    peer,
    kept,
    async send(...envelopes) {
      for (const envelope of envelopes) void peer.send(envelope)
      await pass(500)
    },
    async take() {
      await pass(100)
      return received.splice(0)
    },
  }
}

/** A connection that is gone on with after a sleep, and one that is cut short, for the metrics. */
export async function sleepAndGoOn(metrics: Metrics): Promise<void> {
  const world = await createSleepWorld({ metrics })
  const chain = createTestChain(9)
  await world.connect(testSigner(60), 'follower')
  const writer = await world.connect(chain.signer, 'writer')
  await writer.send(headsOf(chain), authorityOf(chain))
  await world.sleepAndWake()
  await world.pass(500)
}
