/** Switched: the WebSocket transport with a switch in front, so that the page can play "offline".
 *  Keeps: while it is off no socket is open, and whoever dials waits until it is on again. */

import { ConstelliteError } from '../../src/base/failure.ts'
import type { Socket, Transport } from '../../src/transport/transport.ts'
import { websocket } from '../../src/transport/websocket.ts'
import { createGlobalWebSocket } from '../../src/transport/websocket-global.ts'

export type Switch = {
  set(isOnline: boolean): void
  transport(url: string): Transport
}

export function createSwitch(): Switch {
  let isOnline = true
  const sockets = new Set<Socket>()
  const waiting = new Set<() => void>()
  /** Whoever pauses between two attempts. */
  const pausing = new Set<() => void>()

  const whenOnline = (signal: AbortSignal): Promise<void> => {
    if (isOnline) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const go = (): void => {
        waiting.delete(go)
        signal.removeEventListener('abort', giveUp)
        resolve()
      }
      const giveUp = (): void => {
        waiting.delete(go)
        reject(switchedOff())
      }
      waiting.add(go)
      signal.addEventListener('abort', giveUp, { once: true })
    })
  }
  return {
    set: (next) => {
      isOnline = next
      if (isOnline) for (const go of [...waiting, ...pausing]) go()
      else for (const socket of sockets) socket.close()
      if (!isOnline) sockets.clear()
    },
    transport: (url) => {
      const inner = createGlobalWebSocket(websocket(url))
      return {
        url: inner.url,
        binding: inner.binding,
        onReachable: (listener) => {
          pausing.add(listener)
          const stop = inner.onReachable?.(listener)
          return () => {
            pausing.delete(listener)
            stop?.()
          }
        },
        connect: async (signal) => {
          await whenOnline(signal)
          const socket = await inner.connect(signal)
          if (isOnline) sockets.add(socket)
          else socket.close()
          return socket
        },
      }
    },
  }
}

function switchedOff(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrConnection',
    message: 'The connection is switched off on this page.',
    hint: 'Switch it on again; what was written meanwhile is sent then.',
    retry: 'later',
  })
}
