/** Sleep: how a session of a relay outlives the code that serves it.  Some platforms stop an object that has
 *  nothing to do while its sockets stay open, and make it anew when a message comes.
 *  Keeps: while anything is under way nothing is kept, so that a session that is cut short there ends with
 *  `retry: later` instead of going on from what no longer holds; once it is quiet, everything that it goes
 *  on from is kept, and its shards are given back, so that they are closed in order before the sleep.
 *  Why no alarm looks for silent far ends: a connection costs nothing while its relay sleeps, and an alarm
 *  would wake it.  They are looked for when somebody else wakes it (`Relay.endSilent`); the clients' own
 *  pings, every 15 to 20 s, are what a living connection is known by.
 *  Never: touches a platform. */

import { ConstelliteError } from '../base/failure.ts'
import { type Session, type Subject, subjectOf } from './subject.ts'
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
      const suspended = suspendSession(session)
      sleep.keep(suspended === undefined ? undefined : encodeSuspended(suspended))
      for (const subject of session.subjects.values()) {
        subject.lease?.release()
        subject.lease = undefined
      }
    },
  })
}

/** Undefined when something of it lives in memory only. */
export function suspendSession(session: Session): SuspendedSession | undefined {
  const peer = session.peer.suspend()
  if (peer === undefined) return undefined
  const subjects: SuspendedSubject[] = []
  for (const subject of session.subjects.values()) {
    // An authority that was sent ahead of its first run is too large to keep.
    if (subject.upload !== undefined || subject.candidate !== undefined) return undefined
    if (isWorthKeeping(subject)) subjects.push(suspendSubject(subject))
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
    subject.needsAuthority = suspended.needsAuthority
    subject.told = suspended.told
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

/** A subject that knows nothing is made again when it is named again. */
function isWorthKeeping({ needsAuthority, isWatching, live }: Subject): boolean {
  return needsAuthority || isWatching || live !== undefined
}

function suspendSubject(subject: Subject): SuspendedSubject {
  const { shard, needsAuthority, isWatching, told, live } = subject
  return { shard, needsAuthority, isWatching, told, live }
}
