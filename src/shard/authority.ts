/** Authority as this copy learns it: from the first frame of a run, from a peer's list, from a snapshot.
 *  Keeps: what is known is never unlearned: a list that leaves out a known hand-over changes nothing; two
 *  hand-overs of one epoch that say different things are a fork, proved by the owner's own signatures.
 *  A hand-over's signature does not cover its clock, so two frames that differ in it alone are no fork
 *  here: which of them is in the chain only the chain says. */

import { ConstelliteError, fail, orThrow } from '../base/failure.ts'
import type { Seq } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import {
  type Authority,
  authorityFrames,
  currentTerm,
  extendAuthority,
  mayWrite,
  readAuthority,
} from '../frame/authority.ts'
import { controlOf } from '../frame/control.ts'
import { encodeFrame, type Frame } from '../frame/frame.ts'
import { verifyHandOver } from '../frame/hand-over.ts'
import type { MayWrite } from '../frame/run.ts'
import { HAND_OVER_FORK_HINT } from './halt-evidence.ts'

/** The authority after the first frame of a verified run. */
export function authorityAfter(authority: Authority, first: Frame): Authority {
  if (first.kind !== 'control') return authority
  if (first.epoch > currentTerm(authority).epoch) {
    return orThrow(extendAuthority(authority, first)).authority
  }
  const isOther = authority.terms.some(
    ({ epoch, frame }) => epoch === first.epoch && frame.seq === first.seq && epoch > 0n,
  )
  if (!isOther) return authority
  // Known from a list; the frame in the chain is the one that counts.
  const frames = authorityFrames(authority)
  const replaced = frames.map((frame) => (frame.epoch === first.epoch ? first : frame))
  return orThrow(readAuthority(replaced, authority.genesis.shard))
}

/** What `ours` knows and what `theirs` adds.  Throws ErrForked when they contradict each other. */
export function mergeAuthority(ours: Authority, theirs: Authority): Authority {
  let merged = ours
  for (const frame of authorityFrames(theirs).slice(1)) {
    const known = ours.terms.find(({ epoch }) => epoch === frame.epoch)
    if (known !== undefined && !saySame(known.frame, frame))
      throw forkedHandOver(known.frame, frame)
    if (frame.epoch > currentTerm(merged).epoch) {
      merged = orThrow(extendAuthority(merged, frame)).authority
    }
  }
  return merged
}

/** The part of an authority that frames up to `seq` can have brought. */
export function authorityUpTo(authority: Authority, seq: Seq): Authority {
  const frames = authorityFrames(authority).filter(
    (frame, index) => index === 0 || frame.seq <= seq,
  )
  return orThrow(readAuthority(frames, authority.genesis.shard))
}

/** The right of a run's author, for `decodeRun`.  A run that opens with a second hand-over of a known
 *  epoch is refused as the fork that it proves. */
export function rightUnder(authority: Authority): MayWrite {
  const right = mayWrite(authority)
  return (header, opening) => {
    const answer = right(header, opening)
    if (answer.ok) return answer
    const known = authority.terms.find(({ epoch }) => epoch === header.epoch && epoch > 0n)
    const frame = known === undefined ? undefined : opening()
    if (known === undefined || frame === undefined) return answer
    const isProof = verifyHandOver(authority.genesis, frame).ok && !saySame(known.frame, frame)
    return isProof ? { ok: false, failure: forkedHandOver(known.frame, frame) } : answer
  }
}

/** Before the genesis is known nobody may write. */
export const nobodyMayWrite: MayWrite = () =>
  fail({
    code: 'ErrAuthor',
    message: 'A run arrived before the genesis that says who may write.',
    hint: 'The peer must send the authority first.',
    retry: 'later',
  })

/** Two hand-overs whose signed fields are equal. */
function saySame(one: Frame, other: Frame): boolean {
  const left = orThrow(controlOf(one))
  const right = orThrow(controlOf(other))
  return (
    left.op === 'hand-over' &&
    right.op === 'hand-over' &&
    left.epoch === right.epoch &&
    left.fromSeq === right.fromSeq &&
    equalBytes(left.author, right.author) &&
    equalBytes(left.prev, right.prev)
  )
}

function forkedHandOver(known: Frame, other: Frame): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrForked',
    message: `Two hand-overs claim epoch ${other.epoch}.`,
    hint: HAND_OVER_FORK_HINT,
    facts: { epoch: other.epoch, ours: encodeFrame(known), theirs: encodeFrame(other) },
  })
}
