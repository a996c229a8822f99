/** Judge: what to do with a sealed run, decided from facts alone (DESIGN §5, Ordered apply).
 *  Keeps: a frame is accepted at its seq only from the author whom the chain names there; identity is
 *  (seq, checksum), so a forged early frame cannot displace the honest one; strictly +1.
 *  Never: looks at time, at payloads, or at who delivered the run. */

import { assert } from '../base/assert.ts'
import { ConstelliteError, type FailureInit, type Result } from '../base/failure.ts'
import type { Hlc, Position, Seq } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import { isAbove } from '../clock/hlc.ts'
import type { Frame } from '../frame/frame.ts'
import type { SealedRun } from '../frame/run.ts'
import { encodeSeal, type Seal } from '../frame/seal.ts'
import { FORK_HINT } from './halt-evidence.ts'

export type Judgement =
  /** Apply the frames from this index on. */
  | { readonly type: 'apply'; readonly skip: number }
  | { readonly type: 'duplicate' }
  /** Nothing changes; the sender may try again with something else. */
  | { readonly type: 'refuse'; readonly failure: ConstelliteError }
  /** The shard must stop: its history is contradicted. */
  | { readonly type: 'halt'; readonly failure: ConstelliteError }

/** What the judgement rests on. */
export type JudgeFacts = {
  readonly received: Position
  readonly receivedHlc: Hlc
  /** Whether the chain lets the run's author write at its place (frame/authority.ts). */
  readonly right: Result<void>
  /** Checksum of the own frame at `seq`, while the log has it. */
  checksumAt(seq: Seq): Uint8Array | undefined
  /** The own seal that covers `seq`, while the log has it: the evidence of a fork. */
  sealCovering(seq: Seq): Seal | undefined
}

export function judgeRun(facts: JudgeFacts, run: SealedRun): Judgement {
  const first = run.frames[0]
  assert(first !== undefined, 'a run has at least one frame')
  const { received } = facts
  if (!facts.right.ok) return { type: 'refuse', failure: facts.right.failure }
  if (first.seq > received.seq + 1n) {
    return refuse({
      code: 'ErrGap',
      message: `A run begins at ${first.seq}, but ${received.seq + 1n} is missing.`,
      hint: 'Ask for the missing frames first.',
      retry: 'later',
      facts: { seq: first.seq, missing: received.seq + 1n },
    })
  }
  const forkedAt = findFork(facts, run)
  if (forkedAt !== undefined) return { type: 'halt', failure: forked(facts, run, forkedAt) }
  if (run.seal.seq <= received.seq) return { type: 'duplicate' }
  const skip = Number(received.seq + 1n - first.seq)
  return checkClock(facts, run, skip) ?? { type: 'apply', skip }
}

/** The lowest seq at which the run and the own chain hold different frames, if any. */
function findFork(facts: JudgeFacts, run: SealedRun): Seq | undefined {
  const { received } = facts
  const first = run.frames[0] as Frame
  const before = (first.seq - 1n) as Seq
  const own = before === received.seq ? received.checksum : facts.checksumAt(before)
  if (own !== undefined && !equalBytes(own, run.prev)) return before
  for (const frame of run.frames) {
    if (frame.seq > received.seq) return undefined
    const held = frame.seq === received.seq ? received.checksum : facts.checksumAt(frame.seq)
    if (held !== undefined && !equalBytes(held, frame.checksum)) return frame.seq
  }
  return undefined
}

function forked(facts: JudgeFacts, run: SealedRun, seq: Seq): ConstelliteError {
  const own = facts.sealCovering(seq)
  return new ConstelliteError({
    code: 'ErrForked',
    message: `Two valid frames claim position ${seq}: the writer's history has forked.`,
    hint: FORK_HINT,
    facts: { seq, theirs: encodeSeal(run.seal), ours: own && encodeSeal(own) },
  })
}

function checkClock(facts: JudgeFacts, run: SealedRun, skip: number): Judgement | undefined {
  let newest = facts.receivedHlc
  for (const frame of run.frames.slice(skip)) {
    if (!isAbove(frame.hlc, newest)) {
      return refuse({
        code: 'ErrProtocol',
        message: `The clock of frame ${frame.seq} is not above its predecessor's.`,
        hint: 'The author broke the rule of its clock; the frame is invalid everywhere.',
        facts: { seq: frame.seq },
      })
    }
    newest = frame.hlc
  }
  return undefined
}

function refuse(init: FailureInit): Judgement {
  return { type: 'refuse', failure: new ConstelliteError(init) }
}
