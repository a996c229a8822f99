/** Suspended peer: what an authenticated connection goes on from when its socket outlives the code that
 *  served it.  Part of a record that only the serving side reads (src/relay/suspended-session.ts).
 *
 *  | offset | size | name | meaning |
 *  |---|---|---|---|
 *  | 0 | 1 | role | 1 writer, 2 follower |
 *  | 1 | 32 | key | public key that the far end proved |
 *  | 33 | 8 | sent | bytes of messages sent to it, as the credit counts them |
 *  | 41 | 8 | taken | how many of them it says it has taken |
 *  | 49 | 4 | part id | of the next message that travels as parts |
 *  | 53 | 8 | consumed | bytes of its messages taken here |
 *  | 61 | 8 | reported | how many of them it was told |
 *  | 69 | 8 | received at | when its last message came, ms since the epoch |
 *
 *  Keeps: what was never possible is refused: more taken than sent, more reported than consumed. */

import { DecodeError, type Reader } from '../bytes/reader.ts'
import type { Writer } from '../bytes/writer.ts'
import { KEY_BYTES, ROLE_BYTE } from './layout.ts'
import type { PeerRole } from './transport.ts'

export type SuspendedOutbox = {
  readonly sentBytes: bigint
  readonly takenBytes: bigint
  readonly partId: number
}

export type SuspendedInbox = { readonly consumedBytes: bigint; readonly reportedBytes: bigint }

export type SuspendedPeer = {
  readonly role: PeerRole
  readonly publicKey: Uint8Array
  readonly outbox: SuspendedOutbox
  readonly inbox: SuspendedInbox
  /** By the wall clock, which is all that two lives of an object share. */
  readonly receivedAtMs: number
}

export function writeSuspendedPeer(writer: Writer, peer: SuspendedPeer): void {
  writer
    .u8(ROLE_BYTE[peer.role])
    .bytes(peer.publicKey)
    .u64(peer.outbox.sentBytes)
    .u64(peer.outbox.takenBytes)
    .u32(peer.outbox.partId)
    .u64(peer.inbox.consumedBytes)
    .u64(peer.inbox.reportedBytes)
    .u64(BigInt(Math.max(0, Math.floor(peer.receivedAtMs))))
}

/** Throws `DecodeError`. */
export function readSuspendedPeer(reader: Reader): SuspendedPeer {
  const role = roleOf(reader.u8())
  const publicKey = reader.bytes(KEY_BYTES)
  const outbox = { sentBytes: reader.u64(), takenBytes: reader.u64(), partId: reader.u32() }
  const inbox = { consumedBytes: reader.u64(), reportedBytes: reader.u64() }
  const receivedAt = reader.u64()
  if (outbox.takenBytes > outbox.sentBytes) throw new DecodeError('more was taken than was sent')
  if (inbox.reportedBytes > inbox.consumedBytes) {
    throw new DecodeError('more was reported than was consumed')
  }
  if (receivedAt > BigInt(Number.MAX_SAFE_INTEGER)) throw new DecodeError('the time is no time')
  return { role, publicKey, outbox, inbox, receivedAtMs: Number(receivedAt) }
}

/** A relay is refused at the handshake, so none is ever suspended. */
function roleOf(byte: number): PeerRole {
  if (byte === ROLE_BYTE.writer) return 'writer'
  if (byte === ROLE_BYTE.follower) return 'follower'
  throw new DecodeError(`no suspended peer has the role ${byte}`)
}
