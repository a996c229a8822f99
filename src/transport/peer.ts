/** Peer: one authenticated connection, made on both sides by `connectPeer`.
 *  Keeps: no envelope before both proofs; bounded queues both ways; silence and standstill end it.
 *  Where the process may sleep, an `activity` says when: timers run only while something is under way, and
 *  each of those ends within its limit, so that a quiet connection waits for nothing but its far end.
 *  Never: interprets envelopes; a malformed message ends the connection, because what follows it
 *  cannot be trusted to be what was sent. */

import { ConstelliteError, failureOf, type Result } from '../base/failure.ts'
import type { Signal } from '../base/globals.ts'
import type { Host, Timer } from '../base/host.ts'
import { decoding } from '../bytes/reader.ts'
import { type Activity, ALWAYS_AWAKE } from './activity.ts'
import { decodeEnvelope, encodeEnvelope, splitMessage } from './envelope.ts'
import { type HandshakeOptions, type PeerIdentity, shakeHands } from './handshake.ts'
import { createInbox, type Inbox } from './inbox.ts'
import { MESSAGE_TYPE } from './layout.ts'
import { PEER_LIMITS, type PeerLimits } from './limits.ts'
import { closedFailure, createLink, type Link } from './link.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import { createPartJoiner, type PartJoiner } from './part.ts'
import type { SuspendedPeer } from './suspended-peer.ts'
import type { Peer, Socket } from './transport.ts'

export type ConnectOptions = HandshakeOptions & {
  readonly limits?: Partial<PeerLimits>
  /** Gives up the handshake, or closes the connection later. */
  readonly signal?: Signal
  /** Hears of everything that begins and ends on this connection. */
  readonly activity?: Activity
}

/** A peer that can be made anew over its socket. */
export type ConnectedPeer = Peer & {
  /** What `resumePeer` goes on from; undefined while something is under way. */
  suspend(): SuspendedPeer | undefined
  /** Ends the connection when the far end, whose pings come more often, has been silent for too long: for
   *  whoever has no timers, at the next event. */
  endIfSilent(): void
  /** Memory that its messages take on this side, in both directions. */
  readonly heldBytes: number
}

export type ResumeOptions = {
  readonly host: Host
  readonly limits?: Partial<PeerLimits>
  readonly activity?: Activity
}

/** Authenticates both ways over a fresh socket.  Rejects, with the socket closed, with ErrHandshake,
 *  ErrTimeout, ErrConnection or what the far end refused us for. */
export async function connectPeer(socket: Socket, options: ConnectOptions): Promise<ConnectedPeer> {
  const limits: PeerLimits = { ...PEER_LIMITS, ...options.limits }
  const { unreadBytesMax, strangerBytesMax } = limits
  // An acceptor proves its key last, so what it says may already follow its proof.
  const earlyBytesMax = options.side === 'acceptor' ? strangerBytesMax : unreadBytesMax
  const activity = options.activity ?? ALWAYS_AWAKE
  const link = createLink(socket, options.host, { earlyBytesMax, unreadBytesMax, activity })
  const onAbort = (): void => link.close(abortedFailure(options.signal))
  options.signal?.addEventListener('abort', onAbort, { once: true })
  void link.closed.then(() => options.signal?.removeEventListener('abort', onAbort))
  if (options.signal?.aborted) onAbort()
  const deadline = options.host.setTimer(limits.handshakeMs, () =>
    link.close(silenceFailure('The far end did not prove its key in time.')),
  )
  activity.enter()
  try {
    const identity = await shakeHands(link, options)
    return createPeer({ link, identity, host: options.host, limits, activity })
  } catch (error) {
    const failure = failureOf(error)
    // What the far end told us is not told back to it.
    link.close(failure.facts['remote'] === true ? undefined : failure)
    throw failure
  } finally {
    deadline.cancel()
    activity.leave()
  }
}

/** Goes on over a socket whose far end proved itself to an earlier life of this side. */
export function resumePeer(
  socket: Socket,
  suspended: SuspendedPeer,
  options: ResumeOptions,
): ConnectedPeer {
  const { host, activity = ALWAYS_AWAKE } = options
  const limits: PeerLimits = { ...PEER_LIMITS, ...options.limits }
  const { unreadBytesMax } = limits
  const silentMs = Math.max(0, host.now() - suspended.receivedAtMs)
  const link = createLink(socket, host, {
    earlyBytesMax: unreadBytesMax,
    unreadBytesMax,
    activity,
    receivedAtMs: host.monotonicNow() - silentMs,
  })
  return createPeer({ link, identity: suspended, host, limits, activity, suspended })
}

type PeerParts = {
  readonly link: Link
  readonly identity: PeerIdentity
  readonly host: Host
  readonly limits: PeerLimits
  readonly activity: Activity
  readonly suspended?: SuspendedPeer
}

