/** Runs of a page delta in plain JavaScript: (skip, length, new bytes)… (FORMATS §7, encoding 1).
 *  Keeps: the bytes and the judgement of wasm/src/delta.c.
 *  Comparing costs about 1 µs per 8 KiB page, because it goes by words of four bytes. */

const PAGE_BYTES_MAX = 65536
const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1
/** Equal bytes that a run swallows, because a new run costs as much; so runs start three apart or more. */
const GAP_MAX = 2
const RUNS_MAX = Math.ceil(PAGE_BYTES_MAX / (GAP_MAX + 1))

const starts = new Int32Array(RUNS_MAX)
const ends = new Int32Array(RUNS_MAX)

/** What `encodeRuns` answers when the runs are not smaller than the page. */
export const NOT_SMALLER = -1

/** Writes the runs from `oldPage` to `newPage` into `target`, which has room for a page.  Answers their
 *  size, 0 when the pages are equal, or NOT_SMALLER. */
export function encodeRuns(oldPage: Uint8Array, newPage: Uint8Array, target: Uint8Array): number {
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

/** Writes the runs into `page`, a copy of the old one.  False when they are malformed. */
export function applyRuns(page: Uint8Array, runs: Uint8Array): boolean {
  const end = runs.byteLength
  const size = page.byteLength
  let offset = 0
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; shift < 21 && at < end; shift += 7) {
      const byte = runs[at++] as number
      value |= (byte & 0x7f) << shift
      if (byte >= 0x80) continue
      return byte === 0 && shift > 0 ? -1 : value
    }
    return -1
  }
  if (end === 0) return false
  while (at < end) {
    const isFirst = at === 0
    const skip = varint()
    const length = varint()
    if (skip < 0 || length <= 0 || (skip === 0 && !isFirst)) return false
    if (skip > size - offset || length > size - offset - skip || length > end - at) return false
    offset += skip
    page.set(runs.subarray(at, at + length), offset)
    offset += length
    at += length
  }
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
    // Two bytes in the middle of a word may be equal: within what a run swallows.
    const low = 31 - Math.clz32(difference & -difference)
    const high = 31 - Math.clz32(difference)
    const first = word * 4 + ((isLittleEndian ? low : 31 - high) >>> 3)
    const last = word * 4 + ((isLittleEndian ? high : 31 - low) >>> 3)
    if (start >= 0 && first - end > GAP_MAX) {
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
