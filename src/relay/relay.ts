/** Relay: stores sealed runs, answers with receipts, and serves them to whoever asks, also when the writer
 *  is gone.  Blind and untrusted: it can withhold, but not alter.
 *  Keeps: one key of its own; limits on connections, shards and bytes; shards close when idle.
 *  Never: touches a platform; its store and its sockets are handed to it (server-node.ts does). */

import { ConstelliteError, failureOf } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import type { Hlc } from '../base/ids.ts'
import { formatHex } from '../bytes/text.ts'
import { HLC_ZERO, tickHlc } from '../clock/hlc.ts'
import type { Signer } from '../crypto/signer.ts'
import { Metrics } from '../telemetry/metrics.ts'
import { encodeEnvelope } from '../transport/envelope.ts'
import type { PeerLimits } from '../transport/limits.ts'
import { connectPeer } from '../transport/peer.ts'
import { errorEnvelopeOf } from '../transport/remote.ts'
import type { Peer, Socket } from '../transport/transport.ts'
import { CAP_BYTES_MAX } from '../wal/create.ts'
import type { Allow } from './allow.ts'
import { type Catalog, createCatalog } from './catalog.ts'
import { type Counters, type CounterValues, createCounters } from './counters.ts'
import { RELAY_LIMITS, type RelayLimits } from './relay-limits.ts'
import { serveSession } from './session.ts'
import type { RelayStore } from './store.ts'
import type { SessionContext } from './subject.ts'

/** Hex digits of its key that name a relay among the series of a registry. */
const NAME_DIGITS = 8

export type RelayOptions = {
  readonly host: Host
  /** The relay's own key: it proves itself and signs receipts with it. */
  readonly signer: Signer
  readonly store: RelayStore
  readonly allow: Allow
  readonly limits?: Partial<RelayLimits>
  readonly peerLimits?: Partial<PeerLimits>
  /** Where its counters are kept.  Default: a registry of its own. */
  readonly metrics?: Metrics
  /** Hears of what is wrong on this side: a disk that fails, a folder that is damaged, a bug. */
  readonly onFailure?: (failure: ConstelliteError) => void
}

export type Relay = {
  readonly publicKey: Uint8Array
  readonly counters: CounterValues
  /** The registry that has its counters; what a server shows at /metrics. */
  readonly metrics: Metrics
  readonly status: {
    readonly connections: number
    readonly shards: number
    readonly openShards: number
    readonly totalBytes: number
  }
  /** Serves one connection until it ends.  `binding` is the host that the far end dialled, as this side
   *  knows it.  Never rejects: what goes wrong is counted and ends the connection. */
  accept(socket: Socket, meta: { readonly binding: string }): Promise<void>
  /** Ends every connection and closes every shard. */
  close(): Promise<void>
}

export async function createRelay(options: RelayOptions): Promise<Relay> {
  const { host, signer, store, allow } = options
  const limits: RelayLimits = { ...RELAY_LIMITS, ...options.limits }
  const catalog = await createCatalog({
    host,
    store,
    relayKey: signer.publicKey,
    limits,
    wal: { capBytes: Math.min(limits.shardBytesMax, CAP_BYTES_MAX) },
  })
  const metrics = options.metrics ?? new Metrics()
  const name = formatHex(signer.publicKey).slice(0, NAME_DIGITS)
  const counters = createCounters(metrics, name, () => catalog)
  let newest: Hlc = HLC_ZERO
  const context: SessionContext = {
    host,
    signer,
    catalog,
    allow,
    limits,
    counters,
    awaited: new Map(),
    tick() {
      newest = tickHlc(host.now(), newest)
      return newest
    },
  }
  const server = createServer(context, options)
  return {
    publicKey: signer.publicKey,
    counters: counters.values,
    metrics,
    get status() {
      return statusOf(catalog, counters)
    },
    accept: server.accept,
    async close() {
      await server.close()
      await catalog.close()
      counters.stop()
    },
  }
}

function createServer(
  context: SessionContext,
  options: RelayOptions,
): Pick<Relay, 'accept' | 'close'> {
  const { host, signer } = options
  const { counters, limits } = context
  const peers = new Set<Peer>()
  const sessions = new Set<Promise<unknown>>()
  const stopping = new AbortController()

  const connect = (socket: Socket, binding: string): Promise<Peer> =>
    connectPeer(socket, {
      host,
      signer,
      role: 'relay',
      side: 'acceptor',
      binding,
      signal: stopping.signal,
      ...(options.peerLimits === undefined ? {} : { limits: options.peerLimits }),
      admit: (peer) => (peer.role === 'relay' ? strangerFailure() : undefined),
    })
  const serve = async (socket: Socket, binding: string): Promise<void> => {
    counters.count('connections')
    counters.countOpen(1)
    try {
      const peer = await connect(socket, binding)
      peers.add(peer)
      const reason = await serveSession(peer, context)
      peers.delete(peer)
      if (reason !== undefined && isOurs(reason)) options.onFailure?.(reason)
    } catch (error) {
      // The far end was told; what is left is to count it.
      counters.count('handshakesFailed')
      const failure = failureOf(error)
      if (isOurs(failure)) options.onFailure?.(failure)
    } finally {
      counters.countOpen(-1)
    }
  }
  return {
    accept(socket, { binding }) {
      if (stopping.signal.aborted || counters.values.connectionsOpen >= limits.connectionsMax) {
        counters.count('connectionsRefused')
        socket.send(encodeEnvelope(errorEnvelopeOf(crowdedFailure(limits))))
        socket.close()
        return Promise.resolve()
      }
      const session = serve(socket, binding).finally(() => sessions.delete(session))
      sessions.add(session)
      return session
    },
    async close() {
      for (const peer of peers) peer.close(stoppingFailure())
      stopping.abort()
      await Promise.all(sessions)
    },
  }
}

function isOurs(failure: ConstelliteError): boolean {
  return failure.facts['remote'] !== true && OUR_CODES.has(failure.code)
}

const OUR_CODES: ReadonlySet<string> = new Set([
  'ErrStorage',
  'ErrCorrupt',
  'ErrPoisoned',
  'ErrQuota',
  'ErrInUse',
  'ErrInternal',
])

function statusOf(catalog: Catalog, counters: Counters): Relay['status'] {
  const { shards, openShards, totalBytes } = catalog
  return { connections: counters.values.connectionsOpen, shards, openShards, totalBytes }
}

function crowdedFailure(limits: RelayLimits): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrBackpressure',
    message: `The relay has ${limits.connectionsMax} connections, and takes no more.`,
    retry: 'later',
  })
}

function stoppingFailure(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrClosed',
    message: 'The relay is stopping.',
    retry: 'later',
  })
}

function strangerFailure(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrDenied',
    message: 'A relay serves writers and followers, not other relays.',
  })
}