function createPeer(parts: PeerParts): ConnectedPeer {
  const { link, identity, host, limits, activity, suspended } = parts
  const outbox = createOutbox(link, host, limits, activity, suspended?.outbox)
  const inbox = createInbox(outbox, suspended?.inbox)
  const heartbeat = createHeartbeat(link, outbox, host, limits)
  if (activity === ALWAYS_AWAKE) heartbeat.start()
  const unlisten = activity.listen({ onBusy: heartbeat.start, onQuiet: heartbeat.stop })
  const closed = link.closed.then((reason) => {
    unlisten()
    heartbeat.stop()
    const why = inbox.lastWord() ?? reason
    outbox.end(why ?? closedFailure())
    inbox.end(why)
    return why
  })
  const joiner = createPartJoiner()
  link.deliver(createDispatch({ link, outbox, inbox, activity, joiner }))
  return {
    publicKey: identity.publicKey,
    role: identity.role,
    send(envelope) {
      const sent = outbox.add(encodeEnvelope(envelope))
      // A caller that does not wait hears of the end by `closed`; it is no unhandled rejection.
      sent.catch(() => undefined)
      return sent
    },
    receive: () => inbox.receive(),
    closed,
    close: (reason) => link.close(reason),
    suspend() {
      const sending = outbox.suspend()
      const taking = inbox.suspend()
      if (sending === undefined || taking === undefined || link.isClosed) return undefined
      const receivedAtMs = host.now() - (host.monotonicNow() - link.receivedAtMs)
      const { role, publicKey } = identity
      return { role, publicKey, outbox: sending, inbox: taking, receivedAtMs }
    },
    get heldBytes() {
      return link.unreadBytes() + joiner.heldBytes + inbox.heldBytes + outbox.heldBytes
    },
    endIfSilent: () => closeIfSilent(link, host, limits),
  }
}

/** What happens with each message after the handshake. */
function createDispatch(parts: {
  readonly link: Link
  readonly outbox: Outbox
  readonly inbox: Inbox
  readonly activity: Activity
  readonly joiner: PartJoiner
}): (message: Uint8Array) => void {
  const { link, outbox, inbox, activity, joiner } = parts
  const take = (message: Uint8Array): void => {
    const decoded = decodeEnvelope(message)
    const failure = decoded.ok ? inbox.add(decoded.value, message.byteLength) : decoded.failure
    if (failure !== undefined) link.close(failure)
  }
  const takePart = (message: Uint8Array): void => {
    const wasOpen = joiner.isOpen
    const whole = decoding('part', () => joiner.add(message))
    if (joiner.isOpen && !wasOpen) activity.enter()
    else if (wasOpen && !joiner.isOpen) activity.leave()
    if (!whole.ok) link.close(whole.failure)
    else if (whole.value !== undefined) take(whole.value)
  }
  const takePong = (message: Uint8Array): void => {
    const consumed = decodePong(message)
    if (consumed.ok) outbox.onConsumed(consumed.value)
    else link.close(consumed.failure)
  }
  return (message) => {
    const type = message[0]
    if (type === MESSAGE_TYPE.ping) inbox.onPing()
    else if (type === MESSAGE_TYPE.pong) takePong(message)
    else if (type === MESSAGE_TYPE.part) takePart(message)
    else if (joiner.isOpen && type !== MESSAGE_TYPE.error) link.close(interruptedFailure())
    else take(message)
  }
}

function decodePong(message: Uint8Array): Result<bigint> {
  return decoding('pong', () => {
    const { body } = splitMessage(message)
    const consumed = body.u64()
    body.end()
    return consumed
  })
}

/** Pings after silence, and ends a connection that is silent or stands still for too long. */
function createHeartbeat(
  link: Link,
  outbox: Outbox,
  host: Host,
  limits: PeerLimits,
): { start(): void; stop(): void } {
  let timer: Timer | undefined
  let pingedAtMs: number | undefined
  const beat = (): void => {
    const silentMs = host.monotonicNow() - link.receivedAtMs
    closeIfSilent(link, host, limits)
    if (outbox.stalledMs() >= limits.stallMs) link.close(stallFailure(outbox.stalledMs()))
    if (link.isClosed) return
    // A coarse clock may show the answer at the time of the question.
    const isPingDue = pingedAtMs === undefined || pingedAtMs <= link.receivedAtMs
    if (silentMs >= limits.pingAfterMs && isPingDue) {
      pingedAtMs = host.monotonicNow()
      link.send(Uint8Array.of(MESSAGE_TYPE.ping, 0, 0, 0, 0))
    }
    timer = host.setTimer(limits.pingAfterMs / 3, beat)
  }
  return {
    start() {
      timer ??= host.setTimer(limits.pingAfterMs / 3, beat)
    },
    stop() {
      timer?.cancel()
      timer = undefined
    },
  }
}

function closeIfSilent(link: Link, host: Host, limits: PeerLimits): void {
  if (host.monotonicNow() - link.receivedAtMs < limits.silenceMs) return
  link.close(silenceFailure('The far end has been silent for too long.'))
}

function silenceFailure(message: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrTimeout',
    message,
    hint: 'It connects again by itself; if it stays so, the line is cut somewhere.',
    retry: 'later',
  })
}

function stallFailure(stalledMs: number): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrBackpressure',
    message: 'The peer takes nothing of what is sent to it.',
    hint: 'It connects again by itself; if it stays so, the peer is stuck or cut off.',
    facts: { stalledMs },
    retry: 'later',
  })
}

function interruptedFailure(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrProtocol',
    message: 'A message came between the parts of another.',
    hint: 'It connects again by itself; if it stays so, the far end’s version is not one for this.',
    retry: 'later',
  })
}

function abortedFailure(signal: Signal | undefined): ConstelliteError {
  return new ConstelliteError({
    // Not ErrAborted: it is told to the far end, for whom this is a close like any other.
    code: 'ErrClosed',
    message: 'The far end gave the connection up.',
    hint: 'It connects again by itself; the far end’s own status or log says why.',
    retry: 'later',
    cause: signal?.reason,
  })
}
