/** Wal: the log.  Records are staged, then written and flushed in groups, one write and one flush each.
 *  Keeps: nothing is durable before its group's flush; a failed write or flush poisons; recovery
 *  yields a prefix of what was staged, and everything that was ever flushed.
 *  Never: interprets frames beyond their place in the chain. */

import type { ConstelliteError } from '../base/failure.ts'
import type { Position, Seq } from '../base/ids.ts'
import type { Frame } from '../frame/frame.ts'
import type { SealedRun } from '../frame/run.ts'
import type { Seal } from '../frame/seal.ts'
import type { RecordPlace, StartMark, WalRecord } from './records.ts'

export type Wal = {
  /** Stages a record for the next group and answers its place.  Throws ErrWalFull (facts: holder,
   *  capBytes) with nothing staged when it would pass the cap, ErrPoisoned after a failure. */
  stage(record: WalRecord): RecordPlace
  /** Writes what is staged as one group and flushes it; resolves when that is durable.  Calls while a
   *  flush runs share the next one.  Rejects for all waiters, and poisons, when it fails. */
  flush(): Promise<void>
  readonly poisoned: ConstelliteError | undefined
  /** Number of the newest flushed group. */
  readonly flushedGroup: bigint
  /** Bytes of staged records not yet written. */
  readonly stagedBytes: number
  /** Bytes of the segment in use, and of all segments kept. */
  readonly segmentBytes: number
  readonly logBytes: number
  /** Begins a new segment with this start mark (its own flushed group).  Older segments stay until
   *  `release`.  The caller has made the page file durable up to `mark.position`. */
  beginSegment(mark: StartMark): Promise<void>
  /** `holder` no longer needs frames up to `seq`; without holders the log keeps none but those needed
   *  for redo.  Recycles segments that nobody needs. */
  release(holder: string, seq: Seq): Promise<void>
  /** Names a holder that needs every frame above `seq` from now on. */
  hold(holder: string, seq: Seq): void
  drop(holder: string): Promise<void>
  readonly holders: readonly { readonly name: string; readonly seq: Seq }[]
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
  /** Every record after the start mark of the newest segment, with its place. */
  readonly records: readonly { readonly place: RecordPlace; readonly record: WalRecord }[]
  /** Bytes of a torn tail that was erased; 0 when the log ended cleanly. */
  readonly tornBytes: number
}
