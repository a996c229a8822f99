/** Scan: finds the groups of one segment in its bytes and says how the segment ends (FORMATS §10).
 *  Keeps: what it accepts is an unbroken row of whole groups from the first on; a bad group N is called
 *  damage only when a later whole group says that N was flushed, else it is a torn write.
 *  Never: touches a device; never does more work than a named multiple of the size. */

import { assert } from '../base/assert.ts'
import { generationSeed, isWholeGroup, type PlacedGroup, placeGroup } from './group.ts'
import { FILE_HEADER_BYTES, GROUP_ALIGN_BYTES, GROUP_HEADER_BYTES } from './layout.ts'

export type ScanRequest = {
  readonly generation: Uint8Array
  readonly firstGroup: bigint
  /** The last group that counts: a later segment begins after it.  Undefined in the newest segment. */
  readonly lastGroup: bigint | undefined
  /** Highest owner number in the segments before. */
  readonly owner: number
}

export type SegmentScan = {
  readonly groups: readonly PlacedGroup[]
  /** After the last accepted group. */
  readonly endAt: number
  /** Highest owner number, and the highest group that any accepted one knew flushed. */
  readonly owner: number
  readonly flushed: bigint
  readonly end: SegmentEnd
}

export type SegmentEnd =
  /** Every group up to `lastGroup` is there. */
  | { readonly type: 'whole' }
  /** Zeros or another generation follow; `tornBytes` counts what looks like an unfinished write. */
  | { readonly type: 'open'; readonly tornBytes: number }
  /** Group `group` is bad although it was flushed. */
  | { readonly type: 'damaged'; readonly group: bigint; readonly at: number }

/** A stream of forged group headers could make looking on quadratic; past this many times the size of
 *  the file the answer is "damaged", which refuses rather than guesses. */
const LOOK_ON_FACTOR_MAX = 8

/** `bytes` is the whole file. */
export function scanSegment(bytes: Uint8Array, request: ScanRequest): SegmentScan {
  const { firstGroup, lastGroup } = request
  assert(lastGroup === undefined || lastGroup >= firstGroup - 1n, 'a segment is not below empty')
  const seed = generationSeed(request.generation)
  const groups: PlacedGroup[] = []
  let { owner } = request
  let flushed = firstGroup - 1n
  let at = FILE_HEADER_BYTES
  let number = firstGroup
  for (; lastGroup === undefined || number <= lastGroup; number += 1n) {
    const group = placeGroup(bytes, at)
    if (group === undefined || group.number !== number || group.owner < owner) break
    if (!isWholeGroup(bytes, group, seed)) break
    groups.push(group)
    owner = group.owner
    if (group.flushed > flushed) flushed = group.flushed
    at = group.endAt
  }
  if (lastGroup !== undefined) {
    // A later segment began only when every group before it was flushed.
    const isWhole = number > lastGroup
    const end: SegmentEnd = isWhole ? { type: 'whole' } : { type: 'damaged', group: number, at }
    return { groups, endAt: at, owner, flushed, end }
  }
  return { groups, endAt: at, owner, flushed, end: lookOn(bytes, { at, number, owner, seed }) }
}

type Stop = {
  readonly at: number
  readonly number: bigint
  readonly owner: number
  readonly seed: number
}

/** What lies beyond the first bad group. */
function lookOn(bytes: Uint8Array, stop: Stop): SegmentEnd {
  const damaged: SegmentEnd = { type: 'damaged', group: stop.number, at: stop.at }
  let budget = bytes.byteLength * LOOK_ON_FACTOR_MAX
  let tornEnd = tornHeaderEnd(bytes, stop)
  for (let at = stop.at; at + GROUP_HEADER_BYTES <= bytes.byteLength; at += GROUP_ALIGN_BYTES) {
    // Two bytes decide nearly always; the file may be large.
    if (bytes[at] !== 0x43 || bytes[at + 1] !== 0x47) continue
    const group = placeGroup(bytes, at)
    // What an earlier use of this file left has lower numbers; a stale owner's word counts for nothing.
    if (group === undefined || group.number <= stop.number || group.owner < stop.owner) continue
    if (group.endAt > bytes.byteLength) continue
    budget -= group.bodyBytes + GROUP_HEADER_BYTES
    if (budget < 0) return damaged
    if (!isWholeGroup(bytes, group, stop.seed)) continue
    if (group.flushed >= stop.number) return damaged
    tornEnd = Math.max(tornEnd, group.endAt)
    at = group.endAt - GROUP_ALIGN_BYTES
  }
  return { type: 'open', tornBytes: tornEnd - stop.at }
}

/** Where a write of the group that was due here would have ended, if its header got that far. */
function tornHeaderEnd(bytes: Uint8Array, stop: Stop): number {
  const group = placeGroup(bytes, stop.at)
  if (group === undefined || group.number !== stop.number) return stop.at
  return Math.min(group.endAt, bytes.byteLength)
}
