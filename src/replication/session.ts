/** What the two kinds of session share: the shard, the far end, and what they report upwards.
 *  A session is one authenticated connection's conversation about one shard (src/relay/session.ts has
 *  the protocol as a table); it ends by throwing, by the peer closing, or with 'stop'. */

import { ConstelliteError } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import type { Position } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import { type Receipt, verifyReceipt } from '../frame/receipt.ts'
import type { Shard } from '../shard/shard.ts'
import type { Envelope } from '../transport/envelope.ts'
import type { Peer } from '../transport/transport.ts'

export type SessionContext = {
  readonly host: Host
  readonly shard: Shard
  readonly peer: Peer
  /** Counts one event by name, for `status.sync.counters`. */
  count(name: string, by?: number): void
  /** A verified receipt arrived: this holder has everything up to there. */
  onShared(holder: Uint8Array, position: Position): void
  /** 0…1 of a snapshot under way; undefined when none is. */
  onProgress(fraction: number | undefined): void
  /** The copy is in step with the far end now, or no longer is. */
  onLive(isLive: boolean): void
}

/** The far end's error as a failure of ours. */
export function failureFrom(envelope: Envelope & { type: 'error' }): ConstelliteError {
  const known = KNOWN_CODES.find((code) => code === envelope.code)
  return new ConstelliteError({
    code: known ?? 'ErrProtocol',
    message: `The peer refused: ${envelope.text}`,
    hint: known === undefined ? `Its code is ${envelope.code}.` : HINTS[known],
    retry: known === 'ErrDenied' ? 'after-repair' : 'later',
    facts: { peerCode: envelope.code },
  })
}

/** True when the receipt is this peer's own, about this shard, and says that it holds our frame. */
export function checkReceipt(context: SessionContext, receipt: Receipt): boolean {
  const { shard, peer } = context
  if (!equalBytes(receipt.shard, shard.id) || !equalBytes(receipt.holder, peer.publicKey))
    return false
  if (!verifyReceipt(receipt)) return false
  const frame = shard.readFrame(receipt.seq)
  const head = shard.head
  const own = receipt.seq === head.seq ? head.checksum : frame?.checksum
  // What the log has no more was checked when it was sent.
  return own === undefined || equalBytes(own, receipt.checksum)
}

export function sameShard(context: SessionContext, shard: Uint8Array): boolean {
  return equalBytes(shard, context.shard.id)
}

const KNOWN_CODES = [
  'ErrDenied',
  'ErrRelayFull',
  'ErrForked',
  'ErrUnavailable',
  'ErrBackpressure',
  'ErrTooLarge',
  'ErrAuthor',
  'ErrSignature',
  'ErrChecksum',
  'ErrHandshake',
] as const

const HINTS: Readonly<Record<(typeof KNOWN_CODES)[number], string>> = {
  ErrDenied: 'Ask the relay’s operator to allow this shard or key.',
  ErrRelayFull: 'The relay’s quota is used up; free space there or choose another relay.',
  ErrForked: 'Another copy wrote with the same key; decide which history counts.',
  ErrUnavailable: 'The relay has not what was asked for; it may arrive later.',
  ErrBackpressure: 'This side read too slowly; it reconnects by itself.',
  ErrTooLarge: 'Something sent was over the relay’s limit.',
  ErrAuthor: 'The relay believes another writer; was the shard handed over?',
  ErrSignature: 'The relay found a bad signature in what was sent.',
  ErrChecksum: 'The relay found damage in what was sent; it reconnects by itself.',
  ErrHandshake: 'The keys or the address did not match.',
}
