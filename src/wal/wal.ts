/** Wal: the log.  Records are staged, then written and flushed in groups, one write and one flush each.
 *  Keeps: nothing is durable before its group's flush; a failed write or flush poisons; recovery
 *  yields a prefix of what was staged, and everything that was ever flushed.
 *  Never: interprets frames beyond their place in the chain. */

import type { ConstelliteError } from '../base/failure.ts'
import type { Position, Seq } from '../base/ids.ts'
import type { Frame } from '../frame/frame.ts'
import type { SealedRun } from '../frame/run.ts'
import type { Seal } from '../frame/seal.ts'
import { closeLog } from './close.ts'
import { createLog, type WalInit, type WalOptions, type WalStart } from './create.ts'
import { flushLog, holdersOf } from './flush.ts'
import { currentSegment, type LogState, logBytesOf } from './log-state.ts'
import { CHECKPOINT_HOLDER, namedHolder } from './needs.ts'
import { openLog } from './open.ts'
import { readFrameAt, readRunFrom, readSealUpTo } from './read-back.ts'
import type { RecordPlace, StartMark, WalRecord } from './records.ts'
import type { RecoveredLog } from './recover.ts'
import { dropHolder, holdFrames, releaseFrames } from './retention.ts'
import { beginSegment, truncateAfter } from './rollover.ts'
import { stagedBytesOf, stageRecord } from './stage.ts'

export type { WalOptions }

export type Wal = {
  /** Stages a record for the next group and answers its place.  Throws, with nothing staged: ErrWalFull
   *  (facts: holder, holderSeq, capBytes, logBytes) when frames would pass the cap, and ErrQuota when the
   *  device is full; ErrPoisoned after a failure.  Seals and images pass the cap, because a checkpoint is
   *  what makes the log smaller.  `roomBytes`: a record of up to this size that is staged next, before
   *  anything is awaited, lies in the same group, and none of the above can happen to it. */
  stage(record: WalRecord, roomBytes?: number): RecordPlace
  /** Writes what is staged as one group and flushes it; resolves when that is durable.  Calls while a
   *  flush runs share the next one.  Rejects for all waiters, and poisons, when it fails. */
  flush(): Promise<void>
  readonly poisoned: ConstelliteError | undefined
  /** This open's number, one above that of the open before. */
  readonly owner: number
  /** Number of the newest flushed group. */
  readonly flushedGroup: bigint
  /** Bytes of staged records not yet written. */
  readonly stagedBytes: number
  /** Bytes of the segment in use, and of all segments kept. */
  readonly segmentBytes: number
  readonly logBytes: number
  /** Begins a new segment with this start mark, flushed with whatever is staged.  Older segments stay
   *  until `release`.  The caller has made the page file durable up to `mark.position`.  Frames above
   *  that position, and records staged after this call, are replayed after the mark.  A mark with a newly
   *  `installed` snapshot at another position than the head ends the chain in the log: nothing before it
   *  counts any more. */
  beginSegment(mark: StartMark): Promise<void>
  /** `holder` no longer needs frames up to `seq`; without holders the log keeps none but those needed
   *  for redo.  Recycles segments that nobody needs.  Does nothing for a name that holds nothing. */
  release(holder: string, seq: Seq): Promise<void>
  /** Names a holder that needs every frame above `seq` from now on. */
  hold(holder: string, seq: Seq): void
  drop(holder: string): Promise<void>
  readonly holders: readonly { readonly name: string; readonly seq: Seq }[]
  /** The holder that keeps the oldest segment; undefined when only redo needs it. */
  readonly holdingBack: { readonly name: string; readonly seq: Seq } | undefined
  /** Lowest and highest seq of the frames that can be read back, or undefined when there is none. */
  range(): { readonly first: Seq; readonly last: Seq } | undefined
  /** One sealed run of flushed frames beginning at `from` and ending at a kept seal, at most
   *  `sizeBytesMax` of payload unless one transaction is larger; undefined when nothing sealed is there. */
  readRun(from: Seq, sizeBytesMax: number): SealedRun | undefined
  /** The flushed frame at `seq`, sealed or not. */
  readFrame(seq: Seq): Frame | undefined
  /** The newest seal at or before `seq` that the log still has. */
  sealAt(seq: Seq): Seal | undefined
  /** Cuts every frame above `position` in one durable step (a superseded tail). */
  truncateAfter(position: Position): Promise<void>
  close(): Promise<void>
}

/** What recovery found, in order; the caller replays it over the page file. */
export type Recovery = {
  readonly mark: StartMark
  /** Every record that the mark does not cover, with its place: frames in order and without a gap,
   *  none that was cut, none of a transaction whose end is missing. */
  readonly records: readonly { readonly place: RecordPlace; readonly record: WalRecord }[]
  /** Where the chain stands after them. */
  readonly position: Position
  /** Bytes of a torn tail that was left behind; 0 when the log ended cleanly. */
  readonly tornBytes: number
  /** The first group that `repair` gave up, undefined when it gave none up. */
  readonly repairedGroup: bigint | undefined
}

/** Begins a log with this start mark on a device where `openWal` found none.  Rejects with nothing made. */
export async function createWal(init: WalInit & WalStart): Promise<Wal> {
  return createFace(await createLog(init))
}

/** Undefined when there is no log.  Rejects with ErrCorrupt when something flushed cannot be read, unless
 *  `repair` is given. */
export async function openWal(
  init: WalInit,
): Promise<{ readonly wal: Wal; readonly recovery: Recovery } | undefined> {
  const opened = await openLog(init)
  if (opened === undefined) return undefined
  return { wal: createFace(opened.state), recovery: recoveryOf(opened.recovered) }
}

function recoveryOf(recovered: RecoveredLog): Recovery {
  const { mark, records, position, tornBytes, repairedGroup } = recovered
  return { mark, records, position, tornBytes, repairedGroup }
}

function createFace(state: LogState): Wal {
  return {
    stage: (record, roomBytes) => stageRecord(state, record, roomBytes),
    flush: () => flushLog(state),
    get poisoned() {
      return state.poisoned
    },
    owner: state.owner,
    get flushedGroup() {
      return state.flushedGroup
    },
    get stagedBytes() {
      return stagedBytesOf(state)
    },
    get segmentBytes() {
      return currentSegment(state).endAt
    },
    get logBytes() {
      return logBytesOf(state)
    },
    beginSegment: (mark) => beginSegment(state, mark),
    release: (holder, seq) => releaseFrames(state, holder, seq),
    hold: (holder, seq) => holdFrames(state, holder, seq),
    drop: (holder) => dropHolder(state, holder),
    get holders() {
      return holdersOf(state)
    },
    get holdingBack() {
      const holder = namedHolder(state)
      return holder.name === CHECKPOINT_HOLDER ? undefined : holder
    },
    range() {
      const { first, last } = state.index
      return first === undefined || last === undefined ? undefined : { first, last }
    },
    readRun: (from, sizeBytesMax) => readRunFrom(state, from, sizeBytesMax),
    readFrame: (seq) => readFrameAt(state, seq),
    sealAt: (seq) => readSealUpTo(state, seq),
    truncateAfter: (position) => truncateAfter(state, position),
    close: () => closeLog(state),
  }
}
