/** Page deltas in plain JavaScript: the rule of FORMATS §7 over runs and LZ4 blocks.
 *  Keeps: the bytes of the kernel. */

import { assertPages } from './kernel-delta.ts'
import type { Delta } from './kernel-interface.ts'
import { applyLz4, encodeLz4 } from './kernel-plain-lz4.ts'
import { applyRuns, encodeRuns } from './kernel-plain-runs.ts'

/** Runs up to here are shipped without trying LZ4. */
const RUNS_ENOUGH_BYTES = 48

export const plainDelta: Delta = {
  encode(oldPage, newPage) {
    assertPages(oldPage, newPage)
    const size = oldPage.byteLength
    const target = new Uint8Array(size)
    const runs = encodeRuns(oldPage, newPage, target)
    if (runs === 0) return undefined
    if (runs > 0 && runs <= RUNS_ENOUGH_BYTES) {
      return { encoding: 'runs', bytes: target.slice(0, runs) }
    }
    const pages = new Uint8Array(size * 2)
    pages.set(oldPage)
    pages.set(newPage, size)
    const blockTarget = new Uint8Array(size)
    const block = encodeLz4(pages, blockTarget, runs < 0 ? size : runs)
    if (block >= 0) return { encoding: 'lz4', bytes: blockTarget.slice(0, block) }
    if (runs >= 0) return { encoding: 'runs', bytes: target.slice(0, runs) }
    return { encoding: 'full', bytes: newPage.slice() }
  },
  apply(oldPage, { encoding, bytes }, into) {
    assertPages(oldPage, into)
    const size = oldPage.byteLength
    if (bytes.byteLength > size) return false
    const pages = new Uint8Array(size * 2)
    pages.set(oldPage)
    if (encoding === 'full') {
      if (bytes.byteLength !== size) return false
      pages.set(bytes, size)
    } else if (encoding === 'runs') {
      pages.set(oldPage, size)
      if (!applyRuns(pages.subarray(size), bytes)) return false
    } else if (!applyLz4(pages, bytes)) return false
    into.set(pages.subarray(size))
    return true
  },
}
