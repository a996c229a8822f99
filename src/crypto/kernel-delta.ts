/** Page deltas in the kernel (FORMATS §7); see wasm/src/delta.c.
 *  Keeps: what `encode` gives, `apply` takes; hostile bytes are refused and change nothing. */

import { assert } from '../base/assert.ts'
import type { KernelInstance } from './kernel-instance.ts'
import type { Delta, DeltaEncoding } from './kernel-interface.ts'

/** Position = the number of the encoding. */
const ENCODINGS: readonly DeltaEncoding[] = ['full', 'runs', 'lz4']
const PAGE_BYTES_MAX = 65536

export function assertPages(one: Uint8Array, other: Uint8Array): void {
  const size = one.byteLength
  assert(size > 0 && size % 64 === 0 && size <= PAGE_BYTES_MAX, 'a page has a size of SQLite')
  assert(other.byteLength === size, 'a page keeps its size')
}

export function createDelta(instance: KernelInstance): Delta {
  const { run } = instance
  return {
    encode(oldPage, newPage) {
      assertPages(oldPage, newPage)
      const size = oldPage.byteLength
      const pages = instance.scratch(size * 4)
      const out = pages + size * 2
      const heap = instance.bytes()
      heap.set(oldPage, pages)
      heap.set(newPage, pages + size)
      const answer = run.delta_encode(pages, size, out)
      if (answer === 0) return undefined
      const encoding = ENCODINGS[answer & 3] as DeltaEncoding
      if (encoding === 'full') return { encoding, bytes: newPage.slice() }
      const from = answer < 0 ? out + size : out
      return { encoding, bytes: heap.slice(from, from + ((answer & 0x7fffffff) >>> 2)) }
    },
    apply(oldPage, delta, into) {
      assertPages(oldPage, into)
      const size = oldPage.byteLength
      const length = delta.bytes.byteLength
      // Nothing that is no smaller than the page is ever made.
      if (length > size) return false
      const pages = instance.scratch(size * 3)
      const heap = instance.bytes()
      heap.set(oldPage, pages)
      heap.set(delta.bytes, pages + size * 2)
      const encoding = ENCODINGS.indexOf(delta.encoding)
      if (run.delta_apply(pages, size, encoding, pages + size * 2, length) !== 0) return false
      into.set(heap.subarray(pages + size, pages + size * 2))
      return true
    },
  }
}
