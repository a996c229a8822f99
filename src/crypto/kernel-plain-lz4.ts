/** LZ4 blocks with the old page as dictionary, in plain JavaScript (FORMATS §7, encoding 2).
 *  Keeps: the bytes and the judgement of wasm/src/delta.c, whose constants these are; see there for why. */

const HASH_BITS = 12
const DICTIONARY_STEP = 4
const MATCH_MIN = 4
const LONG_ENOUGH = 32
const LAST_LITERALS = 5
const MATCH_LIMIT = 12
const OFFSET_MAX = 65535

/** What `encodeLz4` answers when the block would reach the limit. */
export const NOT_SMALLER = -1

const table = new Uint16Array(1 << HASH_BITS)

/** `pages`: the old page and, right behind it, the new one of the same size.  Writes a block of less than
 *  `limit` bytes into `target` and answers its size, or NOT_SMALLER. */
export function encodeLz4(pages: Uint8Array, target: Uint8Array, limit: number): number {
  const size = pages.byteLength / 2
  const last = pages.byteLength - MATCH_LIMIT
  const writer: Writer = { target, at: 0, end: limit - 1 }
  const finder = startFinder(pages, size)
  let anchor = size
  let misses = 0
  for (let at = size; at < last; ) {
    let length = findMatch(finder, at)
    if (length < MATCH_MIN) {
      at += 1 + (misses++ >> 5)
      continue
    }
    misses = 0
    let offset = finder.offset
    if (length < LONG_ENOUGH && at + 1 < last) {
      const next = findMatch(finder, at + 1)
      if (next > length) {
        length = next
        offset = finder.offset
        at += 1
      }
    }
    if (offset !== finder.newest) {
      finder.before = finder.newest
      finder.newest = offset
    }
    for (; at > anchor && at > offset && pages[at - 1] === pages[at - 1 - offset]; at--) length += 1
    if (!putSequence(writer, pages.subarray(anchor, at), offset, length)) return NOT_SMALLER
    at += length
    anchor = at
    if (at < last) notePlace(pages, at - 2)
  }
  const rest = pages.subarray(anchor)
  return putSequence(writer, rest, 0, 0) ? writer.at : NOT_SMALLER
}

/** `pages`: the old page, and behind it room for the new one.  False when the block is malformed; then the
 *  room holds whatever was made until then. */
export function applyLz4(pages: Uint8Array, block: Uint8Array): boolean {
  const end = block.byteLength
  const pageEnd = pages.byteLength
  let at = pageEnd / 2
  let from = 0
  /** -1 at the end of the block. */
  const takeLength = (start: number): number => {
    let length = start
    if (length < 15) return length
    for (;;) {
      if (from >= end || length > OFFSET_MAX + 1) return -1
      const byte = block[from++] as number
      length += byte
      if (byte < 255) return length
    }
  }
  while (from < end) {
    const token = block[from++] as number
    const literals = takeLength(token >> 4)
    if (literals < 0 || literals > end - from || literals > pageEnd - at) return false
    pages.set(block.subarray(from, from + literals), at)
    from += literals
    at += literals
    if (from === end) return at === pageEnd
    if (end - from < 2) return false
    const offset = (block[from] as number) | ((block[from + 1] as number) << 8)
    from += 2
    const extra = takeLength(token & 15)
    const match = extra + MATCH_MIN
    if (extra < 0 || offset === 0 || offset > at || match > pageEnd - at) return false
    // A match may repeat what it has just made, so it goes byte by byte.
    for (const stop = at + match; at < stop; at++) pages[at] = pages[at - offset] as number
  }
  return false
}

type Finder = {
  readonly pages: Uint8Array
  readonly same: number
  newest: number
  before: number
  /** Of the match that was found last. */
  offset: number
}

function startFinder(pages: Uint8Array, size: number): Finder {
  table.fill(0)
  for (let place = 0; place + 4 <= size; place += DICTIONARY_STEP) notePlace(pages, place)
  const same = Math.min(size, OFFSET_MAX)
  return { pages, same, newest: same, before: same, offset: 0 }
}

function notePlace(pages: Uint8Array, place: number): void {
  table[hash4(load32(pages, place))] = place
}

/** The length of the match that is taken at `at`; its offset is then in the finder. */
function findMatch(finder: Finder, at: number): number {
  const { pages, newest, before, same } = finder
  const found = (at - (table[hash4(load32(pages, at))] as number)) & OFFSET_MAX
  notePlace(pages, at)
  const limit = pages.byteLength - LAST_LITERALS - at
  let longest = 0
  const look = (offset: number): void => {
    const length = matchLength(pages, at, at - offset, limit)
    if (length <= longest) return
    longest = length
    finder.offset = offset
  }
  look(newest)
  if (longest >= LONG_ENOUGH) return longest
  look(before)
  look(same)
  if (found !== 0) look(found)
  return longest
}

function load32(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

function hash4(value: number): number {
  return Math.imul(value, 2654435761) >>> (32 - HASH_BITS)
}

function matchLength(pages: Uint8Array, at: number, from: number, limit: number): number {
  let length = 0
  while (length < limit && pages[at + length] === pages[from + length]) length += 1
  return length
}

type Writer = { readonly target: Uint8Array; at: number; readonly end: number }

/** One sequence; a match of 0 is the last.  False when it does not fit. */
function putSequence(writer: Writer, literals: Uint8Array, offset: number, match: number): boolean {
  const count = literals.byteLength
  const extra = match === 0 ? 0 : match - MATCH_MIN
  const tail = match === 0 ? 0 : 2 + lengthSize(extra)
  if (1 + lengthSize(count) + count + tail > writer.end - writer.at) return false
  const { target } = writer
  target[writer.at++] = (Math.min(count, 15) << 4) | Math.min(extra, 15)
  putLength(writer, count)
  target.set(literals, writer.at)
  writer.at += count
  if (match === 0) return true
  target[writer.at++] = offset & 0xff
  target[writer.at++] = offset >>> 8
  putLength(writer, extra)
  return true
}

function lengthSize(length: number): number {
  return length < 15 ? 0 : 1 + Math.floor((length - 15) / 255)
}

function putLength(writer: Writer, length: number): void {
  if (length < 15) return
  let rest = length - 15
  for (; rest >= 255; rest -= 255) writer.target[writer.at++] = 255
  writer.target[writer.at++] = rest
}
