/** Transport: how bytes travel between two peers, whatever carries them.
 *  A *socket* moves whole messages; a *peer* is the far end after the handshake proved its key.
 *  Keeps: no envelope but hello, proof and error before both proofs; bounded queues both ways.
 *  Never: interprets frames; nothing runs inside a socket callback but an enqueue. */

import type { ConstelliteError } from '../base/failure.ts'
import type { Signal } from '../base/globals.ts'
import type { Envelope } from './envelope.ts'

/** One open connection that carries whole binary messages in order.  What arrives before `onMessage`
 *  is set waits for it; a delivered message is the receiver's to keep. */
export type Socket = {
  send(message: Uint8Array): void
  /** Bytes handed over and not yet sent. */
  readonly bufferedBytes: number
  onMessage: ((message: Uint8Array) => void) | undefined
  onClose: ((reason: ConstelliteError | undefined) => void) | undefined
  close(): void
}

/** A way to reach one address; made from a descriptor such as `websocket(url)`. */
export type Transport = {
  readonly url: string
  /** What the handshake binds this connection to: the URL's host. */
  readonly binding: string
  /** Rejects with ErrConnection, or with the signal's reason. */
  connect(signal: Signal): Promise<Socket>
  /** Calls `listener` whenever trying again at once makes sense: the network is back.  Answers the way to
   *  stop.  A transport that cannot know leaves it out, and the backoff alone decides. */
  onReachable?(listener: () => void): () => void
}

/** The far end of an authenticated connection. */
export type Peer = {
  readonly publicKey: Uint8Array
  readonly role: PeerRole
  /** Queues one envelope; resolves when the queue has room again (back-pressure), rejects with what
   *  ended the connection.  A caller that does not wait ends the connection with ErrBackpressure once
   *  the queue is at its limit. */
  send(envelope: Envelope): Promise<void>
  /** The next envelope, in order; rejects with what ended the connection.  One call at a time.  Taking
   *  envelopes is what lets the far end send more. */
  receive(): Promise<Envelope>
  /** Resolves when the connection is over, with the reason if there was one. */
  readonly closed: Promise<ConstelliteError | undefined>
  /** Says why (an error envelope) and closes; what is queued is dropped. */
  close(reason?: ConstelliteError): void
}

export type PeerRole = 'writer' | 'follower' | 'relay'
