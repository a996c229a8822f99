/** WebSocket transport over the platform's own `WebSocket`: browsers, workers, Bun, Node from 22 on.
 *  Not for Deno: its client stalls 44 ms on every message over 1 KiB; there websocket-node.ts serves. */

import { createSocketEnd } from './socket.ts'
import type { Socket, Transport } from './transport.ts'
import { bindingOfUrl, closeFailure, openFailure, type WebSocketDescriptor } from './websocket.ts'

export function createGlobalWebSocket(descriptor: WebSocketDescriptor): Transport {
  const { url } = descriptor
  return {
    url,
    binding: bindingOfUrl(url),
    connect: (signal) => connectGlobal(url, signal),
    onReachable,
  }
}

/** Windows and workers say when the network is back; where nobody says, nothing is called. */
function onReachable(listener: () => void): () => void {
  if (typeof globalThis.addEventListener !== 'function') return () => {}
  globalThis.addEventListener('online', listener)
  return () => globalThis.removeEventListener('online', listener)
}

function connectGlobal(url: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const webSocket = new WebSocket(url)
    webSocket.binaryType = 'arraybuffer'
    const end = createSocketEnd({
      send(message) {
        // A message that races with the close is lost with the connection; `close` tells.
        if (webSocket.readyState !== webSocket.OPEN) return
        // The bytes come from a writer or a part, never from a shared buffer.
        webSocket.send(message as Uint8Array<ArrayBuffer>)
      },
      bufferedBytes: () => webSocket.bufferedAmount,
      close: () => webSocket.close(),
    })
    const onAbort = (): void => {
      webSocket.close()
      reject(signal.reason)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    webSocket.onopen = () => {
      signal.removeEventListener('abort', onAbort)
      resolve(end.socket)
    }
    webSocket.onmessage = (event) => {
      if (event.data instanceof ArrayBuffer) end.deliver(new Uint8Array(event.data))
      // Text is not of this protocol; an empty message is refused as malformed one step later.
      else end.deliver(new Uint8Array(0))
    }
    // It says nothing of why; the close that follows ends the connection.
    webSocket.onerror = () => undefined
    webSocket.onclose = (event) => {
      signal.removeEventListener('abort', onAbort)
      reject(openFailure(url, event.reason))
      end.end(closeFailure(url, event.code, event.reason))
    }
  })
}
