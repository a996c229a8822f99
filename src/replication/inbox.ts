/** Inbox: ordered apply's waiting room: sealed runs that came too early, until what is before them is here.
 *  A pure state machine (DESIGN §5, Ordered apply): runs in, runs to apply out.
 *  Keeps: identity is (seq, checksum): the same frames twice are one run, other frames of one author and
 *  epoch at a waiting seq are a fork, those of a later epoch displace it; bounded in frames and bytes;
 *  only verified runs of named authors are ever offered here.
 *  Never: reads a clock, applies, or forgets a frame that is not applied. */

import { ConstelliteError } from '../base/failure.ts'
import type { Position, Seq } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import type { SealedRun } from '../frame/run.ts'
import { encodeSeal, type Seal } from '../frame/seal.ts'
import { FORK_HINT } from '../shard/halt-evidence.ts'

/** Frames and payload bytes that wait at most; what comes beyond is asked for again later. */
export const PENDING_FRAMES_MAX = 4096
export const PENDING_BYTES_MAX = 67_108_864

export type Offer =
  /** It begins at or before the next seq: apply it now. */
  | { readonly type: 'ready' }
  | { readonly type: 'waiting' }
  /** The same frames wait already. */
  | { readonly type: 'repeated' }
  /** No room: dropped and to be counted. */
  | { readonly type: 'refused' }
  | { readonly type: 'forked'; readonly failure: ConstelliteError }

export type Inbox = {
  offer(run: SealedRun, received: Position): Offer
  /** Takes out a run that can be applied now, if any; drops those that are wholly behind. */
  take(received: Position): SealedRun | undefined
  /** Frames that wait, overlaps counted twice. */
  readonly size: number
}

export function createInbox(): Inbox {
  const waiting = new Set<SealedRun>()
  let frameCount = 0
  let sizeBytes = 0

  const add = (run: SealedRun): void => {
    waiting.add(run)
    frameCount += run.frames.length
    sizeBytes += payloadBytesOf(run)
  }
  const remove = (run: SealedRun): void => {
    waiting.delete(run)
    frameCount -= run.frames.length
    sizeBytes -= payloadBytesOf(run)
  }
  return {
    get size() {
      return frameCount
    },
    offer(run, received) {
      for (const other of [...waiting]) {
        const seq = differsAt(run, other)
        if (seq === undefined) continue
        if (run.seal.epoch === other.seal.epoch) {
          return { type: 'forked', failure: forked(seq, other.seal, run.seal) }
        }
        if (run.seal.epoch > other.seal.epoch) remove(other)
      }
      if (run.firstSeq <= received.seq + 1n) return { type: 'ready' }
      for (const other of [...waiting]) {
        if (covers(other, run)) return { type: 'repeated' }
        if (covers(run, other)) remove(other)
      }
      const isOver =
        frameCount + run.frames.length > PENDING_FRAMES_MAX ||
        sizeBytes + payloadBytesOf(run) > PENDING_BYTES_MAX
      if (isOver) return { type: 'refused' }
      add(run)
      return { type: 'waiting' }
    },
    take(received) {
      for (const run of [...waiting]) {
        if (run.seal.seq <= received.seq) remove(run)
        else if (run.firstSeq <= received.seq + 1n) {
          remove(run)
          return run
        }
      }
      return undefined
    },
  }
}

/** The highest seq that both have, when their frames there differ; equal ones share all before them. */
function differsAt(one: SealedRun, other: SealedRun): Seq | undefined {
  const common = one.seal.seq < other.seal.seq ? one.seal.seq : other.seal.seq
  const left = one.frames[Number(common - one.firstSeq)]
  const right = other.frames[Number(common - other.firstSeq)]
  if (left === undefined || right === undefined) return undefined
  return equalBytes(left.checksum, right.checksum) ? undefined : common
}

function covers(one: SealedRun, other: SealedRun): boolean {
  return one.firstSeq <= other.firstSeq && one.seal.seq >= other.seal.seq
}

function payloadBytesOf(run: SealedRun): number {
  return run.frames.reduce((total, frame) => total + frame.payloadBytes, 0)
}

function forked(seq: Seq, ours: Seal, theirs: Seal): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrForked',
    message: `Two valid frames claim position ${seq}: the writer's history has forked.`,
    hint: FORK_HINT,
    facts: { seq, ours: encodeSeal(ours), theirs: encodeSeal(theirs) },
  })
}
