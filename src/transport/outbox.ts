/** Outbox: what waits to be sent to one peer, let go by the socket's room and the peer's credit.
 *  Keeps: order; at most the window is under way (one larger message only alone); `add` resolves when
 *  there is room; a queue past its limit, or one that stands still too long, ends the connection. */

import { ConstelliteError } from '../base/failure.ts'
import type { Host, Timer } from '../base/host.ts'
import { MESSAGE_TYPE } from './layout.ts'
import { type PeerLimits, WINDOW_BYTES } from './limits.ts'
import type { Link } from './link.ts'
import { splitIntoParts } from './part.ts'

export type Outbox = {
  /** Queues one whole message. */
  add(message: Uint8Array): Promise<void>
  /** The far end has taken `bytes` bytes since the start. */
  onConsumed(bytes: bigint): void
  /** Milliseconds for which a non-empty queue has not moved. */
  stalledMs(): number
  end(reason: ConstelliteError): void
}

type Waiter = { resolve(): void; reject(error: unknown): void }

export function createOutbox(link: Link, host: Host, limits: PeerLimits): Outbox {
  const queue: Uint8Array[] = []
  let queuedBytes = 0
  let parts: Uint8Array[] = []
  let partId = 0
  let sentBytes = 0n
  let consumedBytes = 0n
  let hasAskedForCredit = false
  let movedAtMs = host.monotonicNow()
  let poll: Timer | undefined
  let ended: ConstelliteError | undefined
  let waiters: Waiter[] = []

  const hasCredit = (sizeBytes: number): boolean => {
    const underWay = Number(sentBytes - consumedBytes)
    if (underWay === 0 || underWay + sizeBytes <= WINDOW_BYTES) return true
    if (!hasAskedForCredit) link.send(PING)
    hasAskedForCredit = true
    return false
  }
  const takeNext = (): boolean => {
    const message = queue[0]
    if (message === undefined || !hasCredit(message.byteLength)) return false
    queue.shift()
    queuedBytes -= message.byteLength
    sentBytes += BigInt(message.byteLength)
    parts = [...splitIntoParts(message, partId)]
    if (parts.length > 1) partId = (partId + 1) >>> 0
    return true
  }
  const pump = (): void => {
    while (ended === undefined && (parts.length > 0 || takeNext())) {
      if (link.bufferedBytes >= limits.socketBytes) {
        poll ??= host.setTimer(limits.drainPollMs, () => {
          poll = undefined
          pump()
        })
        break
      }
      link.send(parts.shift() as Uint8Array)
      movedAtMs = host.monotonicNow()
    }
    if (queuedBytes >= limits.sendQueueBytes) return
    const ready = waiters
    waiters = []
    for (const waiter of ready) waiter.resolve()
  }
  return {
    add(message) {
      if (ended !== undefined) return Promise.reject(ended)
      if (queuedBytes + message.byteLength > limits.sendQueueBytesMax) {
        link.close(queueFailure(queuedBytes))
        return Promise.reject(queueFailure(queuedBytes))
      }
      if (queue.length === 0 && parts.length === 0) movedAtMs = host.monotonicNow()
      queue.push(message)
      queuedBytes += message.byteLength
      pump()
      if (queuedBytes < limits.sendQueueBytes) return Promise.resolve()
      return new Promise((resolve, reject) => waiters.push({ resolve, reject }))
    },
    onConsumed(bytes) {
      // A lost or repeated pong must not move the credit back, nor past what was sent.
      if (bytes <= consumedBytes) return
      consumedBytes = bytes > sentBytes ? sentBytes : bytes
      hasAskedForCredit = false
      movedAtMs = host.monotonicNow()
      pump()
    },
    stalledMs() {
      const isEmpty = queue.length === 0 && parts.length === 0
      return isEmpty ? 0 : host.monotonicNow() - movedAtMs
    },
    end(reason) {
      ended = reason
      poll?.cancel()
      queue.length = 0
      parts = []
      for (const waiter of waiters) waiter.reject(reason)
      waiters = []
    },
  }
}

const PING = Uint8Array.of(MESSAGE_TYPE.ping, 0, 0, 0, 0)

function queueFailure(queuedBytes: number): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrBackpressure',
    message: 'The peer takes messages more slowly than they are sent to it.',
    facts: { queuedBytes },
    retry: 'later',
  })
}
