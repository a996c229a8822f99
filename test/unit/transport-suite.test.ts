/** Every transport that runs in Node passes the suite of transports. */
import { createServer } from 'node:net'
import { afterEach, describe, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { createNodeHost } from '../../src/platform/host-node.ts'
import { type TransportContext, transportCases } from '../../src/testing/transport-suite.ts'
import { createMemoryHub } from '../../src/transport/memory.ts'
import type { Socket, Transport } from '../../src/transport/transport.ts'
import { type WebSocketDescriptor, websocket } from '../../src/transport/websocket.ts'
import { createGlobalWebSocket } from '../../src/transport/websocket-global.ts'
import { createNodeWebSocket, socketOfWs, WS_OPTIONS } from '../../src/transport/websocket-node.ts'

const host = createNodeHost()
const servers: WebSocketServer[] = []

afterEach(() => {
  for (const server of servers.splice(0)) {
    for (const client of server.clients) client.terminate()
    server.close()
  }
})

function memoryContext(): TransportContext {
  const hub = createMemoryHub(host)
  return {
    async listen() {
      const accepted = createMailbox<Socket>()
      hub.listen('ws://hub.test', accepted.put)
      return { transport: hub.transport('ws://hub.test'), accept: accepted.take }
    },
    nobody: async () => hub.transport('ws://nobody.test'),
  }
}

function webSocketContext(build: (descriptor: WebSocketDescriptor) => Transport): TransportContext {
  return {
    async listen() {
      const server = new WebSocketServer({ ...WS_OPTIONS, host: '127.0.0.1', port: 0 })
      servers.push(server)
      const accepted = createMailbox<Socket>()
      server.on('connection', (webSocket) => accepted.put(socketOfWs(webSocket, 'client')))
      await new Promise((resolve) => server.once('listening', resolve))
      const { port } = server.address() as { port: number }
      return {
        transport: build(websocket(`ws://127.0.0.1:${port}`)),
        accept: accepted.take,
      }
    },
    async nobody() {
      const probe = createServer()
      await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
      const { port } = probe.address() as { port: number }
      await new Promise((resolve) => probe.close(resolve))
      return build(websocket(`ws://127.0.0.1:${port}`))
    },
  }
}

function createMailbox<T>(): { put(item: T): void; take(): Promise<T> } {
  const items: T[] = []
  const takers: ((item: T) => void)[] = []
  return {
    put(item) {
      const taker = takers.shift()
      if (taker === undefined) items.push(item)
      else taker(item)
    },
    take() {
      const item = items.shift()
      return item === undefined
        ? new Promise((resolve) => takers.push(resolve))
        : Promise.resolve(item)
    },
  }
}

/** Node 20 has no WebSocket of its own; the client of `ws` has the interface of the platform's. */
function createBorrowedWebSocket(descriptor: WebSocketDescriptor): Transport {
  const transport = createGlobalWebSocket(descriptor)
  return {
    ...transport,
    connect(signal) {
      const own = globalThis.WebSocket
      Object.assign(globalThis, { WebSocket })
      try {
        return transport.connect(signal)
      } finally {
        Object.assign(globalThis, { WebSocket: own })
      }
    },
  }
}

const TRANSPORTS: Readonly<Record<string, () => TransportContext>> = {
  'memory hub': memoryContext,
  'ws package': () => webSocketContext(createNodeWebSocket),
  'global WebSocket': () => webSocketContext(createBorrowedWebSocket),
}

for (const [name, context] of Object.entries(TRANSPORTS)) {
  describe(name, () => {
    for (const { name: proves, run } of transportCases()) it(proves, () => run(context()))
  })
}
