/** Relay server on Node: HTTP and WebSocket in front of a relay whose shards are folders.
 *  Keeps: it binds to 127.0.0.1 unless told otherwise, and beyond loopback only with `allow` said outright;
 *  one process owns a data folder; the relay's key lives in it.
 *  Never: terminates TLS; put it behind a proxy that does, and name it by `names`. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { ConstelliteError } from '../base/failure.ts'
import type { Host, Timer } from '../base/host.ts'
import { loadKernel } from '../crypto/kernel-load-node.ts'
import { useKernel } from '../crypto/kernel-slot.ts'
import type { Signer } from '../crypto/signer.ts'
import { createNodeKeyStore } from '../identity/key-store-node.ts'
import type { Device } from '../storage/device.ts'
import { createNodeDevice, nodeDirectoryOf } from '../storage/node-fs.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { PEER_LIMITS } from '../transport/limits.ts'
import { limitMessages, socketOfWs, WS_OPTIONS } from '../transport/websocket-node.ts'
import { type Addresses, createAddresses } from './addresses.ts'
import { allowAll, allowOnly } from './allow.ts'
import { createFront, type Front, isLoopback } from './front.ts'
import { pageOf } from './pages.ts'
import { createRelay, type Relay } from './relay.ts'
import { RELAY_LIMITS, type RelayLimits } from './relay-limits.ts'
import { createNodeStore } from './store-node.ts'

export const RELAY_PORT = 8787
/** How many ports are tried when a busy one moves on. */
const PORTS_TRIED_MAX = 32
const HELD_LOOK_MS = 1000

export type StartRelayOptions = {
  readonly runtime: Host
  /** Folder of the relay's key and shards; made when missing. */
  readonly dir: string
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 8787; 0 takes any free one. */
  readonly port?: number
  /** Tries the next ports when this one is busy. */
  readonly movesOn?: boolean
  /** 'open', or shard ids and keys of authors that may upload (allow.ts).  Needed beyond loopback; there the default is 'open'. */
  readonly allow?: 'open' | readonly Uint8Array[]
  /** Names under which clients reach it; beyond loopback, without any, every name is taken. */
  readonly names?: readonly string[]
  readonly limits?: Partial<RelayLimits>
  /** Where its counters are kept, to show them among others.  Default: a registry of its own. */
  readonly metrics?: Metrics
  readonly onFailure?: (failure: ConstelliteError) => void
}

export type RunningRelay = {
  /** What `websocket(...)` takes on this machine. */
  readonly url: string
  readonly port: number
  readonly relay: Relay
  close(): Promise<void>
}

export async function startRelay(options: StartRelayOptions): Promise<RunningRelay> {
  const { runtime, dir, host = '127.0.0.1', allow, limits, metrics, onFailure } = options
  if (allow === undefined && !isLoopback(host)) throw openFailure(host)
  useKernel(await loadKernel())
  const { owner, signer } = await ownFolder(runtime, dir)
  let relay: Relay | undefined
  try {
    relay = await createRelay({
      host: runtime,
      signer,
      store: createNodeStore(runtime, dir),
      allow: allow === undefined || allow === 'open' ? allowAll : allowOnly(allow),
      ...(limits === undefined ? {} : { limits }),
      ...(metrics === undefined ? {} : { metrics }),
      ...(onFailure === undefined ? {} : { onFailure }),
    })
    return await listen(relay, owner, { ...options, host })
  } catch (error) {
    await relay?.close()
    await owner.close()
    throw error
  }
}

async function ownFolder(
  runtime: Host,
  dir: string,
): Promise<{ readonly owner: Device; readonly signer: Signer }> {
  const name = join(dir, 'relay')
  const owner = createNodeDevice(runtime, { name })
  await owner.acquire()
  try {
    const keys = createNodeKeyStore(nodeDirectoryOf(name))
    const signer = (await keys.load('author')) ?? (await keys.create('author'))
    return { owner, signer }
  } catch (error) {
    await owner.close()
    throw error
  }
}

