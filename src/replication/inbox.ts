/** Inbox: ordered apply's waiting room: sealed runs that came too early, until what is before them is here.
 *  A pure state machine (DESIGN §5, Ordered apply): runs in, runs to apply out.
 *  Keeps: identity is (seq, checksum): the same run twice is one, another frame at a waiting seq is a fork;
 *  bounded in frames and bytes; only verified runs of named authors are ever offered here.
 *  Never: reads a clock, applies, or forgets a run that is not applied. */

import { ConstelliteError } from '../base/failure.ts'
import type { Position, Seq } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import type { SealedRun } from '../frame/run.ts'
import { encodeSeal, type Seal } from '../frame/seal.ts'

/** Frames and payload bytes that wait at most; what comes beyond is asked for again later. */
export const PENDING_FRAMES_MAX = 4096
export const PENDING_BYTES_MAX = 67_108_864

export type Offer =
  /** It begins at or before the next seq: apply it now. */
  | { readonly type: 'ready' }
  | { readonly type: 'waiting' }
  /** The same frames wait already. */
  | { readonly type: 'repeated' }
  /** No room, or below the first seq: dropped and to be counted. */
  | { readonly type: 'refused' }
  | { readonly type: 'forked'; readonly failure: ConstelliteError }

export type Inbox = {
  offer(run: SealedRun, received: Position): Offer
  /** Takes out a run that can be applied now, if any; drops those that are wholly behind. */
  take(received: Position): SealedRun | undefined
  /** Frames that wait. */
  readonly size: number
}

export function createInbox(): Inbox {
  const waiting = new Map<Seq, SealedRun>()
  const frames = new Map<Seq, { readonly checksum: Uint8Array; readonly seal: Seal }>()
  let sizeBytes = 0

  const remove = (run: SealedRun): void => {
    waiting.delete(run.firstSeq)
    sizeBytes -= payloadBytesOf(run)
    for (const frame of run.frames) frames.delete(frame.seq)
  }
  return {
    get size() {
      return frames.size
    },
    offer(run, received) {
      if (run.firstSeq < 1n) return { type: 'refused' }
      for (const frame of run.frames) {
        const known = frames.get(frame.seq)
        if (known !== undefined && !equalBytes(known.checksum, frame.checksum)) {
          return { type: 'forked', failure: forked(frame.seq, known.seal, run.seal) }
        }
      }
      if (run.firstSeq <= received.seq + 1n) return { type: 'ready' }
      if (frames.has(run.firstSeq)) return { type: 'repeated' }
      const isOver =
        frames.size + run.frames.length > PENDING_FRAMES_MAX ||
        sizeBytes + payloadBytesOf(run) > PENDING_BYTES_MAX
      if (isOver) return { type: 'refused' }
      waiting.set(run.firstSeq, run)
      sizeBytes += payloadBytesOf(run)
      for (const frame of run.frames) {
        frames.set(frame.seq, { checksum: frame.checksum, seal: run.seal })
      }
      return { type: 'waiting' }
    },
    take(received) {
      for (const run of [...waiting.values()]) {
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

function payloadBytesOf(run: SealedRun): number {
  return run.frames.reduce((total, frame) => total + frame.payloadBytes, 0)
}

function forked(seq: Seq, ours: Seal, theirs: Seal): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrForked',
    message: `Two valid frames claim position ${seq}: the writer's history has forked.`,
    hint: 'Two copies wrote with one key (a restored backup, a cloned folder). Decide which history counts.',
    facts: { seq, ours: encodeSeal(ours), theirs: encodeSeal(theirs) },
  })
}
