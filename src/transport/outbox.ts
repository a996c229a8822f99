/** Outbox: what waits to be sent to one peer, let go by the socket's room and the peer's credit.
 *  Keeps: order; at most the window is under way (one larger message only alone); `add` resolves when
 *  there is room; a queue past its limit, or one that stands still too long, ends the connection.
 *  One pong at most is owed, however many pings come while the far end reads nothing. */

import { ConstelliteError } from '../base/failure.ts'
import type { Host, Timer } from '../base/host.ts'
import { type Activity, ALWAYS_AWAKE } from './activity.ts'
import { MESSAGE_BYTES_MAX, MESSAGE_TYPE } from './layout.ts'
import { type PeerLimits, WINDOW_BYTES } from './limits.ts'
import type { Link } from './link.ts'
import { splitIntoParts } from './part.ts'
import type { SuspendedOutbox } from './suspended-peer.ts'

export type Outbox = {
  /** Queues one whole message. */
  add(message: Uint8Array): Promise<void>
  /** Sends what `pong` answers as soon as the socket has room, before what is queued. */
  owe(pong: () => Uint8Array): void
  /** The far end has taken `bytes` bytes since the start. */
  onConsumed(bytes: bigint): void
  /** Milliseconds for which a non-empty queue has not moved. */
  stalledMs(): number
  /** What another outbox goes on from; undefined while something waits to be sent. */
  suspend(): SuspendedOutbox | undefined
  /** Of what waits, with all of the message that is being sent. */
  readonly heldBytes: number
  end(reason: ConstelliteError): void
}

type Waiter = { resolve(): void; reject(error: unknown): void }

type State = {
  readonly link: Link
  readonly host: Host
  readonly limits: PeerLimits
  readonly credit: Credit
  readonly activity: Activity
  /** Whether what waits counts as activity. */
  isWaiting: boolean
  readonly queue: Uint8Array[]
  queuedBytes: number
  pong: (() => Uint8Array) | undefined
  /** Rest of the message that is being sent. */
  parts: readonly Uint8Array[]
  partId: number
  movedAtMs: number
  poll: Timer | undefined
  ended: ConstelliteError | undefined
  waiters: Waiter[]
}

const FROM_THE_START: SuspendedOutbox = { sentBytes: 0n, takenBytes: 0n, partId: 0 }

export function createOutbox(
  link: Link,
  host: Host,
  limits: PeerLimits,
  activity: Activity = ALWAYS_AWAKE,
  from: SuspendedOutbox = FROM_THE_START,
): Outbox {
  const state: State = {
    link,
    host,
    limits,
    activity,
    isWaiting: false,
    credit: createCredit(from, () => link.send(PING)),
    queue: [],
    queuedBytes: 0,
    pong: undefined,
    parts: [],
    partId: from.partId,
    movedAtMs: host.monotonicNow(),
    poll: undefined,
    ended: undefined,
    waiters: [],
  }
  return {
    add: (message) => addMessage(state, message),
    owe(pong) {
      if (isIdle(state)) state.movedAtMs = host.monotonicNow()
      state.pong = pong
      pump(state)
    },
    onConsumed(bytes) {
      if (!state.credit.onConsumed(bytes)) return
      state.movedAtMs = host.monotonicNow()
      pump(state)
    },
    stalledMs: () => (isIdle(state) ? 0 : host.monotonicNow() - state.movedAtMs),
    get heldBytes() {
      return state.queuedBytes + state.parts.length * MESSAGE_BYTES_MAX
    },
    suspend: () => (isIdle(state) ? { ...state.credit.used(), partId: state.partId } : undefined),
    end(reason) {
      state.ended = reason
      state.poll?.cancel()
      state.queue.length = 0
      state.parts = []
      state.pong = undefined
      countWaiting(state)
      for (const waiter of state.waiters.splice(0)) waiter.reject(reason)
    },
  }
}

