/** State of an open log, shared by the files that stage, flush, begin segments and release them.
 *  Keeps: one place where the log is poisoned, and from then on everything refuses. */

import { assert } from '../base/assert.ts'
import { ConstelliteError, isFailure } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import type { Seq } from '../base/ids.ts'
import { createMutex, type Mutex } from '../base/mutex.ts'
import type { ChainCursor } from '../frame/body.ts'
import type { Seal } from '../frame/seal.ts'
import { closedFailure } from '../storage/failures.ts'
import type { FrameIndex } from './frame-index.ts'
import type { GroupDraft } from './group-draft.ts'
import type { Pool, PooledFile } from './pool.ts'
import type { StartMark } from './records.ts'
import type { SegmentHeader } from './segment-header.ts'

export type OpenSegment = {
  readonly pooled: PooledFile
  readonly header: SegmentHeader
  /** What a checksum of this generation starts from. */
  readonly seed: number
  /** After the last group written. */
  endAt: number
  /** Up to here the file has its space already. */
  reservedTo: number
}

/** A segment that the next flush is to begin. */
export type Rollover = {
  readonly mark: StartMark
  readonly pooled: PooledFile
  /** Records from this group on were staged after `mark` was made. */
  readonly uncoveredGroup: bigint
  /** The mark is not of the chain that the log holds: nothing before it counts any more. */
  readonly isReset: boolean
}

export type LogState = {
  readonly host: Host
  readonly pool: Pool
  readonly capBytes: number
  readonly commitBytesMax: number
  /** This open's number, in every group that it writes. */
  readonly owner: number
  readonly index: FrameIndex
  readonly mutex: Mutex
  /** Newest released seq by name. */
  readonly holders: Map<string, Seq>
  /** Holders changed since they were last written. */
  hasNewHolders: boolean
  /** Oldest first; the last is being written. */
  segments: OpenSegment[]
  mark: StartMark
  redoGroup: bigint
  /** What the log says of its oldest segment; older ones may be gone. */
  oldestFile: bigint
  /** Groups staged and not yet written, at least one, the last of which takes the next record. */
  drafts: GroupDraft[]
  /** Where the chain stands after what was staged, for the next frames record of this segment. */
  cursor: ChainCursor | undefined
  /** Bytes of frames records since the last run header. */
  sinceRunHeader: number
  /** Seals staged and not yet flushed, by rising seq.  They need not be: whoever holds one can check it, and
   *  one that is lost is signed again.  So flushed frames travel before their seal's own flush. */
  unflushedSeals: readonly Seal[]
  /** The newest frame staged, flushed or not. */
  newestSeq: Seq
  flushedGroup: bigint
  rollover: Rollover | undefined
  /** The flush under way on a device that answers later, and the one that waits for it. */
  running: Promise<void> | undefined
  next: Promise<void> | undefined
  poisoned: ConstelliteError | undefined
  isClosed: boolean
}

export type LogStateInit = Pick<
  LogState,
  | 'host'
  | 'pool'
  | 'capBytes'
  | 'commitBytesMax'
  | 'owner'
  | 'index'
  | 'segments'
  | 'mark'
  | 'redoGroup'
> &
  Pick<LogState, 'oldestFile' | 'drafts' | 'newestSeq' | 'flushedGroup'> & {
    readonly holders: readonly { readonly name: string; readonly seq: Seq }[]
  }

export function createLogState(init: LogStateInit): LogState {
  return {
    ...init,
    mutex: createMutex(),
    holders: new Map(init.holders.map(({ name, seq }) => [name, seq])),
    hasNewHolders: false,
    cursor: undefined,
    unflushedSeals: [],
    sinceRunHeader: 0,
    rollover: undefined,
    running: undefined,
    next: undefined,
    poisoned: undefined,
    isClosed: false,
  }
}

export function currentSegment(state: LogState): OpenSegment {
  const current = state.segments.at(-1)
  assert(current !== undefined, 'an open log has a segment')
  return current
}

export function currentDraft(state: LogState): GroupDraft {
  const draft = state.drafts.at(-1)
  assert(draft !== undefined, 'a log has a group to stage into')
  return draft
}

/** The segment whose groups include this one: a later segment voids what it numbers anew. */
export function segmentOfGroup(state: LogState, group: bigint): OpenSegment {
  for (const segment of [...state.segments].reverse()) {
    if (segment.header.firstGroup <= group) return segment
  }
  assert(false, `group ${group} lies in a kept segment`)
}

export function logBytesOf(state: LogState): number {
  return state.segments.reduce((size, segment) => size + segment.endAt, 0)
}

/** Throws when the log takes nothing any more. */
export function assertUsable(state: LogState): void {
  if (state.poisoned !== undefined) throw state.poisoned
  if (state.isClosed) throw closedFailure('The log')
}

/** After this nothing is staged, written or released; only reopening finds out what was kept. */
export function poison(state: LogState, cause: unknown): ConstelliteError {
  // Opening again finds nothing of what was flushed: its own words say what to do.
  if (isFailure(cause, 'ErrCleared')) state.poisoned ??= cause
  state.poisoned ??= new ConstelliteError({
    code: 'ErrPoisoned',
    message: 'A write or flush of the log failed, so nothing more is written from here.',
    hint: 'Open the database again: what was flushed is there. The cause says what failed.',
    retry: 'after-repair',
    cause,
  })
  return state.poisoned
}
