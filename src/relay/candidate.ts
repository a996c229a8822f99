/** Candidate: the authority of a shard that is not stored yet, between its message and the first run.
 *  Keeps: one a connection, until a deadline, because no quota counts it; its signatures are verified a few a
 *  turn, so that nobody else waits for them. */

import { orThrow } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import {
  AUTHORITY_FRAMES_MAX,
  type Authority,
  appendListed,
  readAuthority,
} from '../frame/authority.ts'
import type { Frame } from '../frame/frame.ts'
import type { Session, Subject } from './subject.ts'

/** The first run follows its authority at once; this is time for a slow network. */
export const CANDIDATE_MS = 30_000
/** Signatures verified in one turn: a few milliseconds. */
const SLICE_FRAMES = 8

/** Throws what is wrong with the list. */
export async function readInSlices(
  host: Host,
  frames: readonly Frame[],
  shard: Uint8Array,
): Promise<Authority> {
  const isTooLong = frames.length > AUTHORITY_FRAMES_MAX
  // The genesis needs no signature; a list that is too long is refused as one.
  let authority = orThrow(readAuthority(isTooLong ? frames : frames.slice(0, 1), shard))
  for (const [index, frame] of frames.slice(1).entries()) {
    if (index % SLICE_FRAMES === 0) await new Promise<void>((resolve) => host.defer(resolve))
    authority = orThrow(appendListed(authority, frame))
  }
  return authority
}

/** Replaces what the connection had. */
export function keepCandidate(session: Session, subject: Subject, authority: Authority): void {
  session.candidate?.drop()
  if (session.isEnded) return
  const { context, activity } = session
  const drop = (): void => {
    timer.cancel()
    session.candidate = undefined
    activity.leave()
  }
  const timer = context.host.setTimer(CANDIDATE_MS, drop)
  activity.enter()
  session.candidate = { subject, authority, drop }
}

export function candidateOf({ candidate }: Session, subject: Subject): Authority | undefined {
  return candidate?.subject === subject ? candidate.authority : undefined
}
