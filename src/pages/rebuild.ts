/** Rebuild: the page tree by hashing every page, for an import or when the leaves are missing or bad.
 *  Keeps: yields between batches, so that 200 MB (seconds of hashing in plain JavaScript) block nobody, and
 *  not after the last: a small database waits for no turn; reports progress.
 *  Never: guards against changes; the caller reads from a pinned version. */

import type { Host } from '../base/host.ts'
import { LEAF_BYTES, lockBytePgno } from './layout.ts'
import { isZeroPage } from './runs.ts'
import { createPageTree, leavesOf, type PageTree, zeroLeaf } from './tree.ts'

export type RebuildOptions = {
  readonly pageSize: number
  readonly pageCount: number
  /** Fills `target`, which is one page. */
  readonly readPage: (pgno: number, target: Uint8Array) => void
  readonly host: Pick<Host, 'defer'>
  /** After each batch; throwing stops the rebuild. */
  readonly onProgress?: (pagesDone: number, pageCount: number) => void
}

/** 256 KiB at a time: 4 ms with plain JavaScript, well under a frame of a page's animation. */
const BATCH_BYTES = 256 * 1024

export async function rebuildPageTree(options: RebuildOptions): Promise<PageTree> {
  const { pageSize, pageCount, readPage, host, onProgress } = options
  if (pageCount === 0) return createPageTree()
  const leaves = new Uint8Array(pageCount * LEAF_BYTES)
  const batchPages = Math.max(1, Math.floor(BATCH_BYTES / pageSize))
  const buffers = Array.from({ length: batchPages }, () => new Uint8Array(pageSize))
  for (let first = 1; first <= pageCount; first += batchPages) {
    const end = Math.min(first + batchPages, pageCount + 1)
    const written: number[] = []
    for (let pgno = first; pgno < end; pgno++) {
      // As many buffers as a batch has pages.
      const page = buffers[written.length] as Uint8Array
      readPage(pgno, page)
      const isZero = pgno === lockBytePgno(pageSize) || isZeroPage(page)
      if (isZero) leaves.set(zeroLeaf(pageSize), (pgno - 1) * LEAF_BYTES)
      else written.push(pgno)
    }
    const hashes = leavesOf(buffers.slice(0, written.length))
    for (const [index, pgno] of written.entries()) {
      const leaf = hashes.subarray(index * LEAF_BYTES, (index + 1) * LEAF_BYTES)
      leaves.set(leaf, (pgno - 1) * LEAF_BYTES)
    }
    onProgress?.(end - 1, pageCount)
    if (end <= pageCount) await new Promise<void>((resolve) => host.defer(resolve))
  }
  return createPageTree({ pageSize, leaves })
}
