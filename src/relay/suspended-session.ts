/** Suspended session: what one connection of a relay goes on from when its socket outlives the code that
 *  served it, as bytes that are kept with the socket.  Only the relay that wrote them reads them.
 *
 *  | offset | size | name | meaning |
 *  |---|---|---|---|
 *  | 0 | 1 | version | 1 |
 *  | 1 | 77 | peer | src/transport/suspended-peer.ts |
 *  | 78 | 1 | count | subjects, at most `SUSPENDED_SUBJECTS_MAX` |
 *  | 79 | … | subjects | one after the other |
 *
 *  | of each subject | size | meaning |
 *  |---|---|---|
 *  | shard | 32 | its id |
 *  | flags | 1 | 1 needs the authority · 2 watches · 4 was told a head · 8 has a live want |
 *  | told | 88, flag 4 | epoch u64, author 32, seq u64, checksum 32, first u64 |
 *  | live | 16, flag 8 | cursor u64, epoch u64 |
 *
 *  Keeps: the size within what a platform lets a socket carry; an unknown version or flag is refused, and so
 *  is a shard that comes twice.  A record that is refused costs its connection, nothing else. */

import type { Result } from '../base/failure.ts'
import { toSeq } from '../base/ids.ts'
import { createReader, DecodeError, decoding, type Reader } from '../bytes/reader.ts'
import { formatHex } from '../bytes/text.ts'
import { createWriter, type Writer } from '../bytes/writer.ts'
import { HASH_BYTES } from '../crypto/hash.ts'
import { KEY_BYTES, SHARD_BYTES } from '../transport/layout.ts'
import {
  readSuspendedPeer,
  type SuspendedPeer,
  writeSuspendedPeer,
} from '../transport/suspended-peer.ts'
import type { LiveFeed, Told } from './subject.ts'

export const SUSPENDED_VERSION = 1
/** A Durable Object keeps 2 KiB with a socket; what it wraps the bytes in is left out of that. */
export const SUSPENDED_BYTES_MAX = 1984
export const SUSPENDED_SUBJECTS_MAX = 64

const NEEDS_AUTHORITY = 1
const WATCHES = 2
const TOLD = 4
const LIVE = 8

export type SuspendedSubject = {
  readonly shard: Uint8Array
  readonly needsAuthority: boolean
  readonly isWatching: boolean
  readonly told: Told | undefined
  readonly live: Readonly<LiveFeed> | undefined
}

export type SuspendedSession = {
  readonly peer: SuspendedPeer
  readonly subjects: readonly SuspendedSubject[]
}

/** Undefined when it names more than fits. */
export function encodeSuspended(session: SuspendedSession): Uint8Array | undefined {
  const { peer, subjects } = session
  if (subjects.length > SUSPENDED_SUBJECTS_MAX) return undefined
  const writer = createWriter(SUSPENDED_BYTES_MAX).u8(SUSPENDED_VERSION)
  writeSuspendedPeer(writer, peer)
  writer.u8(subjects.length)
  for (const subject of subjects) writeSubject(writer, subject)
  return writer.size > SUSPENDED_BYTES_MAX ? undefined : writer.finish()
}

export function decodeSuspended(bytes: Uint8Array): Result<SuspendedSession> {
  return decoding('suspended session', () => {
    if (bytes.byteLength > SUSPENDED_BYTES_MAX) throw new DecodeError('it is over the limit')
    const reader = createReader(bytes)
    const version = reader.u8()
    if (version !== SUSPENDED_VERSION) throw new DecodeError(`version ${version} is not known`)
    const peer = readSuspendedPeer(reader)
    const count = reader.u8()
    if (count > SUSPENDED_SUBJECTS_MAX) throw new DecodeError(`${count} subjects are too many`)
    const subjects: SuspendedSubject[] = []
    const seen = new Set<string>()
    for (let index = 0; index < count; index++) {
      const subject = readSubject(reader)
      const key = formatHex(subject.shard)
      if (seen.has(key)) throw new DecodeError('a shard comes twice')
      seen.add(key)
      subjects.push(subject)
    }
    reader.end()
    return { peer, subjects }
  })
}

function writeSubject(writer: Writer, subject: SuspendedSubject): void {
  const { shard, needsAuthority, isWatching, told, live } = subject
  const flags =
    (needsAuthority ? NEEDS_AUTHORITY : 0) |
    (isWatching ? WATCHES : 0) |
    (told === undefined ? 0 : TOLD) |
    (live === undefined ? 0 : LIVE)
  writer.bytes(shard).u8(flags)
  if (told !== undefined) {
    const { epoch, author, position, first } = told
    writer.u64(epoch).bytes(author).u64(position.seq).bytes(position.checksum).u64(first)
  }
  if (live !== undefined) writer.u64(live.cursor).u64(live.epoch)
}

function readSubject(reader: Reader): SuspendedSubject {
  const shard = reader.bytes(SHARD_BYTES)
  const flags = reader.u8()
  if (flags > (NEEDS_AUTHORITY | WATCHES | TOLD | LIVE)) {
    throw new DecodeError(`flags ${flags} are not known`)
  }
  const told = (flags & TOLD) === 0 ? undefined : readTold(reader)
  const live =
    (flags & LIVE) === 0 ? undefined : { cursor: toSeq(reader.u64()), epoch: reader.u64() }
  return {
    shard,
    needsAuthority: (flags & NEEDS_AUTHORITY) !== 0,
    isWatching: (flags & WATCHES) !== 0,
    told,
    live,
  }
}

function readTold(reader: Reader): Told {
  const epoch = reader.u64()
  const author = reader.bytes(KEY_BYTES)
  const position = { seq: toSeq(reader.u64()), checksum: reader.bytes(HASH_BYTES) }
  return { epoch, author, position, first: toSeq(reader.u64()) }
}
