/** Request table: what became of the requests of the last minutes, a pure structure.
 *  Keeps: whatever was once added is found, or its id is answered as unknown; what is let go is the oldest
 *  by the time in its id.  That time alone decides, so nothing here needs a clock.
 *  Never: stages anything; the log has every entry (request.ts), and each start mark the whole table. */

import { type Seq, toSeq } from '../base/ids.ts'
import { REQUEST_COUNTER_BITS, REQUEST_ENTRY_BYTES_MAX, REQUEST_TAG_BYTES } from '../wal/layout.ts'
import type { RequestEntry } from '../wal/request-entry.ts'
import { createRequestId, requestSeconds } from '../wal/request-id.ts'

/** Ten minutes before the newest id: longer than anybody waits for an answer. */
export const REQUEST_WINDOW_S = 600
/** About 27 writes a second over the window: 656 KiB at most in a start mark, beside a segment of 8 MiB. */
export const REQUESTS_KEPT_MAX = 16_384
/** A start mark is repeated in every segment, so its table takes at most this share of a small log. */
const LOG_SHARE = 1 / 16

/** 'absent': it never ran, and may.  'unknown': it is too old to say. */
export type RequestFate = RequestEntry | 'absent' | 'unknown'

export type RequestTable = {
  readonly size: number
  readonly sizeMax: number
  find(id: Uint8Array): RequestFate
  add(entry: RequestEntry): void
  /** For a start mark: adding them to an empty table gives the same answers. */
  entries(): readonly RequestEntry[]
}

type Bucket = Map<string, RequestEntry>

/** How many entries a log of this size has room for. */
export function requestsMaxOf(capBytes: number): number {
  const fitting = Math.floor((capBytes * LOG_SHARE) / REQUEST_ENTRY_BYTES_MAX)
  return Math.max(1, Math.min(REQUESTS_KEPT_MAX, fitting))
}

export function createRequestTable(sizeMax: number): RequestTable {
  const bySecond = new Map<number, Bucket>()
  let size = 0
  let newest = -1
  /** Up to this second entries were let go. */
  let floor = -1
  /** Walks through the oldest bucket: finding its first key anew each time would pass over the holes. */
  let oldest: { readonly second: number; readonly keys: Iterator<string> } | undefined

  const forget = (second: number): void => {
    if (second > floor) floor = second
  }
  const dropBucket = (second: number): void => {
    size -= bySecond.get(second)?.size ?? 0
    bySecond.delete(second)
    if (oldest?.second === second) oldest = undefined
    forget(second)
  }
  const oldestBucket = (): NonNullable<typeof oldest> => {
    if (oldest !== undefined) return oldest
    const second = Math.min(...bySecond.keys())
    oldest = { second, keys: (bySecond.get(second) ?? new Map<string, never>()).keys() }
    return oldest
  }
  const dropOldest = (): void => {
    const { second, keys } = oldestBucket()
    const { done, value } = keys.next()
    const bucket = bySecond.get(second)
    if (done === true || bucket === undefined || bucket.size === 1) dropBucket(second)
    else {
      bucket.delete(value)
      size -= 1
      forget(second)
    }
  }
  const put = (second: number, entry: RequestEntry): void => {
    const bucket = bySecond.get(second) ?? new Map<string, RequestEntry>()
    bySecond.set(second, bucket)
    size -= bucket.size
    bucket.set(keyOf(entry.id), entry)
    size += bucket.size
    if (oldest !== undefined && second < oldest.second) oldest = undefined
  }
  return {
    sizeMax,
    get size() {
      return size
    },
    find(id) {
      const second = requestSeconds(id)
      const entry = bySecond.get(second)?.get(keyOf(id))
      if (entry !== undefined) return entry
      return second <= floor || second < newest - REQUEST_WINDOW_S ? 'unknown' : 'absent'
    },
    add(entry) {
      const second = requestSeconds(entry.id)
      if (second > newest && entry.outcome.type !== 'forgotten') {
        newest = second
        for (const other of bySecond.keys()) {
          if (other < newest - REQUEST_WINDOW_S) dropBucket(other)
        }
      }
      const isOld = second < newest - REQUEST_WINDOW_S
      if (isOld || entry.outcome.type === 'forgotten') forget(second)
      else put(second, entry)
      while (size > sizeMax) dropOldest()
    },
    entries: () => entriesOf(bySecond, floor),
  }
}

function entriesOf(bySecond: ReadonlyMap<number, Bucket>, floor: number): readonly RequestEntry[] {
  const kept = [...bySecond.values()].flatMap((bucket) => [...bucket.values()])
  return floor < 0 ? kept : [forgottenUpTo(floor), ...kept]
}

/** Says that nothing is known of requests of this second and older. */
export function forgottenUpTo(second: number): RequestEntry {
  const id = createRequestId(new Uint8Array(REQUEST_TAG_BYTES), second, 0)
  return { id, seq: toSeq(0), outcome: { type: 'forgotten' } }
}

/** The table without what is said of frames above `seq`. */
export function requestsUpTo(table: RequestTable, seq: Seq): RequestTable {
  const kept = createRequestTable(table.sizeMax)
  for (const entry of table.entries()) if (entry.seq <= seq) kept.add(entry)
  return kept
}

/** What tells ids of one second apart, in few characters: a table finds one for every write. */
function keyOf(id: Uint8Array): string {
  const view = new DataView(id.buffer, id.byteOffset, id.byteLength)
  const counter = view.getUint32(12) & (2 ** REQUEST_COUNTER_BITS - 1)
  return String.fromCharCode(
    view.getUint16(0),
    view.getUint16(2),
    view.getUint16(4),
    view.getUint16(6),
    counter >>> 10,
    counter & 0x3ff,
  )
}
