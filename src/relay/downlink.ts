/** Downlink: what a relay sends of one shard: heads, frames as they are stored, snapshots.
 *  Keeps: only flushed, sealed runs leave; the far end's pace holds a feed back, since each run waits for
 *  room in the peer's queue; a newer want of a kind replaces the older. */

import { ConstelliteError } from '../base/failure.ts'
import { nextSeq, type Seq } from '../base/ids.ts'
import { currentTerm } from '../frame/authority.ts'
import { encodeRun } from '../frame/run.ts'
import type { Envelope } from '../transport/envelope.ts'
import {
  nextWake,
  refuse,
  type Session,
  type Subject,
  sendHeads,
  storedOf,
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
  await sendHeads(session, subject, await storedOf(session, subject))
}

/** Tells a follower without a live want of every new head, newest only; also of a shard that is stored
 *  only later. */
export async function watch(session: Session, subject: Subject): Promise<void> {
  if (subject.isWatching || session.peer.role !== 'follower') return
  subject.isWatching = true
  const { awaited } = session.context
  const waiting = awaited.get(subject.key) ?? new Set()
  awaited.set(subject.key, waiting.add(subject.onStored))
  while (!session.isEnded) {
    const stored = await storedOf(session, subject)
    const seal = stored?.head?.seal
    const isNews = seal !== undefined && seal !== subject.told
    if (isNews && !subject.isLive) await sendHeads(session, subject, stored)
    else await nextWake(subject)
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
  const kind = want.to === undefined ? 'live' : 'bounded'
  const number = ++subject.feeds[kind]
  if (kind === 'live') subject.isLive = true
  // A feed of the same kind that waits sees that it was replaced.
  wake(subject)
  let cursor = want.from
  let { epoch } = currentTerm(stored.authority)
  while (!session.isEnded && subject.feeds[kind] === number) {
    const term = currentTerm(stored.authority)
    if (term.epoch !== epoch) {
      epoch = term.epoch
      // The chain was rewound to a hand-over: what comes next begins there.
      if (term.fromSeq < cursor) cursor = term.fromSeq
    }
    if (want.to !== undefined && cursor > want.to) return
    const run = stored.readRun(cursor, SERVED_RUN_BYTES)
    if (run !== undefined) {
      session.context.counters.count('runsServed')
      cursor = nextSeq(run.seal.seq)
      await session.peer.send({ type: 'run', bytes: encodeRun(run) })
      continue
    }
    if (cursor <= (stored.head?.position.seq ?? 0n)) {
      if (kind === 'live') subject.isLive = false
      return refuse(session, unavailable(`frames from ${cursor} on`))
    }
    if (kind === 'bounded') return
    await nextWake(subject)
  }
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
    retry: 'later',
  })
}
