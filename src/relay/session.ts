/** Session: one authenticated connection of a relay, and the protocol that it speaks about each shard.
 *
 *  | step | who | sends | answer |
 *  |---|---|---|---|
 *  | compare | client | `heads` with what it has, or none | `heads` with the relay's newest position by its author (none when it has none) and `first`, the lowest seq that it serves as frames (0: none); to a client that named none `authority` comes before |
 *  | begin | writer | `authority` when the relay has none | nothing; ErrDenied when the relay does not take the shard |
 *  | store | writer | `run`s from the relay's head + 1 on | `receipt` (durable), cumulative: one for the newest stored head of a batch, after its flush |
 *  | replace | writer | `snapshot` parts from index 0 to `last`, then `run`s above it | `receipt`; the relay recomputed the root and dropped what is older |
 *  | adopt | writer | `want` from … to | `run`s that the relay has and the writer lacks |
 *  | fork | writer | a valid `run` beside a stored frame | `receipt` with flag fork, then error ErrForked; the first is kept, both are evidence |
 *  | follow | follower | `want` from …, live | `run`s from there, then each as it is stored; ErrUnavailable when the relay no longer has `from` as frames |
 *  | install | follower | `want-snapshot` with the lowest seq that helps | `snapshot` parts; then the follower wants again |
 *  | watch | relay | `heads` whenever its newest head changes, to followers that named the shard and have no live want (before the first, `authority`) | |
 *  | shared | follower | `receipt` after it applied durably | nothing in this version: the relay counts it |
 *  | refuse | both | `error` (code, text) | fatal ones close: a malformed message, a bad seal, an author without right, a broken disk |
 *
 *  Keeps: one envelope is handled at a time, in order; feeds run beside and never hold it up.
 *  Never: trusts a peer's key for a right to write: only the shard's own chain gives it; the key decides what
 *  the relay stores for whom (allow.ts). */

import { ConstelliteError, failureOf } from '../base/failure.ts'
import { RateLimiter } from '../flow/rate-limiter.ts'
import { decodeRunHeader } from '../frame/run.ts'
import type { Activity } from '../transport/activity.ts'
import type { Envelope } from '../transport/envelope.ts'
import type { ConnectedPeer } from '../transport/peer.ts'
import { resumeLive, resumeWatch, serveSnapshot, serveWant, takeHeads, watch } from './downlink.ts'
import { resumeSubjects } from './sleep.ts'
import { refuse, type Session, type SessionContext, subjectOf, wake } from './subject.ts'
import type { SuspendedSubject } from './suspended-session.ts'
import { takeAuthority, takeRun, takeSnapshotPart } from './uplink.ts'

/** A connection with as many shards as it may name asks less than half of this when it begins, and then each
 *  minute about its shards. */
export const QUESTIONS_MAX = 512
export const QUESTION_WINDOW_MS = 10_000
const QUESTIONS: ReadonlySet<Envelope['type']> = new Set([
  'heads',
  'authority',
  'want',
  'want-snapshot',
])

export function createSession(
  peer: ConnectedPeer,
  context: SessionContext,
  activity: Activity,
): Session {
  const { host } = context
  const questions = new RateLimiter({ host, windowMs: QUESTION_WINDOW_MS, max: QUESTIONS_MAX })
  return {
    context,
    peer,
    activity,
    subjects: new Map(),
    candidate: undefined,
    questions,
    isEnded: false,
  }
}

/** The feeds of a session that was suspended go on waiting for news. */
export function resumeFeeds(session: Session, suspended: readonly SuspendedSubject[]): void {
  for (const { subject, suspended: kept } of resumeSubjects(session, suspended)) {
    if (kept.isWatching) beside(session, () => resumeWatch(session, subject))
    const { live } = kept
    if (live !== undefined) beside(session, () => resumeLive(session, subject, { ...live }))
  }
}

/** Runs until the connection ends; answers why, undefined for an ordinary close. */
export async function serveSession(session: Session): Promise<ConstelliteError | undefined> {
  const { peer, activity } = session
  const over = peer.closed.then((reason) => {
    endSession(session)
    return reason
  })
  try {
    while (!session.isEnded) {
      const envelope = await peer.receive()
      activity.enter()
      await handle(session, envelope).finally(activity.leave)
    }
  } catch (error) {
    // What the far end broke is said to it; what ended the connection is in `closed` already.
    if (!session.isEnded) peer.close(failureOf(error))
  }
  return over
}

async function handle(session: Session, envelope: Envelope): Promise<void> {
  if (QUESTIONS.has(envelope.type) && !session.questions.allow('all')) {
    return session.peer.close(questionsFailure())
  }
  try {
    await dispatch(session, envelope)
  } catch (error) {
    const failure = failureOf(error)
    if (session.isEnded || !MILD.has(failure.code)) throw failure
    await refuse(session, failure)
  }
}

function questionsFailure(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrBackpressure',
    message: 'The connection asks more often than the relay answers.',
    hint: 'It may be dialled again.',
    facts: { questionsMax: QUESTIONS_MAX, windowMs: QUESTION_WINDOW_MS },
    retry: 'later',
  })
}

/** After these the connection goes on: they are about one shard, not about the peer's good faith. */
const MILD: ReadonlySet<string> = new Set([
  'ErrDenied',
  'ErrRelayFull',
  'ErrUnavailable',
  'ErrBackpressure',
  'ErrSuperseded',
  'ErrForked',
])

async function dispatch(session: Session, envelope: Envelope): Promise<void> {
  switch (envelope.type) {
    case 'heads':
      return takeHeadsAndWatch(session, envelope)
    case 'authority':
      return takeAuthority(session, subjectOf(session, envelope.shard), envelope)
    case 'run': {
      const header = decodeRunHeader(envelope.bytes)
      if (!header.ok) throw header.failure
      return takeRun(session, subjectOf(session, header.value.shard), {
        header: header.value,
        bytes: envelope.bytes,
      })
    }
    case 'want': {
      const subject = subjectOf(session, envelope.shard)
      return beside(session, () => serveWant(session, subject, envelope))
    }
    case 'want-snapshot': {
      const subject = subjectOf(session, envelope.shard)
      return beside(session, () => serveSnapshot(session, subject, envelope.seqMin))
    }
    case 'snapshot':
      return takeSnapshotPart(session, subjectOf(session, envelope.shard), envelope)
    case 'receipt':
      session.context.counters.count('receiptsTaken')
      return
    case 'error':
      // The far end's complaint changes nothing here; it closes when it cannot go on.
      return
  }
}

async function takeHeadsAndWatch(
  session: Session,
  envelope: Extract<Envelope, { type: 'heads' }>,
): Promise<void> {
  const subject = subjectOf(session, envelope.shard)
  await takeHeads(session, subject, envelope)
  beside(session, () => watch(session, subject))
}

/** Lets a feed run while later envelopes are handled. */
function beside(session: Session, feed: () => Promise<void>): void {
  const { activity } = session
  activity.enter()
  const ended = feed().catch((error: unknown) => {
    const failure = failureOf(error)
    if (session.isEnded) return
    if (MILD.has(failure.code)) refuse(session, failure).catch(() => undefined)
    else session.peer.close(failure)
  })
  void ended.finally(activity.leave)
}

function endSession(session: Session): void {
  session.isEnded = true
  session.candidate?.drop()
  for (const subject of session.subjects.values()) {
    subject.unsubscribe()
    subject.upload?.inlet.fail(new Error('the connection ended'))
    wake(subject)
    // An install or flush that is under way finishes before the shard may close: it holds the mutex.
    subject.lease?.release()
  }
}
