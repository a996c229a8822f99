/** WebSocket transport over the `ws` package: Node and Deno as client, and every Node server side.
 *  Keeps: messages over the limit are refused by `ws` before they are buffered; no compression, because
 *  payloads are compressed or encrypted already and each deflate context costs memory. */

import type { ClientRequest } from 'node:http'
import { type RawData, WebSocket } from 'ws'
import { ConstelliteError } from '../base/failure.ts'
import { MESSAGE_BYTES_MAX } from './layout.ts'
import { createSocketEnd } from './socket.ts'
import type { Socket, Transport } from './transport.ts'
import { bindingOfUrl, closeFailure, openFailure, type WebSocketDescriptor } from './websocket.ts'

/** Options of `ws` that both ends need. */
export const WS_OPTIONS: {
  readonly maxPayload: number
  readonly perMessageDeflate: false
  readonly closeTimeout: number
} = {
  maxPayload: MESSAGE_BYTES_MAX,
  perMessageDeflate: false,
  // A far end that vanished must not keep a program from ending for the 30 s that `ws` waits.
  closeTimeout: 2000,
}

export function createNodeWebSocket(descriptor: WebSocketDescriptor): Transport {
  const { url } = descriptor
  return { url, binding: bindingOfUrl(url), connect: (signal) => connectNode(url, signal) }
}

function connectNode(url: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const webSocket = new WebSocket(url, { ...WS_OPTIONS, finishRequest: sendUnreferenced })
    const socket = socketOfWs(webSocket, url)
    const onAbort = (): void => {
      webSocket.terminate()
      reject(signal.reason)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    webSocket.once('open', () => {
      signal.removeEventListener('abort', onAbort)
      resolve(socket)
    })
    webSocket.once('error', (error) => reject(openFailure(url, error)))
    webSocket.once('close', () => {
      signal.removeEventListener('abort', onAbort)
      reject(openFailure(url, undefined))
    })
  })
}

/** A connection that waits for news is idle, and what is idle keeps no process alive. */
function sendUnreferenced(request: ClientRequest): void {
  request.once('socket', (socket) => socket.unref())
  request.end()
}

/** Lets the far end send no message over `sizeBytesMax`, which `ws` then refuses before it is buffered; the answer
 *  lets it.  `ws` has no option for it once a connection stands: a version without this field only goes without
 *  the smaller limit. */
export function limitMessages(webSocket: WebSocket, sizeBytesMax: number): () => void {
  // The field is of the class that `ws` exports nothing of.
  const { _receiver: receiver } = webSocket as unknown as { _receiver?: { _maxPayload?: number } }
  if (receiver?._maxPayload === undefined) return () => undefined
  const usual = receiver._maxPayload
  receiver._maxPayload = sizeBytesMax
  return () => {
    receiver._maxPayload = usual
  }
}

/** A `ws` connection of either side as a socket. */
export function socketOfWs(webSocket: WebSocket, url: string): Socket {
  let failure: ConstelliteError | undefined
  const end = createSocketEnd({
    send(message) {
      // A message that races with the close is lost with the connection; `close` tells.
      if (webSocket.readyState === WebSocket.OPEN) webSocket.send(message)
    },
    bufferedBytes: () => webSocket.bufferedAmount,
    close: () => webSocket.close(),
  })
  webSocket.on('message', (data, isBinary) => {
    // Text is not of this protocol; an empty message is refused as malformed one step later.
    end.deliver(isBinary ? bytesOf(data) : new Uint8Array(0))
  })
  webSocket.on('error', (error) => {
    failure = new ConstelliteError({
      code: 'ErrConnection',
      message: `The connection to ${url} broke: ${error.message}.`,
      hint: 'It connects again by itself; if it stays so, check the URL and whether the relay runs.',
      facts: { url },
      retry: 'later',
      cause: error,
    })
  })
  webSocket.on('close', (code, reason) => {
    end.end(failure ?? closeFailure(url, code, reason.toString()))
  })
  return end.socket
}

/** A copy, because `ws` may give a view on a pooled buffer that lives as long as any of its views. */
function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return new Uint8Array(Buffer.concat(data))
  return new Uint8Array(data)
}
