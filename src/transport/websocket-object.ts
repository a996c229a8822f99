/** WebSocket of a Durable Object that may hibernate: its messages come to the object as calls, and 2 KiB stay
 *  with it while the object is gone.
 *  Keeps: what races with a close is lost with the connection.  Never: listens; the object delivers. */

import { createSocketEnd, type SocketEnd } from './socket.ts'
import { closeFailure } from './websocket.ts'

/** What of the platform's WebSocket is used. */
export type ObjectWebSocket = {
  readonly readyState: number
  send(message: Uint8Array): void
  close(code?: number, reason?: string): void
  serializeAttachment(value: Uint8Array | null): void
  deserializeAttachment(): unknown
}

export type ObjectSocket = {
  readonly end: SocketEnd
  /** A message came; text is not of this protocol. */
  onMessage(message: ArrayBuffer | string): void
  onClose(code: number, reason: string): void
  /** Keeps these bytes with the socket, or with undefined nothing. */
  keep(bytes: Uint8Array | undefined): void
  /** What was kept. */
  kept(): Uint8Array | undefined
}

const OPEN = 1

export function createObjectSocket(webSocket: ObjectWebSocket, url: string): ObjectSocket {
  const isOpen = (): boolean => webSocket.readyState === OPEN
  const end = createSocketEnd({
    send(message) {
      if (isOpen()) webSocket.send(message)
    },
    // The platform does not say; the far end's credit bounds what is under way.
    bufferedBytes: () => 0,
    close() {
      if (isOpen()) webSocket.close(1000)
      end.end(undefined)
    },
  })
  return {
    end,
    onMessage(message) {
      // An empty message is refused as malformed one step later.
      end.deliver(message instanceof ArrayBuffer ? new Uint8Array(message) : new Uint8Array(0))
    },
    onClose(code, reason) {
      end.end(closeFailure(url, code, reason))
    },
    keep(bytes) {
      if (isOpen()) webSocket.serializeAttachment(bytes ?? null)
    },
    kept() {
      const value = webSocket.deserializeAttachment()
      return value instanceof Uint8Array ? value : undefined
    },
  }
}
