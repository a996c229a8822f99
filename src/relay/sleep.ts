/** Sleep: how a session of a relay outlives the code that serves it.  Some platforms stop an object that has
 *  nothing to do while its sockets stay open, and make it anew when a message comes.
 *  Keeps: while anything is under way nothing is kept, so that a session that is cut short there ends with
 *  `retry: later` instead of going on from what no longer holds; once it is quiet, everything that it goes
 *  on from is kept, and its shards are given back, so that they are closed in order before the sleep.
 *  What a session was told of a head is kept with it only where every commit wakes it, so that it is kept anew,
 *  and serves only to not tell it twice: what the relay stores, it asks of its storage after each sleep.
 *  Why no alarm looks for silent far ends: a connection costs nothing while its relay sleeps, and an alarm
 *  would wake it.  They are looked for when somebody else wakes it (`Relay.endSilent`); the clients' own
 *  pings, every 15 to 20 s, are what a living connection is known by.
 *  Where it never sleeps: with more idle clients than pings leave a pause for.  A platform that evicts after 10 s
 *  finds one with one client (longest pause 14.8 s) or two (10.5 s), not with three (6.2 s) or five (4.1 s).
 *  Never: touches a platform. */

import { ConstelliteError } from '../base/failure.ts'
import { type Session, type Subject, subjectOf, toldOf } from './subject.ts'
import {
  encodeSuspended,
  type SuspendedSession,
  type SuspendedSubject,
} from './suspended-session.ts'

/** Where one connection keeps what it goes on from. */
export type Sleep = {
  /** Replaces what was kept; undefined when nothing can be gone on from. */
  keep(bytes: Uint8Array | undefined): void
}

/** Keeps the session whenever it is quiet. */
export function keepWhileQuiet(session: Session, sleep: Sleep): void {
  session.activity.listen({
    onBusy() {
      if (!session.isEnded) sleep.keep(undefined)
    },
    onQuiet() {
      if (session.isEnded) return
      giveBack(session)
      const suspended = suspendSession(session)
      sleep.keep(suspended === undefined ? undefined : encodeSuspended(suspended))
    },
  })
}

/** A shard that nobody leases is closed soon; its head is remembered. */
function giveBack({ context, subjects }: Session): void {
  for (const subject of subjects.values()) {
    if (subject.lease === undefined) continue
    const head = toldOf(subject.lease.stored)
    if (head !== undefined) context.heads.set(subject.key, head)
    subject.lease.release()
    subject.lease = undefined
  }
}

/** Undefined when something of it lives in memory only. */
export function suspendSession(session: Session): SuspendedSession | undefined {
  const peer = session.peer.suspend()
  // An authority that was sent ahead of its first run is too large to keep.
  if (peer === undefined || session.candidate !== undefined) return undefined
  const subjects: SuspendedSubject[] = []
  for (const subject of session.subjects.values()) {
    const { upload, forks } = subject
    // A fork is too large to keep.
    if (upload !== undefined || forks.length > 0) return undefined
    subjects.push(suspendSubject(session, subject))
  }
  return { peer, subjects }
}

/** The subjects that were kept, as they were; their feeds are begun by whoever calls. */
export function resumeSubjects(
  session: Session,
  subjects: readonly SuspendedSubject[],
): readonly { readonly subject: Subject; readonly suspended: SuspendedSubject }[] {
  return subjects.map((suspended) => {
    const subject = subjectOf(session, suspended.shard)
    const { needsAuthority, told } = suspended
    subject.needsAuthority = needsAuthority
    subject.told = told
    return { subject, suspended }
  })
}

export function asleepFailure(cause?: unknown): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrClosed',
    message: 'The relay was stopped in the middle of this connection.',
    hint: 'It is dialled again by itself.',
    retry: 'later',
    cause,
  })
}

/** Whoever waits for news has been told, or sent, all there is: the newest head is what it was told. */
function suspendSubject({ context }: Session, subject: Subject): SuspendedSubject {
  const { key, shard, needsAuthority, isWatching, live } = subject
  const isWoken = isWatching || live !== undefined
  const told = isWoken ? (context.heads.get(key) ?? subject.told) : undefined
  return { shard, needsAuthority, isWatching, told, live }
}
