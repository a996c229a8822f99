/** Frame list: the frames of one copy, each with the seal that covers it.
 *  Keeps: a frame counts as verified only when its checksum was recomputed, it names the one before it,
 *  and a checked signature covers it. */

import type { FrameNote, FromWorker, SealNote } from '../worker/messages.ts'

/** Older ones are counted, not kept. */
export const FRAMES_KEPT_MAX = 200

export type FrameEntry = FrameNote & {
  readonly seal: SealNote | undefined
  readonly isVerified: boolean
}

export type FrameList = {
  /** Oldest first. */
  readonly entries: readonly FrameEntry[]
  /** Seen since the page was opened, also those that are no longer kept. */
  readonly count: number
  /** The newest signature. */
  readonly seal: SealNote | undefined
}

export const NO_FRAMES: FrameList = { entries: [], count: 0, seal: undefined }

export function addNotes(
  list: FrameList,
  { frames, seals }: Extract<FromWorker, { type: 'notes' }>,
): FrameList {
  const newest = seals.at(-1) ?? list.seal
  const covering = seals.length > 0 || list.seal === undefined ? seals : [list.seal]
  // The frame that an import made is told as a snapshot and, where the log has it, as a frame.
  const fresh = frames
    .filter((note) => !list.entries.some((entry) => isSame(entry, note)))
    .map((note) => ({ ...note, seal: undefined, isVerified: false }))
  const entries = [...list.entries, ...fresh].map((entry) => coverWith(entry, covering))
  return {
    entries: entries.slice(-FRAMES_KEPT_MAX),
    count: list.count + fresh.length,
    seal: newest,
  }
}

function isSame(left: FrameNote, right: FrameNote): boolean {
  return left.seq === right.seq && left.checksum === right.checksum
}

/** The oldest seal at or after the frame is the one that came with it. */
function coverWith(entry: FrameEntry, seals: readonly SealNote[]): FrameEntry {
  if (entry.seal !== undefined) return entry
  const seal = seals.find((it) => it.seq >= entry.seq)
  if (seal === undefined) return entry
  const isByAuthor = entry.author === undefined || entry.author === seal.author
  return { ...entry, seal, isVerified: entry.isChained && seal.isGood && isByAuthor }
}
