/** Socket ends: what every kind of socket shares.  Messages and the close that come before someone
 *  listens wait for the listener, so that nothing is lost between connecting and the handshake. */

import type { ConstelliteError } from '../base/failure.ts'
import type { Socket } from './transport.ts'

/** What one kind of socket has to do itself. */
export type SocketDriver = {
  send(message: Uint8Array): void
  bufferedBytes(): number
  close(): void
}

export type SocketEnd = {
  readonly socket: Socket
  /** A message came; it is the receiver's to keep. */
  deliver(message: Uint8Array): void
  /** The connection is over; later calls say nothing. */
  end(reason: ConstelliteError | undefined): void
}

export function createSocketEnd(driver: SocketDriver): SocketEnd {
  const early: Uint8Array[] = []
  let ended: { readonly reason: ConstelliteError | undefined } | undefined
  let onMessage: Socket['onMessage']
  let onClose: Socket['onClose']
  const tellEnd = (): void => {
    if (ended !== undefined) onClose?.(ended.reason)
  }
  return {
    socket: {
      send: (message) => driver.send(message),
      get bufferedBytes() {
        return driver.bufferedBytes()
      },
      get onMessage() {
        return onMessage
      },
      set onMessage(listener) {
        onMessage = listener
        if (listener === undefined) return
        for (const message of early.splice(0)) listener(message)
      },
      get onClose() {
        return onClose
      },
      set onClose(listener) {
        onClose = listener
        tellEnd()
      },
      close: () => driver.close(),
    },
    deliver(message) {
      if (ended !== undefined) return
      if (onMessage === undefined) early.push(message)
      else onMessage(message)
    },
    end(reason) {
      if (ended !== undefined) return
      ended = { reason }
      tellEnd()
    },
  }
}
