/** Peer: one authenticated connection, made on both sides by `connectPeer`.
 *  Keeps: no envelope before both proofs; bounded queues both ways; silence and standstill end it.
 *  Never: interprets envelopes; a malformed message ends the connection, because what follows it
 *  cannot be trusted to be what was sent. */

import { ConstelliteError, failureOf, type Result } from '../base/failure.ts'
import type { Host, Timer } from '../base/host.ts'
import { decoding } from '../bytes/reader.ts'
import { decodeEnvelope, encodeEnvelope, splitMessage } from './envelope.ts'
import { type HandshakeOptions, type PeerIdentity, shakeHands } from './handshake.ts'
import { createInbox, type Inbox } from './inbox.ts'
import { MESSAGE_TYPE } from './layout.ts'
import { PEER_LIMITS, type PeerLimits } from './limits.ts'
import { closedFailure, createLink, type Link } from './link.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import { createPartJoiner } from './part.ts'
import type { Peer, Socket } from './transport.ts'

export type ConnectOptions = HandshakeOptions & {
  readonly limits?: Partial<PeerLimits>
  /** Gives up the handshake, or closes the connection later. */
  readonly signal?: AbortSignal
}

/** Authenticates both ways over a fresh socket.  Rejects, with the socket closed, with ErrHandshake,
 *  ErrTimeout, ErrConnection or what the far end refused us for. */
export async function connectPeer(socket: Socket, options: ConnectOptions): Promise<Peer> {
  const limits: PeerLimits = { ...PEER_LIMITS, ...options.limits }
  const { unreadBytesMax, strangerBytesMax } = limits
  // An acceptor proves its key last, so what it says may already follow its proof.
  const earlyBytesMax = options.side === 'acceptor' ? strangerBytesMax : unreadBytesMax
  const link = createLink(socket, options.host, { earlyBytesMax, unreadBytesMax })
  const onAbort = (): void => link.close(abortedFailure(options.signal))
  options.signal?.addEventListener('abort', onAbort, { once: true })
  void link.closed.then(() => options.signal?.removeEventListener('abort', onAbort))
  if (options.signal?.aborted) onAbort()
  const deadline = options.host.setTimer(limits.handshakeMs, () =>
    link.close(silenceFailure('The far end did not prove its key in time.')),
  )
  try {
    const identity = await shakeHands(link, options)
    return createPeer(link, identity, options.host, limits)
  } catch (error) {
    const failure = failureOf(error)
    // What the far end told us is not told back to it.
    link.close(failure.facts['remote'] === true ? undefined : failure)
    throw failure
  } finally {
    deadline.cancel()
  }
}

function createPeer(link: Link, identity: PeerIdentity, host: Host, limits: PeerLimits): Peer {
  const outbox = createOutbox(link, host, limits)
  const inbox = createInbox(link)
  const heartbeat = createHeartbeat(link, outbox, host, limits)
  const closed = link.closed.then((reason) => {
    heartbeat.stop()
    const why = inbox.lastWord() ?? reason
    outbox.end(why ?? closedFailure())
    inbox.end(why)
    return why
  })
  link.deliver(createDispatch(link, outbox, inbox))
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
  }
}

/** What happens with each message after the handshake. */
function createDispatch(link: Link, outbox: Outbox, inbox: Inbox): (message: Uint8Array) => void {
  const joiner = createPartJoiner()
  const take = (message: Uint8Array): void => {
    const decoded = decodeEnvelope(message)
    const failure = decoded.ok ? inbox.add(decoded.value, message.byteLength) : decoded.failure
    if (failure !== undefined) link.close(failure)
  }
  const takePart = (message: Uint8Array): void => {
    const whole = decoding('part', () => joiner.add(message))
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
): { stop(): void } {
  let timer: Timer | undefined
  let pingedAtMs: number | undefined
  const beat = (): void => {
    const silentMs = host.monotonicNow() - link.receivedAtMs
    const isSilent = silentMs >= limits.silenceMs
    if (isSilent) link.close(silenceFailure('The far end has been silent for too long.'))
    else if (outbox.stalledMs() >= limits.stallMs) link.close(stallFailure(outbox.stalledMs()))
    if (link.isClosed) return
    const isPingDue = pingedAtMs === undefined || pingedAtMs < link.receivedAtMs
    if (silentMs >= limits.pingAfterMs && isPingDue) {
      pingedAtMs = host.monotonicNow()
      link.send(Uint8Array.of(MESSAGE_TYPE.ping, 0, 0, 0, 0))
    }
    timer = host.setTimer(limits.pingAfterMs / 3, beat)
  }
  timer = host.setTimer(limits.pingAfterMs / 3, beat)
  return { stop: () => timer?.cancel() }
}

function silenceFailure(message: string): ConstelliteError {
  return new ConstelliteError({ code: 'ErrTimeout', message, retry: 'later' })
}

function stallFailure(stalledMs: number): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrBackpressure',
    message: 'The peer takes nothing of what is sent to it.',
    facts: { stalledMs },
    retry: 'later',
  })
}

function interruptedFailure(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrProtocol',
    message: 'A message came between the parts of another.',
    retry: 'later',
  })
}

function abortedFailure(signal: AbortSignal | undefined): ConstelliteError {
  return new ConstelliteError({
    // Not ErrAborted: it is told to the far end, for whom this is a close like any other.
    code: 'ErrClosed',
    message: 'The far end gave the connection up.',
    retry: 'later',
    cause: signal?.reason,
  })
}
