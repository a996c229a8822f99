/** What the relay's tests share: a relay over memory disks, clients over the memory hub, chains to send. */
import { type Position, toSeq } from '../../src/base/ids.ts'
import { formatHex } from '../../src/bytes/text.ts'
import type { Signer } from '../../src/crypto/signer.ts'
import { verifyReceipt } from '../../src/frame/receipt.ts'
import { decodeRunHeader } from '../../src/frame/run.ts'
import { allowAll } from '../../src/relay/allow.ts'
import { createRelay, type Relay, type RelayOptions } from '../../src/relay/relay.ts'
import type { RelayStore } from '../../src/relay/store.ts'
import { createMemoryDevice, createMemoryDisk, type MemoryDisk } from '../../src/storage/memory.ts'
import { createManualHost, type ManualHost } from '../../src/testing/manual-host.ts'
import type { Envelope } from '../../src/transport/envelope.ts'
import { createMemoryHub, type MemoryHub } from '../../src/transport/memory.ts'
import { connectPeer } from '../../src/transport/peer.ts'
import type { Peer, PeerRole } from '../../src/transport/transport.ts'
import type { TestChain } from './relay-chains.ts'
import { HUB_URL, testSigner } from './transport-fixtures.ts'

/** Disks that outlive a relay, as a server's do. */
export function createMemoryStore(host: ManualHost): RelayStore {
  const disks = new Map<string, MemoryDisk>()
  const shards = new Map<string, Uint8Array>()
  return {
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
  readonly store: RelayStore
  readonly relay: Relay
  connect(signer: Signer, role: PeerRole): Promise<Client>
  /** Closes the relay and opens another over the same disks. */
  restart(): Promise<Setup>
}

export async function setUpRelay(
  options: Partial<RelayOptions> = {},
  world?: { readonly host: ManualHost; readonly store: RelayStore },
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
      for (const envelope of envelopes) {
        let isSent = false
        const sent = peer.send(envelope).finally(() => {
          isSent = true
        })
        sent.catch(() => undefined)
        // What waits for room goes on only as time does.
        for (let turn = 0; turn < 100; turn++) {
          await Promise.resolve()
          if (isSent) break
          await host.advance(10)
        }
        await sent
      }
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

/** Seqs of the runs among envelopes, as "first-last". */
export function runsIn(envelopes: readonly Envelope[]): string[] {
  return envelopes.flatMap((envelope) => {
    if (envelope.type !== 'run') return []
    const header = decodeRunHeader(envelope.bytes)
    return header.ok ? [`${header.value.firstSeq}-${header.value.lastSeq}`] : ['damaged']
  })
}

export function receiptsIn(envelopes: readonly Envelope[]): string[] {
  return envelopes.flatMap((envelope) => {
    if (envelope.type !== 'receipt') return []
    const { seq, flags } = envelope.receipt
    if (!verifyReceipt(envelope.receipt)) return ['forged']
    return [`${seq}${flags.durable ? ' durable' : ''}${flags.fork ? ' fork' : ''}`]
  })
}

export async function publish(
  setup: Setup,
  chain: TestChain,
  counts: readonly number[],
): Promise<Client> {
  const writer = await setup.connect(chain.signer, 'writer')
  await writer.send(headsOf(chain), authorityOf(chain))
  for (const count of counts) await writer.send({ type: 'run', bytes: await chain.run(count) })
  await writer.take()
  return writer
}
