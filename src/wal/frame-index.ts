/** Frame index: where in the log the frames and seals of the chain stand, so that they can be read back
 *  from the device instead of being kept in memory.
 *  Keeps: one entry for each run header, so its size is a small share of the log's; the seqs it answers
 *  for have no gap.  Never: reads the device; never names what is not flushed. */

import { nextSeq, type Seq } from '../base/ids.ts'
import { DecodeError } from '../bytes/reader.ts'
import type { RecordOutline } from './records.ts'
import { createWayPoints, type WayPoints } from './way-points.ts'

/** A group that was flushed, and where its header stands. */
export type GroupPlace = {
  readonly fileNumber: bigint
  readonly group: bigint
  readonly at: number
}

/** A run header in that group; it and what goes on after it hold the frames up to the next entry. */
export type FrameEntry = GroupPlace & { readonly firstSeq: Seq }
export type SealEntry = GroupPlace & { readonly seq: Seq }

export type FrameIndex = {
  readonly first: Seq | undefined
  readonly last: Seq | undefined
  readonly entries: readonly FrameEntry[]
  readonly seals: readonly SealEntry[]
  /** Takes the next record of the log.  Throws `DecodeError` when it goes on after nothing. */
  apply(outline: RecordOutline, place: GroupPlace): void
  /** Where readers stood; what is cut from the index is cut from them. */
  readonly wayPoints: WayPoints
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
  const wayPoints = createWayPoints()

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
    wayPoints,
    entryOf: (seq) => countUpTo(entries, (entry) => entry.firstSeq, seq) - 1,
    sealUpTo: (seq) => seals[countUpTo(seals, (seal) => seal.seq, seq) - 1],
    sealFrom: (seq) => seals[countUpTo(seals, (seal) => seal.seq, (seq - 1n) as Seq)],
    dropBefore(fileNumber) {
      wayPoints.dropBefore(fileNumber)
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
