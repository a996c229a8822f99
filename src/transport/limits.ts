/** Limits of one connection: queues, windows and deadlines.  Both ends use the same window, because it
 *  is part of the protocol; the rest is each side's own. */

/** Bytes of messages that may be under way: sent and not yet taken by the receiving session.  One
 *  larger message may travel when nothing else is under way. */
export const WINDOW_BYTES = 4_194_304

export type PeerLimits = {
  /** `send` resolves at once while fewer bytes than this are queued. */
  readonly sendQueueBytes: number
  /** More bytes queued than this end the connection: the caller does not wait for `send`. */
  readonly sendQueueBytesMax: number
  /** Bytes that the socket may hold before the queue keeps the rest. */
  readonly socketBytes: number
  /** How often a full socket is asked again; browsers tell nobody when it drained. */
  readonly drainPollMs: number
  /** Messages that wait for a step. */
  readonly unreadBytesMax: number
  /** The same for an acceptor until the dialler has proved its key: a hello, a proof, an error. */
  readonly strangerBytesMax: number
  readonly handshakeMs: number
  /** Silence after which a ping is sent, and after which the connection is given up. */
  readonly pingAfterMs: number
  readonly silenceMs: number
  /** Time without progress of a non-empty queue after which a slow receiver is dropped. */
  readonly stallMs: number
}

export const PEER_LIMITS: PeerLimits = {
  sendQueueBytes: 1024 * 1024,
  sendQueueBytesMax: 64 * 1024 * 1024,
  socketBytes: 1024 * 1024,
  drainPollMs: 5,
  unreadBytesMax: 32 * 1024 * 1024,
  strangerBytesMax: 16 * 1024,
  handshakeMs: 10_000,
  pingAfterMs: 15_000,
  silenceMs: 45_000,
  stallMs: 60_000,
}
