/** Judge: how a verified run stands to the chain that is stored.  Pure: it decides, others do.
 *  Keeps: nothing is appended that does not follow the stored head, but a hand-over may rewind to the
 *  frame that it names; whatever contradicts a stored frame is a fork, whatever lies below what is kept
 *  is `unknown` and changes nothing. */

import type { Position, Seq } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import type { SealedRun } from '../frame/run.ts'

export type StoredChain = {
  /** Newest stored frame; seq 0 and zeros when there is none. */
  readonly head: Position
  /** Epoch of the author now in force. */
  readonly epoch: bigint
  /** Checksum of the stored frame at `seq`, or undefined when it is not kept. */
  checksumAt(seq: Seq): Uint8Array | undefined
  /** Below this no rewind is possible: the log's start mark stands on it. */
  readonly floor: Seq
  /** Whether a kept seal ends at `seq`; without one the frames up to it could not be served. */
  isSealed(seq: Seq): boolean
}

export type Standing =
  /** Append all but the first `skip` frames, after cutting what is above `rewindTo`. */
  | {
      readonly type: 'append'
      readonly skip: number
      readonly rewindTo: Position | undefined
    }
  | { readonly type: 'repeat' }
  | { readonly type: 'fork' }
  | { readonly type: 'gap' }
  | { readonly type: 'unknown' }

export function judgeRun(chain: StoredChain, run: SealedRun): Standing {
  const { head } = chain
  if (run.firstSeq > head.seq + 1n) return { type: 'gap' }
  if (run.firstSeq === head.seq + 1n) {
    const follows = equalBytes(run.prev, head.checksum)
    return follows ? { type: 'append', skip: 0, rewindTo: undefined } : { type: 'fork' }
  }
  return run.seal.epoch > chain.epoch ? judgeRewind(chain, run) : judgeOverlap(chain, run)
}

/** A newer epoch that begins at or below the head. */
function judgeRewind(chain: StoredChain, run: SealedRun): Standing {
  // One below the first seq, which is at least 1.
  const seq = (run.firstSeq - 1n) as Seq
  const checksum = chain.checksumAt(seq)
  if (checksum === undefined) return { type: 'unknown' }
  if (!equalBytes(checksum, run.prev)) return { type: 'fork' }
  if (seq < chain.floor || !chain.isSealed(seq)) return { type: 'unknown' }
  return { type: 'append', skip: 0, rewindTo: { seq, checksum } }
}

/** A run that begins at or below the head: the highest frame in common decides, by the chain. */
function judgeOverlap(chain: StoredChain, run: SealedRun): Standing {
  const { head } = chain
  const isBeyond = run.seal.seq > head.seq
  const common = isBeyond ? head.seq : run.seal.seq
  const stored = chain.checksumAt(common)
  const frame = run.frames[Number(common - run.firstSeq)]
  if (stored === undefined || frame === undefined) return { type: 'unknown' }
  if (!equalBytes(stored, frame.checksum)) return { type: 'fork' }
  if (!isBeyond) return { type: 'repeat' }
  return { type: 'append', skip: Number(head.seq - run.firstSeq) + 1, rewindTo: undefined }
}
