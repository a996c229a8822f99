/** Downlink: what a relay sends of one shard: heads, frames as they are stored, snapshots.
 *  Keeps: only flushed, sealed runs leave; the far end's pace holds a feed back, since each run waits for
 *  room in the peer's queue; a newer want of a kind replaces the older. */

import { ConstelliteError } from '../base/failure.ts'
import { nextSeq, type Seq } from '../base/ids.ts'
import { currentTerm } from '../frame/authority.ts'
import { encodeRun } from '../frame/run.ts'
import type { Envelope } from '../transport/envelope.ts'
import type { StoredShard } from './stored-shard.ts'
import {
  isTold,
  type LiveFeed,
  nextWake,
  refuse,
  type Session,
  type Subject,
  sendHeads,
  storedOf,
  tellHead,
  wake,
} from './subject.ts'

/** Payload of one run at most, unless one transaction is larger. */
export const SERVED_RUN_BYTES = 524_288

type EnvelopeOf<T extends Envelope['type']> = Extract<Envelope, { type: T }>

/** The far end says what it has: it hears what is here. */
export async function takeHeads(
  session: Session,
  subject: Subject,
  envelope: EnvelopeOf<'heads'>,
): Promise<void> {
  subject.needsAuthority = envelope.heads.length === 0
  const known = session.context.heads.get(subject.key)
  if (known !== undefined && subject.lease === undefined && !subject.needsAuthority) {
    return tellHead(session, subject, known)
  }
  await sendHeads(session, subject, await storedOf(session, subject))
}

/** Tells a follower without a live want of every new head, newest only; also of a shard that is stored
 *  only later. */
export async function watch(session: Session, subject: Subject): Promise<void> {
  if (subject.isWatching || session.peer.role !== 'follower') return
  subject.isWatching = true
  await keepWatching(session, subject)
}

async function keepWatching(session: Session, subject: Subject): Promise<void> {
  while (!session.isEnded) {
    const stored = await storedOf(session, subject)
    if (session.isEnded) return
    const seal = stored?.head?.seal
    const isNews = seal !== undefined && !isTold(subject, seal)
    if (isNews && subject.live === undefined) await sendHeads(session, subject, stored)
    else await nextWake(session, subject)
  }
}

/** Sends runs from `from` on: up to `to`, or live. */
export async function serveWant(
  session: Session,
  subject: Subject,
  want: EnvelopeOf<'want'>,
): Promise<void> {
  const stored = await storedOf(session, subject)
  if (stored === undefined) return refuse(session, unavailable('this shard'))
  const feed = { cursor: want.from, epoch: currentTerm(stored.authority).epoch }
  const kind = want.to === undefined ? 'live' : 'bounded'
  const number = ++subject.feeds[kind]
  if (kind === 'live') subject.live = feed
  // A feed of the same kind that waits sees that it was replaced.
  wake(subject)
  await sendRuns(session, subject, {
    feed,
    to: want.to,
    isCurrent: isNewest(subject, kind, number),
  })
}

/** The feeds of a subject whose session was suspended: nothing was stored since, so each waits for news, and
 *  no shard is opened for it. */
export async function resumeWatch(session: Session, subject: Subject): Promise<void> {
  subject.isWatching = true
  await nextWake(session, subject)
  await keepWatching(session, subject)
}

export async function resumeLive(
  session: Session,
  subject: Subject,
  feed: LiveFeed,
): Promise<void> {
  const number = ++subject.feeds.live
  subject.live = feed
  await nextWake(session, subject)
  const isCurrent = isNewest(subject, 'live', number)
  await sendRuns(session, subject, { feed, to: undefined, isCurrent })
}

type Sending = {
  readonly feed: LiveFeed
  readonly to: Seq | undefined
  readonly isCurrent: () => boolean
}

function isNewest({ feeds }: Subject, kind: keyof Subject['feeds'], number: number): () => boolean {
  return () => feeds[kind] === number
}

async function sendRuns(
  session: Session,
  subject: Subject,
  { feed, to, isCurrent }: Sending,
): Promise<void> {
  while (!session.isEnded && isCurrent()) {
    // Leased anew after each wait, because a relay that may sleep gives its leases back.
    const stored = await storedOf(session, subject)
    if (session.isEnded || !isCurrent()) return
    if (stored === undefined) return refuse(session, unavailable('this shard'))
    rewindFeed(feed, stored)
    if (to !== undefined && feed.cursor > to) return
    const run = stored.readRun(feed.cursor, SERVED_RUN_BYTES)
    if (run !== undefined) {
      session.context.counters.count('runsServed')
      feed.cursor = nextSeq(run.seal.seq)
      await session.peer.send({ type: 'run', bytes: encodeRun(run) })
      continue
    }
    if (feed.cursor <= (stored.head?.position.seq ?? 0n)) {
      if (to === undefined) subject.live = undefined
      return refuse(session, unavailable(`frames from ${feed.cursor} on`))
    }
    if (to !== undefined) return
    const fork = subject.forks.shift()
    // It has the stored frames that this one contradicts.
    if (fork !== undefined) await session.peer.send({ type: 'run', bytes: fork })
    else await nextWake(session, subject)
  }
}

/** The chain may have been rewound to a hand-over: what comes next begins there. */
function rewindFeed(feed: LiveFeed, stored: StoredShard): void {
  const term = currentTerm(stored.authority)
  if (term.epoch === feed.epoch) return
  feed.epoch = term.epoch
  if (term.fromSeq < feed.cursor) feed.cursor = term.fromSeq
}

export async function serveSnapshot(
  session: Session,
  subject: Subject,
  seqMin: Seq,
): Promise<void> {
  const stored = await storedOf(session, subject)
  const seq = stored?.snapshotSeq
  if (stored === undefined || seq === undefined || seq < seqMin) {
    return refuse(session, unavailable(`a snapshot at ${seqMin} or above`))
  }
  const number = ++subject.feeds.snapshot
  const isCurrent = (): boolean => !session.isEnded && subject.feeds.snapshot === number
  let index = 0
  let held: Uint8Array | undefined
  const send = (bytes: Uint8Array, last: boolean): Promise<void> =>
    session.peer.send({ type: 'snapshot', shard: subject.shard, index: index++, last, bytes })
  for await (const part of stored.readSnapshot()) {
    if (held !== undefined) await send(held, false)
    if (!isCurrent()) return
    held = part
  }
  if (held !== undefined) await send(held, true)
  session.context.counters.count('snapshotsServed')
}

function unavailable(what: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrUnavailable',
    message: `The relay does not have ${what}.`,
    hint: 'Wait until the writer has sent it, or ask another relay.',
    retry: 'later',
  })
}
