/** Runs: the bytes of a page that changed, as (skip, length, new bytes)… (FORMATS §7, encoding 1): what can be
 *  said of them without the old page.  The kernel makes and applies them. */

import { createReader, DecodeError } from '../bytes/reader.ts'

/** Checks `runs` against the page size; throws what is wrong with them. */
export function checkRuns(runs: Uint8Array, pageSize: number): void {
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
    reader.view(length)
    offset += length
  }
}

/** True when the whole page is zero bytes. */
export function isZeroPage(page: Uint8Array): boolean {
  const words = wordsOf(page)
  for (let index = 0; index < words.length; index++) if (words[index] !== 0) return false
  return true
}

function wordsOf(page: Uint8Array): Uint32Array {
  // A view needs an aligned start; images of the VFS have one, views into a payload may not.
  const aligned = page.byteOffset % 4 === 0 ? page : page.slice()
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >>> 2)
}
