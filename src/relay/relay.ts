/** Relay: stores sealed runs, answers with receipts, and serves them to whoever asks, also when the writer
 *  is gone.  Blind and untrusted: it can withhold, but not alter.
 *  Keeps: one key of its own; limits on connections, shards and bytes; shards close when idle.
 *  Where it may sleep between messages (sleep.ts), a connection is resumed without a new handshake.
 *  Never: touches a platform; its store and its sockets are handed to it (server-node.ts, object.ts). */

import { ConstelliteError, failureOf } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import type { Hlc } from '../base/ids.ts'
import { formatHex } from '../bytes/text.ts'
import { HLC_ZERO, tickHlc } from '../clock/hlc.ts'
import type { Signer } from '../crypto/signer.ts'
import { Metrics } from '../telemetry/metrics.ts'
import { ALWAYS_AWAKE, createActivity } from '../transport/activity.ts'
import { encodeEnvelope } from '../transport/envelope.ts'
import type { PeerLimits } from '../transport/limits.ts'
import { type ConnectedPeer, connectPeer, resumePeer } from '../transport/peer.ts'
import { errorEnvelopeOf } from '../transport/remote.ts'
import type { Socket } from '../transport/transport.ts'
import { CAP_BYTES_MAX } from '../wal/create.ts'
import type { Allow } from './allow.ts'
import { type Catalog, createCatalog } from './catalog.ts'
import { type Counters, type CounterValues, createCounters } from './counters.ts'
import { endLargest } from './held.ts'
import { crowdedFailure } from './refusals.ts'
import { RELAY_LIMITS, type RelayLimits } from './relay-limits.ts'
import { createSession, resumeFeeds, serveSession } from './session.ts'
import { asleepFailure, keepWhileQuiet, type Sleep } from './sleep.ts'
import type { RelayStore } from './store.ts'
import type { Session, SessionContext } from './subject.ts'
import { decodeSuspended, type SuspendedSession } from './suspended-session.ts'

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

export type AcceptMeta = {
  readonly binding: string
  readonly sleep?: Sleep | undefined
  readonly onProved?: () => void
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
   *  knows it; `sleep` is where the connection is kept over a sleep of this process; `onProved` is called when
   *  the far end has proved its key.  Never rejects: what
   *  goes wrong is counted and ends the connection. */
  accept(socket: Socket, meta: AcceptMeta): Promise<void>
  /** Goes on with a connection from what an earlier life of this relay kept of it; where that is nothing, or
   *  cannot be read, the far end is told to dial again. */
  resume(socket: Socket, kept: Uint8Array | undefined, sleep: Sleep): Promise<void>
  /** Ends the connections whose far end has been silent for too long; for who has no timers at rest. */
  endSilent(): void
  /** Ends who holds most of the memory for messages, while all together hold too much. */
  endLargest(): void
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
    wal: { capBytes: Math.min(limits.shardBytesMax, limits.logBytesMax, CAP_BYTES_MAX) },
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
    heads: new Map(),
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
    resume: server.resume,
    endSilent: server.endSilent,
    endLargest: server.endLargest,
    async close() {
      await server.close()
      await catalog.close()
      counters.stop()
    },
  }
}

type Server = Pick<Relay, 'accept' | 'resume' | 'endSilent' | 'endLargest' | 'close'>

type ServerState = {
  readonly context: SessionContext
  readonly options: RelayOptions
  readonly peers: Set<ConnectedPeer>
  /** One a connection: Node warns of a leak when more than ten listen to one signal. */
  readonly endings: Set<AbortController>
}

