/** Subject: one shard within one connection, and what the parts of a session share.
 *  Keeps: a shard is leased from its first use until the connection ends, or where the relay may sleep, until
 *  nothing is under way; nobody writes a shard that the relay does not take from it. */

import { ConstelliteError } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import type { Hlc, Position, Seq } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import { formatHex } from '../bytes/text.ts'
import type { Signer } from '../crypto/signer.ts'
import type { RateLimiter } from '../flow/rate-limiter.ts'
import type { Authority } from '../frame/authority.ts'
import { authorityFrames } from '../frame/authority.ts'
import type { Seal } from '../frame/seal.ts'
import type { SnapshotInlet } from '../replication/snapshot-inlet.ts'
import type { Activity } from '../transport/activity.ts'
import type { Head } from '../transport/envelope.ts'
import type { ConnectedPeer } from '../transport/peer.ts'
import { errorEnvelopeOf } from '../transport/remote.ts'
import type { Allow } from './allow.ts'
import type { Catalog, Lease } from './catalog.ts'
import type { Counters } from './counters.ts'
import { FORKS_SHOWN_MAX, type ForkNewsItem } from './fork-news.ts'
import type { RelayLimits } from './relay-limits.ts'
import type { StoredShard } from './stored-shard.ts'

/** What every session of a relay has in common. */
export type SessionContext = {
  readonly host: Host
  /** The relay's own key. */
  readonly signer: Signer
  readonly catalog: Catalog
  readonly allow: Allow
  readonly limits: RelayLimits
  readonly counters: Counters
  /** Heads of shards that were given back in this life of the relay, by their id in hex, so that it answers for
   *  them without opening a log; a change of the shard forgets its own. */
  readonly heads: Map<string, Told>
  /** The clock of receipts. */
  tick(): Hlc
}

export type Session = {
  readonly context: SessionContext
  readonly peer: ConnectedPeer
  readonly activity: Activity
  readonly subjects: Map<string, Subject>
  candidate: Candidate | undefined
  /** What it asks that costs more than its message. */
  readonly questions: RateLimiter
  isEnded: boolean
}

/** An authority that was sent ahead of a shard that is not stored yet (candidate.ts). */
export type Candidate = {
  readonly subject: Subject
  readonly authority: Authority
  drop(): void
}

export type Upload = {
  readonly inlet: SnapshotInlet
  /** Settles when the snapshot counts or was refused (and that was said). */
  readonly done: Promise<void>
  hasLast: boolean
}

/** A head as the far end is told it. */
export type Told = {
  readonly epoch: bigint
  readonly author: Uint8Array
  readonly position: Position
  /** Lowest seq that was served as frames then. */
  readonly first: Seq
}

/** A live want: frames from `cursor` on are sent as they are stored. */
export type LiveFeed = { cursor: Seq; epoch: bigint }

export type Subject = {
  readonly key: string
  readonly shard: Uint8Array
  lease: Lease | undefined
  /** The far end named no head: it cannot check a run before it has the authority. */
  needsAuthority: boolean
  /** True once a follower said which heads it has: from then on it hears of new ones. */
  isWatching: boolean
  /** The head that was told last. */
  told: Told | undefined
  upload: Upload | undefined
  /** Numbers of the newest feed of each kind; an older one ends when it sees a newer. */
  readonly feeds: { live: number; bounded: number; snapshot: number }
  live: LiveFeed | undefined
  /** Runs beside the stored chain that the far end is still to be shown. */
  readonly forks: Uint8Array[]
  /** Calls when the shard changed or the session ended. */
  readonly wakers: Set<() => void>
  isAcknowledging: boolean
  isAcknowledgeDue: boolean
  readonly unsubscribe: () => void
}

/** The subject of a shard id, made at its first use. */
export function subjectOf(session: Session, shard: Uint8Array): Subject {
  const key = formatHex(shard)
  const known = session.subjects.get(key)
  if (known !== undefined) return known
  if (session.subjects.size >= session.context.limits.shardsPerConnectionMax) {
    throw new ConstelliteError({
      code: 'ErrTooLarge',
      message: 'One connection names too many shards.',
      hint: 'Spread them over several connections.',
      facts: { shardsMax: session.context.limits.shardsPerConnectionMax },
    })
  }
  const subject: Subject = {
    key,
    shard,
    lease: undefined,
    needsAuthority: false,
    told: undefined,
    isWatching: false,
    upload: undefined,
    feeds: { live: 0, bounded: 0, snapshot: 0 },
    live: undefined,
    wakers: new Set(),
    isAcknowledging: false,
    isAcknowledgeDue: false,
    forks: [],
    unsubscribe: () => {
      for (const stop of stops) stop()
    },
  }
  const { catalog, heads } = session.context
  const stops = [
    catalog.watch(shard, () => {
      heads.delete(key)
      wake(subject)
    }),
    catalog.forks.watch(key, (item) => {
      if (item.sender !== session) showFork(session, subject, item)
    }),
  ]
  session.subjects.set(key, subject)
  return subject
}

