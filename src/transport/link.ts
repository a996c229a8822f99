/** Link: a socket whose messages wait in a bounded queue and are handled one step later.
 *  Keeps: nothing runs inside a socket callback but an enqueue; what arrived before the far end closed
 *  is handled before the close is told.
 *  Never: reads a message; handshake.ts and peer.ts do. */

import { assert } from '../base/assert.ts'
import { ConstelliteError } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import { type Activity, ALWAYS_AWAKE } from './activity.ts'
import { encodeEnvelope } from './envelope.ts'
import { MESSAGE_BYTES_MAX } from './layout.ts'
import { errorEnvelopeOf } from './remote.ts'
import type { Socket } from './transport.ts'

export type LinkOptions = {
  /** Unread bytes that end the link, before and after `deliver`. */
  readonly earlyBytesMax: number
  readonly unreadBytesMax: number
  /** Hears of messages that wait for their step. */
  readonly activity?: Activity
  /** When the last message came to an earlier life of this side. */
  readonly receivedAtMs?: number
}

export type Link = {
  send(message: Uint8Array): void
  readonly bufferedBytes: number
  /** Of messages that wait for their step. */
  unreadBytes(): number
  /** When the last message came, by the host's monotonic clock. */
  readonly receivedAtMs: number
  /** The next message, while there is no handler; rejects when the link is over. */
  next(): Promise<Uint8Array>
  /** Hands every later message, and those that wait, to `handler`. */
  deliver(handler: (message: Uint8Array) => void): void
  readonly isClosed: boolean
  readonly closed: Promise<ConstelliteError | undefined>
  /** Sends the reason, if there is one, as an error envelope; closes; drops what is unread. */
  close(reason?: ConstelliteError): void
}

export function createLink(socket: Socket, host: Host, options: LinkOptions): Link {
  const { activity = ALWAYS_AWAKE } = options
  const unread = createUnread()
  const ending = createEnding()
  let receivedAtMs = options.receivedAtMs ?? host.monotonicNow()
  let isStepping = false
  let isDelivering = false
  let farEnd: { readonly reason: ConstelliteError | undefined } | undefined
  const settle = (reason: ConstelliteError | undefined): void => {
    ending.settle(reason)
    unread.end(reason ?? closedFailure())
  }
  const close = (reason?: ConstelliteError): void => {
    if (ending.isSettled) return
    if (farEnd === undefined) sayWhy(socket, reason)
    socket.close()
    settle(reason)
  }
  const step = (): void => {
    isStepping = false
    unread.handOver()
    if (unread.bytes === 0 && farEnd !== undefined && !ending.isSettled) settle(farEnd.reason)
    activity.leave()
  }
  const wake = (): void => {
    if (isStepping) return
    isStepping = true
    activity.enter()
    host.defer(step)
  }
  socket.onMessage = (message) => {
    if (ending.isSettled) return
    receivedAtMs = host.monotonicNow()
    unread.add(message)
    const bytesMax = isDelivering ? options.unreadBytesMax : options.earlyBytesMax
    const refused = refusalOf(message, unread.bytes, bytesMax)
    if (refused === undefined) wake()
    else close(refused)
  }
  socket.onClose = (reason) => {
    farEnd = { reason }
    wake()
  }
  return {
    send(message) {
      if (!ending.isSettled && farEnd === undefined) socket.send(message)
    },
    get bufferedBytes() {
      return socket.bufferedBytes
    },
    unreadBytes: () => unread.bytes,
    get receivedAtMs() {
      return receivedAtMs
    },
    next() {
      wake()
      return unread.next()
    },
    deliver(handler) {
      isDelivering = true
      unread.deliver(handler)
      wake()
    },
    get isClosed() {
      return ending.isSettled
    },
    closed: ending.promise,
    close,
  }
}

function sayWhy(socket: Socket, reason: ConstelliteError | undefined): void {
  if (reason !== undefined) socket.send(encodeEnvelope(errorEnvelopeOf(reason)))
}

/** Messages between the socket's callback and the step that reads them. */
function createUnread(): {
  readonly bytes: number
  add(message: Uint8Array): void
  next(): Promise<Uint8Array>
  deliver(handler: (message: Uint8Array) => void): void
  handOver(): void
  end(reason: ConstelliteError): void
} {
  let messages: Uint8Array[] = []
  let bytes = 0
  let handler: ((message: Uint8Array) => void) | undefined
  let waiter: { resolve(message: Uint8Array): void; reject(error: unknown): void } | undefined
  let ended: ConstelliteError | undefined
  const take = (): Uint8Array => {
    const message = messages.shift() as Uint8Array
    bytes -= message.byteLength
    return message
  }
  return {
    get bytes() {
      return bytes
    },
    add(message) {
      messages.push(message)
      bytes += message.byteLength
    },
    next() {
      assert(waiter === undefined && handler === undefined, 'one reader of a link at a time')
      if (ended !== undefined) return Promise.reject(ended)
      return new Promise((resolve, reject) => {
        waiter = { resolve, reject }
      })
    },
    deliver(next) {
      handler = next
    },
    handOver() {
      while (handler !== undefined && messages.length > 0) handler(take())
      if (waiter === undefined || messages.length === 0) return
      const { resolve } = waiter
      waiter = undefined
      resolve(take())
    },
    end(reason) {
      ended = reason
      messages = []
      bytes = 0
      waiter?.reject(reason)
      waiter = undefined
    },
  }
}

/** The one moment at which a link is over. */
function createEnding(): {
  readonly promise: Promise<ConstelliteError | undefined>
  readonly isSettled: boolean
  settle(reason: ConstelliteError | undefined): void
} {
  let resolveEnding: (reason: ConstelliteError | undefined) => void = () => undefined
  let isSettled = false
  const promise = new Promise<ConstelliteError | undefined>((resolve) => {
    resolveEnding = resolve
  })
  return {
    promise,
    get isSettled() {
      return isSettled
    },
    settle(reason) {
      if (isSettled) return
      isSettled = true
      resolveEnding(reason)
    },
  }
}

/** What waits on a connection that ended without a reason gets. */
export function closedFailure(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrConnection',
    message: 'The connection was closed.',
    hint: 'It connects again by itself; if it stays so, look whether the relay runs.',
    retry: 'later',
  })
}

function refusalOf(
  { byteLength }: Uint8Array,
  unreadBytes: number,
  unreadBytesMax: number,
): ConstelliteError | undefined {
  if (byteLength > MESSAGE_BYTES_MAX) return sizeFailure(byteLength)
  return unreadBytes > unreadBytesMax ? floodFailure(unreadBytes, unreadBytesMax) : undefined
}

function sizeFailure(sizeBytes: number): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrTooLarge',
    message: 'The far end sent a message over the limit.',
    hint: 'The far end is not a Constellite relay or peer, or of another version: check its URL.',
    facts: { sizeBytes, sizeBytesMax: MESSAGE_BYTES_MAX },
  })
}

function floodFailure(unreadBytes: number, unreadBytesMax: number): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrBackpressure',
    message: 'Messages arrive faster than they are read.',
    hint: 'It connects again by itself; if it stays so, this program is too busy to read them.',
    facts: { unreadBytes, unreadBytesMax },
    retry: 'later',
  })
}