async function listen(
  relay: Relay,
  owner: Device,
  options: StartRelayOptions & { readonly host: string },
): Promise<RunningRelay> {
  const { host, port = RELAY_PORT, movesOn = false, names = [], allow } = options
  const server = createServer((request, response) => answer(relay, request, response))
  const bound = await bind(server, { host, port, tries: movesOn ? PORTS_TRIED_MAX : 1 })
  const front = createFront({ host, port: bound, names, isOpen: allow === 'open' })
  const webSockets = new WebSocketServer({ ...WS_OPTIONS, noServer: true })
  const openMax = options.limits?.connectionsPerAddressMax ?? RELAY_LIMITS.connectionsPerAddressMax
  const addresses = createAddresses(options.runtime, openMax)
  server.on('upgrade', (request, socket, head) => {
    upgrade({ relay, front, webSockets, addresses }, request, socket, head)
  })
  const memory = keepWithinMemory(options.runtime, relay)
  const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return {
    url: `ws://${shown.includes(':') ? `[${shown}]` : shown}:${bound}`,
    port: bound,
    relay,
    async close() {
      memory.cancel()
      const closed = new Promise((resolve) => server.close(resolve))
      await relay.close()
      for (const client of webSockets.clients) client.terminate()
      server.closeAllConnections()
      await closed
      await owner.close()
    },
  }
}

/** Looks now and then, because to sum what all connections hold at each message would cost more than it. */
function keepWithinMemory(runtime: Host, relay: Relay): Timer {
  const wait = (): Timer =>
    runtime.setTimer(HELD_LOOK_MS, () => {
      relay.endLargest()
      timer = wait()
    })
  let timer = wait()
  return { cancel: () => timer.cancel() }
}

function bind(
  server: Server,
  wanted: { readonly host: string; readonly port: number; readonly tries: number },
): Promise<number> {
  const { host, port, tries } = wanted
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      server.off('listening', onListening)
      const movesOn = error.code === 'EADDRINUSE' && tries > 1 && port !== 0
      if (movesOn) resolve(bind(server, { host, port: port + 1, tries: tries - 1 }))
      else reject(bindFailure(error, wanted))
    }
    const onListening = (): void => {
      server.off('error', onError)
      // A server that listens on a port has an address of this shape.
      resolve((server.address() as AddressInfo).port)
    }
    server.once('error', onError)
    server.once('listening', onListening)
    server.listen(port, host)
  })
}

function upgrade(
  parts: {
    readonly relay: Relay
    readonly front: Front
    readonly webSockets: WebSocketServer
    readonly addresses: Addresses
  },
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  const { relay, front, webSockets, addresses } = parts
  const { host, origin } = request.headers
  const refusal = front.refusalOf({ host, origin })
  if (refusal !== undefined) {
    socket.end(`HTTP/1.1 403 Forbidden\r\nContent-Length: ${refusal.length}\r\n\r\n${refusal}`)
    return
  }
  const leave = addresses.enter(request.socket.remoteAddress)
  if (leave === undefined) {
    socket.end('HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n')
    return
  }
  socket.once('close', leave)
  webSockets.handleUpgrade(request, socket, head, (webSocket) => {
    const binding = (host ?? '').toLowerCase()
    const onProved = limitMessages(webSocket, PEER_LIMITS.strangerBytesMax)
    const accepted = socketOfWs(webSocket, request.socket.remoteAddress ?? 'client')
    void relay.accept(accepted, { binding, onProved })
  })
}

function answer(relay: Relay, request: IncomingMessage, response: ServerResponse): void {
  const path = request.url?.split('?')[0] ?? ''
  const { status, headers, text } = pageOf(relay, { method: request.method ?? '', path })
  response.writeHead(status, headers)
  response.end(text)
}

function openFailure(host: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrOption',
    message: `A relay at ${host} is reachable by others, and nothing says whom it serves.`,
    hint: 'Give the shard ids or keys of authors that it takes, or say that it is open.',
  })
}

function bindFailure(
  error: NodeJS.ErrnoException,
  wanted: { readonly host: string; readonly port: number },
): ConstelliteError {
  const { host, port } = wanted
  const isBusy = error.code === 'EADDRINUSE'
  return new ConstelliteError({
    code: isBusy ? 'ErrInUse' : 'ErrConnection',
    message: isBusy
      ? `Port ${port} at ${host} is taken.`
      : `Cannot listen at ${host}:${port}: ${error.message}.`,
    hint: 'Choose another port or host, or stop the program that has it.',
    facts: { host, port },
    retry: 'later',
    cause: error,
  })
}
