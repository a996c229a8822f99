/** Proves that the memory hub and workerd's own WebSocket pass the suite of transports, the latter against
 *  sockets that the object itself accepts. */

import { describe, inject, test } from 'vitest'
import { createWorkerdHost } from '../../../src/platform/host-workerd.ts'
import { type TransportContext, transportCases } from '../../../src/testing/transport-suite.ts'
import { createMemoryHub } from '../../../src/transport/memory.ts'
import { createSocketEnd } from '../../../src/transport/socket.ts'
import type { Socket } from '../../../src/transport/transport.ts'
import { closeFailure, websocket } from '../../../src/transport/websocket.ts'
import { createGlobalWebSocket } from '../../../src/transport/websocket-global.ts'
import { here, type ServerSocket } from '../here.ts'

const CONTEXTS: Readonly<Record<string, () => TransportContext>> = {
  'memory hub': memoryContext,
  "workerd's WebSocket": webSocketContext,
}

for (const [name, context] of Object.entries(CONTEXTS)) {
  describe(name, () => {
    for (const { name: proves, run } of transportCases()) test(proves, () => run(context()))
  })
}

function memoryContext(): TransportContext {
  const hub = createMemoryHub(createWorkerdHost())
  return {
    listen: async () => {
      const accepted: Socket[] = []
      const takers: ((socket: Socket) => void)[] = []
      hub.listen('ws://hub.test', (socket) => {
        const taker = takers.shift()
        if (taker === undefined) accepted.push(socket)
        else taker(socket)
      })
      const accept = (): Promise<Socket> => {
        const socket = accepted.shift()
        return socket === undefined
          ? new Promise((resolve) => takers.push(resolve))
          : Promise.resolve(socket)
      }
      return { transport: hub.transport('ws://hub.test'), accept }
    },
    nobody: async () => hub.transport('ws://nobody.test'),
  }
}

function webSocketContext(): TransportContext {
  return {
    listen: async () => ({
      transport: createGlobalWebSocket(websocket(here().socketUrl)),
      accept: async () => socketOf(await here().accept()),
    }),
    nobody: async () => createGlobalWebSocket(websocket(inject('nobodyUrl'))),
  }
}

function socketOf(webSocket: ServerSocket): Socket {
  const end = createSocketEnd({
    // A message that races with the close is lost with the connection.
    send: (message) => void attempt(() => webSocket.send(message as Uint8Array<ArrayBuffer>)),
    bufferedBytes: () => 0,
    close: () => void attempt(() => webSocket.close()),
  })
  webSocket.binaryType = 'arraybuffer'
  webSocket.addEventListener('message', ({ data }) => {
    end.deliver(data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(0))
  })
  webSocket.addEventListener('close', ({ code, reason }) => {
    attempt(() => webSocket.close())
    end.end(closeFailure('a client', code, reason))
  })
  return end.socket
}

/** A closed WebSocket throws. */
function attempt(task: () => void): void {
  try {
    task()
  } catch {
    // The close event tells.
  }
}
