/** Recover: what the files of a log hold, decided from their bytes alone (FORMATS §10).
 *  Keeps: the answer is a prefix of what was staged and has everything that was flushed, or it is
 *  ErrCorrupt; a torn tail is left out and counted.  `repair` takes the prefix before the damage.
 *  Never: touches a device, so that a simulator and a fuzzer can drive it; open.ts does what it says.
 *
 *  What was flushed: a group says which groups were known flushed when it was written, so everything up
 *  to the highest such number was.  Groups after it are only readable now: their flush may never have
 *  come, or have failed and left them in a cache.  They are the `tail`, to be written again. */

import { fail, isFailure, type Result, succeed } from '../base/failure.ts'
import type { Position } from '../base/ids.ts'
import { DecodeError } from '../bytes/reader.ts'
import { damageInit } from './damage.ts'
import { createFrameIndex, type FrameIndex } from './frame-index.ts'
import { type KeptSegment, type PlacedOutline, type ReadLog, readGroups } from './read-groups.ts'
import type { Holder, LogRecord, StartMark, WalRecord } from './records.ts'
import { type PlacedRecord, replayRecords } from './replay.ts'
import {
  findNewest,
  findSegments,
  type LogFile,
  type NewestSegment,
  refuseUnlessNew,
} from './segments.ts'

export type RecoveredLog = {
  /** Oldest first. */
  readonly segments: readonly KeptSegment[]
  /** Files without a header, or whose making was cut short: to be erased before anything is written. */
  readonly spare: readonly string[]
  /** Files of segments that the log says are released: to be erased once that is known to last. */
  readonly released: readonly string[]
  readonly mark: StartMark
  readonly redoGroup: bigint
  readonly holders: readonly Holder[]
  readonly index: FrameIndex
  /** From the redo group on, for the caller to replay. */
  readonly records: readonly PlacedRecord<WalRecord>[]
  readonly position: Position
  /** Frames beyond `position` are to be cut, because their transaction has no end. */
  readonly isCut: boolean
  /** Highest owner number found. */
  readonly owner: number
  readonly knownFlushed: bigint
  readonly lastGroup: bigint
  /** Records of the groups after `knownFlushed`, and what the index is to know of them. */
  readonly tail: readonly PlacedRecord<LogRecord>[]
  readonly tailOutlines: readonly PlacedOutline[]
  /** Where those groups begin in the newest segment; undefined when damage was repaired. */
  readonly tailAt: number | undefined
  /** Where the group stands that says the log was closed in order, if nothing was begun after it. */
  readonly closedAt: number | undefined
  readonly tornBytes: number
  /** The first group that was given up, when `repair` gave any up. */
  readonly repairedGroup: bigint | undefined
}

/** Undefined when there is no log, or only one whose making was cut short. */
export function recoverLog(
  files: readonly LogFile[],
  options: { readonly repair: boolean },
): Result<RecoveredLog | undefined> {
  try {
    return succeed(recover(files, options.repair))
  } catch (error) {
    if (isFailure(error)) return { ok: false, failure: error }
    // A RangeError of a DataView counts as malformed input too, as in bytes/reader.ts.
    if (!(error instanceof DecodeError) && !(error instanceof RangeError)) throw error
    return fail(damageInit(`a record cannot be read, ${error.message}`, {}, error))
  }
}

function recover(files: readonly LogFile[], repair: boolean): RecoveredLog | undefined {
  const segments = findSegments(files, repair)
  const newest = findNewest(segments, repair)
  if (newest === undefined) {
    if (!repair) refuseUnlessNew(files, segments)
    return undefined
  }
  const log = readGroups(segments, newest, repair)
  const { mark, redoGroup } = log.start
  const replay = replayRecords(mark, log.records)
  const lastGroup = log.last?.number ?? newest.header.firstGroup - 1n
  const knownFlushed = knownFlushedOf(newest, lastGroup)
  const { end } = newest.scan
  const tornBytes = end.type === 'open' ? end.tornBytes : 0
  const isRepaired = newest.isRepaired || log.repairedGroup !== undefined
  const kept = new Set(log.kept.map(({ segment }) => segment.file.name))
  const released = segments
    .filter(({ header }) => header.fileNumber < newest.header.fileNumber)
    .map(({ file }) => file.name)
    .filter((name) => !kept.has(name))
  return {
    segments: log.kept,
    spare: files
      .map(({ name }) => name)
      .filter((name) => !kept.has(name) && !released.includes(name)),
    released,
    mark,
    redoGroup,
    holders: log.holders,
    index: indexOf(log, knownFlushed),
    ...replay,
    owner: log.owner,
    knownFlushed,
    lastGroup,
    tail: log.records.filter(({ place }) => place.group > knownFlushed),
    tailOutlines: log.outlines.filter(({ place }) => place.group > knownFlushed),
    tailAt: isRepaired ? undefined : tailAtOf(newest, knownFlushed),
    closedAt: isRepaired || tornBytes > 0 ? undefined : closedAtOf(log),
    tornBytes,
    repairedGroup: isRepaired ? (log.repairedGroup ?? lastGroup + 1n) : undefined,
  }
}

/** Without the tail, which is indexed where it is written again. */
function indexOf(log: ReadLog, knownFlushed: bigint): FrameIndex {
  const index = createFrameIndex()
  for (const { outline, place } of log.outlines) {
    if (place.group <= knownFlushed) index.apply(outline, place)
  }
  return index
}

function tailAtOf({ scan }: NewestSegment, knownFlushed: bigint): number {
  return scan.groups.find((group) => group.number > knownFlushed)?.at ?? scan.endAt
}

function knownFlushedOf(newest: NewestSegment, lastGroup: bigint): bigint {
  const { flushed } = newest.scan
  return flushed < lastGroup ? flushed : lastGroup
}

/** An orderly close ends the log with an empty group that knows all before it flushed. */
function closedAtOf({ last }: ReadLog): number | undefined {
  const isClosed = last?.bodyBytes === 0 && last.flushed === last.number - 1n
  return isClosed ? last.at : undefined
}
