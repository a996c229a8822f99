/** Runs: the bytes of a page that changed, as (skip, length, new bytes)… (FORMATS §7, encoding 1).
 *  Keeps: applying the runs to the old page gives the new page; bytes are absolute, never XOR.
 *  Comparing costs about 1 µs per 8 KiB page, because it goes by words of four bytes. */

import { assert } from '../base/assert.ts'
import { createReader, DecodeError } from '../bytes/reader.ts'
import { PAGE_SIZE_MAX } from './layout.ts'

/** What `encodeRuns` answers when the runs are not smaller than the page. */
export const NOT_SMALLER = -1

const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1
/** A run inside a word absorbs gaps of up to two bytes, so runs start at least four bytes apart. */
const RUNS_MAX = PAGE_SIZE_MAX / 4

const starts = new Int32Array(RUNS_MAX)
const ends = new Int32Array(RUNS_MAX)

/** Writes the runs from `oldPage` to `newPage` into `target`, which has room for one page.  Answers
 *  their size, 0 when the pages are equal, or NOT_SMALLER. */
export function encodeRuns(oldPage: Uint8Array, newPage: Uint8Array, target: Uint8Array): number {
  assert(oldPage.byteLength === newPage.byteLength, 'a page keeps its size')
  const count = findRuns(wordsOf(oldPage), wordsOf(newPage))
  let at = 0
  let previousEnd = 0
  for (let index = 0; index < count; index++) {
    const start = starts[index] as number
    const end = ends[index] as number
    const skip = start - previousEnd
    const length = end - start
    if (at + varintSize(skip) + varintSize(length) + length >= newPage.byteLength) {
      return NOT_SMALLER
    }
    at = putVarint(target, at, skip)
    at = putVarint(target, at, length)
    if (length < 64) for (let from = start; from < end; from++) target[at++] = newPage[from]!
    else {
      target.set(newPage.subarray(start, end), at)
      at += length
    }
    previousEnd = end
  }
  return at
}

/** Checks `runs` against the page size and calls `visit` with each run's offset and new bytes. */
export function walkRuns(
  runs: Uint8Array,
  pageSize: number,
  visit?: (offset: number, bytes: Uint8Array) => void,
): void {
  const reader = createReader(runs)
  let offset = 0
  if (reader.remaining === 0) throw new DecodeError('a page entry has no run')
  for (let index = 0; reader.remaining > 0; index++) {
    const skip = reader.varint(pageSize)
    if (skip === 0 && index > 0) throw new DecodeError('two runs touch')
    offset += skip
    const length = reader.varint(pageSize)
    if (length === 0) throw new DecodeError('a run is empty')
    if (length > pageSize - offset) throw new DecodeError('a run goes past the end of its page')
    const bytes = reader.view(length)
    visit?.(offset, bytes)
    offset += length
  }
}

/** True when the whole page is zero bytes. */
export function isZeroPage(page: Uint8Array): boolean {
  const words = wordsOf(page)
  for (let index = 0; index < words.length; index++) if (words[index] !== 0) return false
  return true
}

/** Fills `starts` and `ends`, answers how many runs there are. */
function findRuns(before: Uint32Array, after: Uint32Array): number {
  let count = 0
  let start = -1
  let end = 0
  const words = after.length
  for (let word = 0; word < words; word++) {
    const difference = (before[word] as number) ^ (after[word] as number)
    if (difference === 0) continue
    const low = 31 - Math.clz32(difference & -difference)
    const high = 31 - Math.clz32(difference)
    const first = word * 4 + ((isLittleEndian ? low : 31 - high) >>> 3)
    const last = word * 4 + ((isLittleEndian ? high : 31 - low) >>> 3)
    if (start >= 0 && first - end > 2) {
      count = addRun(count, start, end)
      start = first
    } else if (start < 0) start = first
    end = last + 1
  }
  return start < 0 ? 0 : addRun(count, start, end)
}

/** Adds a run, or joins it to the one before when its header would cost as much as the gap. */
function addRun(count: number, start: number, end: number): number {
  if (count > 0) {
    const gap = start - (ends[count - 1] as number)
    if (gap <= varintSize(gap) + varintSize(end - start)) {
      ends[count - 1] = end
      return count
    }
  }
  starts[count] = start
  ends[count] = end
  return count + 1
}

function wordsOf(page: Uint8Array): Uint32Array {
  // A view needs an aligned start; images of the VFS have one, views into a payload may not.
  const aligned = page.byteOffset % 4 === 0 ? page : page.slice()
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >>> 2)
}

/** A page size or less, so three bytes at most. */
function varintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : 3
}

function putVarint(target: Uint8Array, at: number, value: number): number {
  let next = at
  let rest = value
  while (rest >= 0x80) {
    target[next++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  target[next++] = rest
  return next
}