function createServer(context: SessionContext, options: RelayOptions): Server {
  const { counters, limits } = context
  const peers = new Set<ConnectedPeer>()
  const endings = new Set<AbortController>()
  const state: ServerState = { context, options, peers, endings }
  let isStopping = false
  const sessions = new Set<Promise<unknown>>()
  const run = (session: Promise<void>): Promise<void> => {
    const running = session.finally(() => {
      counters.countOpen(-1)
      sessions.delete(running)
    })
    sessions.add(running)
    return running
  }
  return {
    accept(socket, meta) {
      if (isStopping || counters.values.connectionsOpen >= limits.connectionsMax) {
        counters.count('connectionsRefused')
        turnAway(socket, crowdedFailure(limits))
        return Promise.resolve()
      }
      counters.countOpen(1)
      return run(greet(state, socket, meta))
    },
    resume(socket, bytes, sleep) {
      const kept = bytes === undefined ? undefined : decodeSuspended(bytes)
      if (!kept?.ok) {
        counters.count('connectionsCutShort')
        turnAway(socket, asleepFailure(kept?.failure))
        return Promise.resolve()
      }
      counters.countOpen(1)
      return run(goOn(state, socket, { kept: kept.value, sleep }))
    },
    endSilent() {
      for (const peer of peers) peer.endIfSilent()
    },
    endLargest: () => endLargest(peers, limits.heldBytesMax),
    async close() {
      isStopping = true
      for (const peer of peers) peer.close(stoppingFailure())
      for (const ending of endings) ending.abort()
      await Promise.all(sessions)
    },
  }
}

/** A new connection, from its handshake to its end. */
async function greet(
  state: ServerState,
  socket: Socket,
  { binding, sleep, onProved }: AcceptMeta,
): Promise<void> {
  const { context, options, endings } = state
  const { host, signer } = options
  context.counters.count('connections')
  const activity = sleep === undefined ? ALWAYS_AWAKE : createActivity(host)
  const ending = new AbortController()
  endings.add(ending)
  try {
    const peer = await connectPeer(socket, {
      ...peerOptionsOf(options),
      signer,
      role: 'relay',
      side: 'acceptor',
      binding,
      activity,
      signal: ending.signal,
      admit: (found) => (found.role === 'relay' ? strangerFailure() : undefined),
    })
    onProved?.()
    const session = createSession(peer, context, activity)
    if (sleep !== undefined) keepWhileQuiet(session, sleep)
    await serve(state, session)
  } catch (error) {
    // The far end was told; what is left is to count it.
    context.counters.count('handshakesFailed')
    const failure = failureOf(error)
    if (isOurs(failure)) options.onFailure?.(failure)
  } finally {
    endings.delete(ending)
  }
}

/** A connection that an earlier life of this relay kept. */
function goOn(
  state: ServerState,
  socket: Socket,
  { kept, sleep }: { readonly kept: SuspendedSession; readonly sleep: Sleep },
): Promise<void> {
  const { context, options } = state
  context.counters.count('connectionsResumed')
  const activity = createActivity(options.host)
  const peer = resumePeer(socket, kept.peer, { ...peerOptionsOf(options), activity })
  const session = createSession(peer, context, activity)
  keepWhileQuiet(session, sleep)
  resumeFeeds(session, kept.subjects)
  return serve(state, session)
}

async function serve({ peers, options }: ServerState, session: Session): Promise<void> {
  const { peer } = session
  peers.add(peer)
  const reason = await serveSession(session)
  peers.delete(peer)
  if (reason !== undefined && isOurs(reason)) options.onFailure?.(reason)
}

function peerOptionsOf({ host, peerLimits }: RelayOptions): {
  readonly host: Host
  readonly limits?: Partial<PeerLimits>
} {
  return { host, ...(peerLimits === undefined ? {} : { limits: peerLimits }) }
}

function turnAway(socket: Socket, reason: ConstelliteError): void {
  socket.send(encodeEnvelope(errorEnvelopeOf(reason)))
  socket.close()
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

function stoppingFailure(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrClosed',
    message: 'The relay is stopping.',
    hint: 'Connect again when it has been started again.',
    retry: 'later',
  })
}

function strangerFailure(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrDenied',
    message: 'A relay serves writers and followers, not other relays.',
    hint: 'Point a writer or a follower at it.',
  })
}
