/** What the replication tests share: a hub, copies in sync over it, and a scripted far end in the relay's
 *  place that says whatever a test wants. */

import { equalBytes } from '../../src/bytes/compare.ts'
import type { Signer } from '../../src/crypto/signer.ts'
import { signerFromSeed } from '../../src/crypto/signer-noble.ts'
import { encodeRun, type SealedRun } from '../../src/frame/run.ts'
import { startSync } from '../../src/replication/start-sync.ts'
import type { Sync } from '../../src/replication/sync.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { createManualHost, type ManualHost } from '../../src/testing/manual-host.ts'
import type { Envelope } from '../../src/transport/envelope.ts'
import { createMemoryHub, type MemoryHub } from '../../src/transport/memory.ts'
import { connectPeer } from '../../src/transport/peer.ts'
import type { Peer } from '../../src/transport/transport.ts'
import { drive, seedOf } from './shard-fixtures.ts'

export const URL_ONE = 'wss://relay.example'
export const RELAY_SIGNER: Signer = signerFromSeed(seedOf(77))

export type World = {
  readonly host: ManualHost
  readonly hub: MemoryHub
  readonly syncs: Sync[]
  sync(shard: Shard, role: 'writer' | 'follower', options?: SyncInit): Sync
  /** Lets virtual time pass until `isDone`; answers whether it came to that. */
  until(isDone: () => boolean, withinMs?: number): Promise<boolean>
  close(): Promise<void>
}

export type SyncInit = { readonly seed?: number; readonly urls?: readonly string[] }

export function createWorld(seed = 1): World {
  const host = createManualHost({ seed })
  const hub = createMemoryHub(host)
  const syncs: Sync[] = []
  return {
    host,
    hub,
    syncs,
    sync(shard, role, options = {}) {
      const started = startSync({
        host,
        shard,
        role,
        signer: signerFromSeed(seedOf(options.seed ?? (role === 'writer' ? 1 : 2))),
        transports: (options.urls ?? [URL_ONE]).map((url) => hub.transport(url)),
        exclusively: (task) => task(),
      })
      syncs.push(started)
      return started
    },
    async until(isDone, withinMs = 60_000) {
      for (let passed = 0; passed < withinMs && !isDone(); passed += 100) await host.advance(100)
      return isDone()
    },
    async close() {
      await drive(host, Promise.all(syncs.map((one) => one.stop())))
    },
  }
}

/** One scripted far end; `received` has everything that clients said, over all connections. */
export type Script = {
  readonly received: Envelope[]
  readonly peers: Peer[]
  stop(): void
}

/** Called for each envelope of a client; what it sends goes out in order. */
export type Answer = (envelope: Envelope, peer: Peer, connection: number) => void | Promise<void>

export function listenScripted(world: World, answer: Answer, url: string = URL_ONE): Script {
  const { host, hub } = world
  const received: Envelope[] = []
  const peers: Peer[] = []
  const stop = hub.listen(url, (socket) => {
    const serve = async (): Promise<void> => {
      const peer = await connectPeer(socket, {
        host,
        signer: RELAY_SIGNER,
        role: 'relay',
        side: 'acceptor',
        binding: new URL(url).host,
      })
      const connection = peers.push(peer)
      for (;;) {
        const envelope = await peer.receive()
        received.push(envelope)
        await answer(envelope, peer, connection)
      }
    }
    // It ends when the client does.
    serve().catch(() => undefined)
  })
  return { received, peers, stop }
}

export type Serving = {
  readonly writer: Shard
  /** What goes out for each want, in this order. */
  runs(from: bigint, connection: number): readonly Uint8Array[]
  /** The head that the far end claims; the writer's own by default. */
  readonly head?: () => { readonly seq: Shard['head']['seq']; readonly checksum: Uint8Array }
}

/** Answers a follower as a relay would, but with runs that the test has chosen. */
export function serveRuns(serving: Serving): Answer {
  const { writer } = serving
  return async (envelope, peer, connection) => {
    const shard = writer.id
    if (envelope.type === 'heads') {
      if (envelope.heads.length === 0) {
        await peer.send({ type: 'authority', shard, frames: writer.authority })
      }
      const position = serving.head?.() ?? writer.head
      const author = writer.author?.key ?? new Uint8Array(32)
      const first = writer.authority[0]?.seq
      if (first !== undefined) {
        await peer.send({ type: 'heads', shard, heads: [{ author, position }], first })
      }
    }
    if (envelope.type !== 'want') return
    for (const bytes of serving.runs(envelope.from, connection)) {
      await peer.send({ type: 'run', bytes })
    }
  }
}

/** Every frame of the writer as a sealed run of its own, when each was sealed. */
export async function singleRuns(writer: Shard): Promise<SealedRun[]> {
  await writer.seal()
  const runs: SealedRun[] = []
  for (let seq = 1n; seq <= writer.head.seq; seq++) {
    // A run ends at a kept seal, so one byte of payload asks for the nearest.
    const run = writer.readRun(seq as Shard['head']['seq'], 1)
    if (run === undefined) break
    runs.push(run)
    seq = run.seal.seq
  }
  return runs
}

export function encoded(runs: readonly SealedRun[]): Uint8Array[] {
  return runs.map((run) => encodeRun(run))
}

export function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const damaged = bytes.slice()
  damaged[at] = (damaged[at] as number) ^ 1
  return damaged
}

export function isSame(left: Shard, right: Shard): boolean {
  return equalBytes(left.head.checksum, right.head.checksum)
}