function addMessage(state: State, message: Uint8Array): Promise<void> {
  const { limits, queue } = state
  if (state.ended !== undefined) return Promise.reject(state.ended)
  if (state.queuedBytes + message.byteLength > limits.sendQueueBytesMax) {
    const failure = queueFailure(state.queuedBytes)
    state.link.close(failure)
    return Promise.reject(failure)
  }
  if (isIdle(state)) state.movedAtMs = state.host.monotonicNow()
  queue.push(message)
  state.queuedBytes += message.byteLength
  // Also what leaves at once changes what is to be kept.
  state.activity.enter()
  pump(state)
  state.activity.leave()
  if (state.queuedBytes < limits.sendQueueBytes) return Promise.resolve()
  return new Promise((resolve, reject) => state.waiters.push({ resolve, reject }))
}

/** Sends as much as socket and credit let go, then tells those who wait for room. */
function pump(state: State): void {
  const { link, host, limits } = state
  while (state.ended === undefined && (!isBetween(state) || takeNext(state))) {
    if (link.bufferedBytes >= limits.socketBytes) {
      state.poll ??= host.setTimer(limits.drainPollMs, () => {
        state.poll = undefined
        pump(state)
      })
      break
    }
    const { pong } = state
    state.pong = undefined
    if (pong !== undefined) link.send(pong())
    else {
      const [part, ...rest] = state.parts
      state.parts = rest
      if (part !== undefined) link.send(part)
      // A pong is no progress of what is queued.
      state.movedAtMs = host.monotonicNow()
    }
  }
  countWaiting(state)
  if (state.queuedBytes >= limits.sendQueueBytes) return
  for (const waiter of state.waiters.splice(0)) waiter.resolve()
}

/** Makes the next queued message the one that is being sent, where there is credit for it. */
function takeNext(state: State): boolean {
  const message = state.queue[0]
  if (message === undefined || !state.credit.take(message.byteLength)) return false
  state.queue.shift()
  state.queuedBytes -= message.byteLength
  state.parts = splitIntoParts(message, state.partId)
  if (state.parts.length > 1) state.partId = (state.partId + 1) >>> 0
  return true
}

/** What waits for room or credit is under way. */
function countWaiting(state: State): void {
  const isWaiting = !isIdle(state)
  if (isWaiting === state.isWaiting) return
  state.isWaiting = isWaiting
  if (isWaiting) state.activity.enter()
  else state.activity.leave()
}

function isIdle(state: State): boolean {
  return state.queue.length === 0 && isBetween(state)
}

/** Nothing is to be sent before the next queued message. */
function isBetween({ pong, parts }: State): boolean {
  return pong === undefined && parts.length === 0
}

/** What the far end lets be under way. */
type Credit = {
  /** Counts a message as sent; false, and the far end asked once, when it must wait. */
  take(sizeBytes: number): boolean
  /** False when it says nothing new: a lost or repeated pong must not move the credit back. */
  onConsumed(bytes: bigint): boolean
  used(): { readonly sentBytes: bigint; readonly takenBytes: bigint }
}

function createCredit(from: SuspendedOutbox, ask: () => void): Credit {
  let { sentBytes, takenBytes: consumedBytes } = from
  let hasAsked = false
  return {
    take(sizeBytes) {
      const underWay = Number(sentBytes - consumedBytes)
      if (underWay > 0 && underWay + sizeBytes > WINDOW_BYTES) {
        if (!hasAsked) ask()
        hasAsked = true
        return false
      }
      sentBytes += BigInt(sizeBytes)
      return true
    },
    onConsumed(bytes) {
      if (bytes <= consumedBytes) return false
      // Never past what was sent, whatever the far end says.
      consumedBytes = bytes > sentBytes ? sentBytes : bytes
      hasAsked = false
      return true
    },
    used: () => ({ sentBytes, takenBytes: consumedBytes }),
  }
}

const PING = Uint8Array.of(MESSAGE_TYPE.ping, 0, 0, 0, 0)

function queueFailure(queuedBytes: number): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrBackpressure',
    message: 'The peer takes messages more slowly than they are sent to it.',
    hint: 'It connects again by itself; if it stays so, the line or the peer is too slow.',
    facts: { queuedBytes },
    retry: 'later',
  })
}
