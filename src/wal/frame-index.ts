/** Frame index: where in the log the frames and seals of the chain stand, so that they can be read back
 *  from the device instead of being kept in memory.
 *  Keeps: one entry for each run header, so its size is a small share of the log's; the seqs it answers
 *  for have no gap.  Never: reads the device; never names what is not flushed. */

import { nextSeq, type Seq } from '../base/ids.ts'
import { DecodeError } from '../bytes/reader.ts'
import type { ChainCursor } from '../frame/body.ts'
import type { RecordOutline } from './records.ts'

/** A group that was flushed, and where its header stands. */
export type GroupPlace = {
  readonly fileNumber: bigint
  readonly group: bigint
  readonly at: number
}

/** A run header in that group; it and what goes on after it hold the frames up to the next entry. */
export type FrameEntry = GroupPlace & { readonly firstSeq: Seq }
export type SealEntry = GroupPlace & { readonly seq: Seq }

/** A group at which a reader stood, and where the chain stood before it: reading on from there need not
 *  begin at the run header.  Live readers go on where the last one ended, so a few are enough. */
export type WayPoint = {
  readonly fileNumber: bigint
  readonly at: number
  /** `seq` is the one of the first frame in the group. */
  readonly cursor: ChainCursor
}

export const WAY_POINTS_MAX = 64

export type FrameIndex = {
  readonly first: Seq | undefined
  readonly last: Seq | undefined
  readonly entries: readonly FrameEntry[]
  readonly seals: readonly SealEntry[]
  /** Takes the next record of the log.  Throws `DecodeError` when it goes on after nothing. */
  apply(outline: RecordOutline, place: GroupPlace): void
  /** Remembers a way point; the one longest unused goes when there are too many. */
  note(wayPoint: WayPoint): void
  /** The way point nearest before `seq` behind this entry, if any. */
  wayTo(seq: Seq, entry: FrameEntry): WayPoint | undefined
  /** Index in `entries` of the one that holds `seq`, which is in range. */
  entryOf(seq: Seq): number
  /** The newest seal at or before `seq`. */
  sealUpTo(seq: Seq): SealEntry | undefined
  /** The oldest seal at or after `seq`. */
  sealFrom(seq: Seq): SealEntry | undefined
  /** Forgets everything in files before this one. */
  dropBefore(fileNumber: bigint): void
  clear(): void
}

export function createFrameIndex(): FrameIndex {
  let entries: FrameEntry[] = []
  let seals: SealEntry[] = []
  let last: Seq | undefined
  const wayPoints = new Map<Seq, WayPoint>()

  const truncate = (seq: Seq): void => {
    wayPoints.clear()
    entries.length = countUpTo(entries, (entry) => entry.firstSeq, seq)
    seals.length = countUpTo(seals, (seal) => seal.seq, seq)
    if (entries.length === 0) last = undefined
    else if (last !== undefined && last > seq) last = seq
  }
  const clear = (): void => {
    wayPoints.clear()
    entries = []
    seals = []
    last = undefined
  }
  const addFrames = (firstSeq: Seq | undefined, count: number, place: GroupPlace): void => {
    if (firstSeq === undefined) {
      if (last === undefined) throw new DecodeError('frames go on after some that are not there')
      last = (last + BigInt(count)) as Seq
      return
    }
    // After an installed snapshot the chain goes on elsewhere; what is before cannot be joined to it.
    if (last !== undefined && firstSeq > nextSeq(last)) clear()
    if (last !== undefined && firstSeq <= last) truncate((firstSeq - 1n) as Seq)
    entries.push({ ...place, firstSeq })
    last = (firstSeq + BigInt(count) - 1n) as Seq
  }
  const addSeal = (seq: Seq, place: GroupPlace): void => {
    const before = countUpTo(seals, (seal) => seal.seq, (seq - 1n) as Seq)
    const replaced = seals[before]?.seq === seq ? 1 : 0
    seals.splice(before, replaced, { ...place, seq })
  }

  return {
    get first() {
      return entries[0]?.firstSeq
    },
    get last() {
      return last
    },
    get entries() {
      return entries
    },
    get seals() {
      return seals
    },
    apply(outline, place) {
      if (outline.type === 'frames') addFrames(outline.firstSeq, outline.count, place)
      else if (outline.type === 'seal') addSeal(outline.seq, place)
      else truncate(outline.seq)
    },
    note(wayPoint) {
      const { seq } = wayPoint.cursor
      wayPoints.delete(seq)
      wayPoints.set(seq, wayPoint)
      if (wayPoints.size <= WAY_POINTS_MAX) return
      for (const oldest of wayPoints.keys()) {
        wayPoints.delete(oldest)
        break
      }
    },
    wayTo(seq, entry) {
      let nearest: WayPoint | undefined
      for (const wayPoint of wayPoints.values()) {
        const { cursor, fileNumber } = wayPoint
        if (fileNumber !== entry.fileNumber || cursor.seq > seq || cursor.seq <= entry.firstSeq)
          continue
        if (nearest === undefined || cursor.seq > nearest.cursor.seq) nearest = wayPoint
      }
      return nearest
    },
    entryOf: (seq) => countUpTo(entries, (entry) => entry.firstSeq, seq) - 1,
    sealUpTo: (seq) => seals[countUpTo(seals, (seal) => seal.seq, seq) - 1],
    sealFrom: (seq) => seals[countUpTo(seals, (seal) => seal.seq, (seq - 1n) as Seq)],
    dropBefore(fileNumber) {
      for (const [seq, wayPoint] of wayPoints) {
        if (wayPoint.fileNumber < fileNumber) wayPoints.delete(seq)
      }
      entries = entries.filter((entry) => entry.fileNumber >= fileNumber)
      seals = seals.filter((seal) => seal.fileNumber >= fileNumber)
      if (entries.length === 0) last = undefined
    },
    clear,
  }
}

/** How many items of a list that rises by `seqOf` are at most `seq`. */
function countUpTo<T>(items: readonly T[], seqOf: (item: T) => Seq, seq: Seq): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    // `middle` lies inside the list.
    if (seqOf(items[middle] as T) <= seq) low = middle + 1
    else high = middle
  }
  return low
}
