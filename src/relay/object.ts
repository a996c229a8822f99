/** Relay in a Durable Object: one relay an object, its key and shards in the object's storage, its connections
 *  over WebSockets that outlive the object's memory.
 *  Keeps: a receipt leaves only after the platform confirmed the write; nothing here waits at rest (no timer,
 *  no alarm: sleep.ts says why), so that a relay to which nothing comes is evicted; with three connections or more
 *  their pings alone come too often for that (sleep.ts); a new life resumes every
 *  connection before it takes a message.
 *  Never: writes anything before a shard is stored, so that asking or connecting costs no row and leaves nothing at
 *  a path (object-key.ts); touches a platform's globals (src/platform/relay-workerd.ts does). */

import type { ConstelliteError } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import type { ObjectStorage, RowMeter } from '../storage/durable-object-tables.ts'
import {
  createObjectSocket,
  type ObjectSocket,
  type ObjectWebSocket,
} from '../transport/websocket-object.ts'
import { parseAllow } from './allow.ts'
import { hasKeys, type ObjectKey, openObjectKey } from './object-key.ts'
import { OBJECT_LIMITS, OBJECT_PEER_LIMITS } from './object-limits.ts'
import { type Page, pageOf, refusalOf, textPage } from './pages.ts'
import { createRelay, type Relay } from './relay.ts'
import { routeOf } from './route.ts'
import { createDurableObjectStore } from './store-durable-object.ts'

/** What of the platform's request is used. */
export type ObjectRequest = {
  readonly url: string
  readonly method: string
  readonly headers: { get(name: string): string | null }
}

/** What of a Durable Object's `ctx` is used. */
export type RelayContext = {
  readonly storage: ObjectStorage
  acceptWebSocket(webSocket: ObjectWebSocket): void
  getWebSockets(): readonly ObjectWebSocket[]
  blockConcurrencyWhile<T>(task: () => Promise<T>): Promise<T>
}

export type RelayObjectOptions = {
  readonly host: Host
  /** What must have happened before anything is verified: the kernel is loaded. */
  readonly prepare: () => Promise<void>
  /** The variable `ALLOW`: `*`, or shard ids and keys of authors (allow.ts). */
  readonly allow: string | undefined
  readonly onFailure: (failure: ConstelliteError) => void
}

export type RelayObjectCore = {
  /** 'upgrade' when the request is to become a WebSocket, which `accept` then takes. */
  answer(request: ObjectRequest): Promise<Page | 'upgrade'>
  accept(webSocket: ObjectWebSocket, request: ObjectRequest): Promise<void>
  onMessage(webSocket: ObjectWebSocket, message: ArrayBuffer | string): void
  onClose(webSocket: ObjectWebSocket, code: number, reason: string): void
}

/** Silent far ends are looked for at the first event of a life, and then at most this often. */
const SWEEP_MS = 5000

type Life = {
  readonly ctx: RelayContext
  readonly options: RelayObjectOptions
  readonly sockets: Map<ObjectWebSocket, ObjectSocket>
  readonly meter: RowMeter
  readonly startedAtMs: number
  sweptAtMs: number
  relay: Promise<Relay> | undefined
  started: Relay | undefined
  key: ObjectKey | undefined
}

export function createRelayObject(ctx: RelayContext, options: RelayObjectOptions): RelayObjectCore {
  const { host } = options
  const life: Life = {
    ctx,
    options,
    sockets: new Map(),
    meter: { rowsWritten: 0 },
    startedAtMs: host.now(),
    sweptAtMs: Number.NEGATIVE_INFINITY,
    relay: undefined,
    started: undefined,
    key: undefined,
  }
  // Before any message: each belongs to a session of the life before.
  if (ctx.getWebSockets().length > 0) void ctx.blockConcurrencyWhile(() => goOn(life))
  return {
    answer: (request) => answer(life, request),
    async accept(webSocket, request) {
      const relay = await relayOf(life)
      ctx.acceptWebSocket(webSocket)
      const socket = register(life, webSocket)
      const binding = new URL(request.url).host.toLowerCase()
      void relay.accept(socket.end.socket, { binding, sleep: socket })
    },
    onMessage(webSocket, message) {
      life.sockets.get(webSocket)?.onMessage(message)
      life.started?.endLargest()
      sweep(life)
    },
    onClose(webSocket, code, reason) {
      life.sockets.get(webSocket)?.onClose(code, reason)
      life.sockets.delete(webSocket)
    },
  }
}

async function answer(life: Life, request: ObjectRequest): Promise<Page | 'upgrade'> {
  const { ctx, options } = life
  const refusal = refusalOf(options.allow)
  if (refusal !== undefined) return refusal
  const route = routeOf(new URL(request.url).pathname)
  if (route === undefined) return textPage(404, 'No relay has this path.\n')
  sweep(life)
  const isUpgrade = request.headers.get('upgrade')?.toLowerCase() === 'websocket'
  if (isUpgrade && route.page === '/') return 'upgrade'
  const isMade = life.started !== undefined || route.relay === '/' || hasKeys(ctx.storage)
  if (!isMade) return textPage(404, 'Nothing is stored at this relay yet.\n')
  const { startedAtMs, meter } = life
  const { method } = request
  const more = { startedAtMs, rowsWritten: meter.rowsWritten }
  return pageOf(await relayOf(life), { method, path: route.page }, more)
}

/** Every connection of the life before, before anything else happens. */
async function goOn(life: Life): Promise<void> {
  const relay = await relayOf(life)
  for (const webSocket of life.ctx.getWebSockets()) {
    const socket = register(life, webSocket)
    // Its far end knows a relay with another key where none was kept.
    const kept = life.key?.isOld === true ? socket.kept() : undefined
    void relay.resume(socket.end.socket, kept, socket)
  }
}

function register(life: Life, webSocket: ObjectWebSocket): ObjectSocket {
  const socket = createObjectSocket(webSocket, 'client')
  life.sockets.set(webSocket, socket)
  return socket
}

function relayOf(life: Life): Promise<Relay> {
  life.relay ??= start(life).catch((error: unknown) => {
    // The next request tries again.
    life.relay = undefined
    throw error
  })
  return life.relay
}

async function start(life: Life): Promise<Relay> {
  const { ctx, options, meter } = life
  const { host, onFailure } = options
  await options.prepare()
  const key = await openObjectKey(host, ctx.storage, meter)
  const relay = await createRelay({
    host,
    signer: key.signer,
    store: createDurableObjectStore(host, ctx.storage, meter, key.keep),
    allow: parseAllow(options.allow ?? ''),
    limits: OBJECT_LIMITS,
    peerLimits: OBJECT_PEER_LIMITS,
    onFailure,
  })
  life.started = relay
  life.key = key
  return relay
}

function sweep(life: Life): void {
  const nowMs = life.options.host.monotonicNow()
  if (nowMs - life.sweptAtMs < SWEEP_MS) return
  life.sweptAtMs = nowMs
  life.started?.endSilent()
}