/** A writer is shown it at once; a follower after what it contradicts, by the feed that sends it that. */
function showFork({ peer }: Session, subject: Subject, item: ForkNewsItem): void {
  const { run } = item
  if (peer.role === 'writer') {
    // A connection that is ending hears of it when it is dialled again and compares heads.
    peer.send({ type: 'run', bytes: run }).catch(() => undefined)
  } else if (item.for === 'everybody' && subject.forks.length < FORKS_SHOWN_MAX) {
    subject.forks.push(run)
    wake(subject)
  }
}

/** The stored shard of a subject, or undefined when the relay does not have it (yet). */
export async function storedOf(
  session: Session,
  subject: Subject,
): Promise<StoredShard | undefined> {
  const { catalog } = session.context
  // A log that failed was given up, and the shard is opened anew for whoever asks.
  if (subject.lease?.stored.failed !== undefined) {
    subject.lease.release()
    subject.lease = undefined
  }
  if (subject.lease === undefined) {
    const lease = await catalog.lease(subject.shard)
    if (lease !== undefined) adoptLease(session, subject, lease)
  }
  return subject.lease?.stored
}

/** The lease of a shard that is about to be written, made when it is new and allowed. */
export async function leaseToWrite(session: Session, subject: Subject): Promise<Lease> {
  await storedOf(session, subject)
  if (subject.lease !== undefined) return subject.lease
  const { candidate } = session
  if (candidate?.subject !== subject) throw strangerFailure()
  const lease = await session.context.catalog.leaseNew(subject.shard, candidate.authority)
  adoptLease(session, subject, lease)
  // Its deadline may have come meanwhile.
  if (session.candidate === candidate) candidate.drop()
  return lease
}

export function strangerFailure(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrProtocol',
    message: 'The shard is new to the relay, and its authority was not sent.',
    hint: 'Send the shard’s authority first, as a writer does when it connects.',
    retry: 'later',
  })
}

function adoptLease(session: Session, subject: Subject, lease: Lease): void {
  if (session.isEnded || subject.lease !== undefined) {
    lease.release()
    return
  }
  subject.lease = lease
}

/** Throws ErrDenied when the relay does not take from this peer what `author` wrote of the shard. */
export function assertAllowed(
  { peer, context }: Session,
  { shard }: Subject,
  author: Uint8Array,
): void {
  const isOwn = equalBytes(peer.publicKey, author)
  if (context.allow({ shard, author: isOwn ? author : undefined })) return
  throw new ConstelliteError({
    code: 'ErrDenied',
    message: 'The relay does not take this shard.',
    hint: 'Ask whoever runs the relay to allow the shard id or the public key of its author.',
    retry: 'after-repair',
  })
}

export function wake(subject: Subject): void {
  for (const waker of [...subject.wakers]) waker()
}

/** Resolves at the next change of the shard, or the end of the session.  A feed that waits here is not under
 *  way: all that it goes on from is in its subject. */
export function nextWake({ activity }: Session, subject: Subject): Promise<void> {
  return new Promise((resolve) => {
    const waker = (): void => {
      subject.wakers.delete(waker)
      activity.enter()
      resolve()
    }
    subject.wakers.add(waker)
    activity.leave()
  })
}

/** Says what is wrong without ending the connection. */
export async function refuse(session: Session, failure: ConstelliteError): Promise<void> {
  session.context.counters.count('refused')
  await session.peer.send(errorEnvelopeOf(failure))
}

/** Tells the newest head; before it, whom to believe, where that is needed. */
export async function sendHeads(
  session: Session,
  subject: Subject,
  stored: StoredShard | undefined,
): Promise<void> {
  const told = stored === undefined ? undefined : toldOf(stored)
  if (stored !== undefined && told !== undefined && subject.needsAuthority) {
    subject.needsAuthority = false
    const frames = authorityFrames(stored.authority)
    await session.peer.send({ type: 'authority', shard: subject.shard, frames })
  }
  await tellHead(session, subject, told)
}

/** Undefined says that the relay has none. */
export async function tellHead(
  session: Session,
  subject: Subject,
  told: Told | undefined,
): Promise<void> {
  subject.told = told
  const heads: Head[] = told === undefined ? [] : [{ author: told.author, position: told.position }]
  await session.peer.send({
    type: 'heads',
    shard: subject.shard,
    heads,
    // 0 says that no frame can be served.
    first: told?.first ?? (0n as Seq),
  })
}

/** The newest head of a shard, or undefined before its first. */
export function toldOf({ head, first }: StoredShard): Told | undefined {
  if (head === undefined) return undefined
  const { epoch, author } = head.seal
  return { epoch, author, position: head.position, first }
}

export function isTold({ told }: Subject, seal: Seal): boolean {
  if (told === undefined || told.epoch !== seal.epoch) return false
  return told.position.seq === seal.seq && equalBytes(told.position.checksum, seal.checksum)
}
