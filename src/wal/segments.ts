/** Segments: which files of a folder are segments of the log, and which of them is the newest.
 *  Keeps: a segment whose making was cut short is passed over; one that was damaged never is.
 *  Never: reads a record. */

import { damage } from './damage.ts'
import { type SegmentScan, scanSegment } from './scan.ts'
import { findSegmentHeader, type SegmentHeader } from './segment-header.ts'

export type LogFile = {
  readonly name: string
  readonly sizeBytes: number
  /** The first bytes: a file header, or less where the file is shorter. */
  readonly start: Uint8Array
  /** The whole file. */
  load(): Uint8Array
}

export type Segment = { readonly file: LogFile; readonly header: SegmentHeader }

export type NewestSegment = Segment & {
  readonly bytes: Uint8Array
  readonly scan: SegmentScan
  /** `repair` was needed to pass over, or to cut, what is damaged. */
  readonly isRepaired: boolean
}

/** A log's first segment, before its first flush returned, is not larger than this. */
const CREATION_BYTES_MAX = 1_048_576

/** Every segment, by file number.  A header lies in one sector, so a damaged one was never torn. */
export function findSegments(files: readonly LogFile[], repair: boolean): readonly Segment[] {
  const segments: Segment[] = []
  for (const file of files) {
    const found = findSegmentHeader(file.start)
    if (found.type === 'segment') segments.push({ file, header: found.header })
    if (found.type === 'damaged' && !repair) {
      throw damage(`the header of ${file.name}: ${found.reason}`, { file: file.name })
    }
  }
  segments.sort((left, right) => (left.header.fileNumber < right.header.fileNumber ? -1 : 1))
  for (const [index, { file, header }] of segments.entries()) {
    const next = segments[index + 1]
    if (next?.header.fileNumber !== header.fileNumber) continue
    throw damage(`${file.name} and ${next.file.name} have one number`, { file: file.name })
  }
  return segments
}

/** The newest segment with a whole first group.  One segment after it may lack that. */
export function findNewest(
  segments: readonly Segment[],
  repair: boolean,
): NewestSegment | undefined {
  let skipped = 0
  let isRepaired = false
  for (const segment of [...segments].reverse()) {
    const bytes = segment.file.load()
    const scan = scanSegment(bytes, { ...segment.header, lastGroup: undefined, owner: 0 })
    isRepaired ||= scan.end.type === 'damaged'
    if (isRepaired && !repair) throw damagedGroup(segment, scan)
    if (scan.groups.length > 0) return { ...segment, bytes, scan, isRepaired }
    skipped += 1
    isRepaired ||= skipped > 1
    if (isRepaired && !repair) throw damagedGroup(segment, scan)
  }
  return undefined
}

/** Only a log whose making was cut short may be taken for none at all. */
export function refuseUnlessNew(files: readonly LogFile[], segments: readonly Segment[]): void {
  const isLater = segments.some(({ header }) => header.firstGroup > 1n)
  const isLarge = files.some(({ sizeBytes }) => sizeBytes > CREATION_BYTES_MAX)
  if (isLater || isLarge) throw damage('no segment has a whole beginning, yet there was a log')
}

export function damagedGroup({ file, header }: Segment, scan: SegmentScan): Error {
  const group = (scan.groups.at(-1)?.number ?? header.firstGroup - 1n) + 1n
  const facts = { file: file.name, group, offset: scan.endAt }
  return damage(`group ${group} in ${file.name} was flushed and cannot be read`, facts)
}
