/** Export: the pages of one version, in order: a plain SQLite file.
 *  Keeps: byte for byte the state that the version's root names; commits go on meanwhile. */

import type { Host } from '../base/host.ts'
import type { PageStore } from '../pages/store.ts'

/** Bytes of one piece; other work runs between two. */
const PIECE_BYTES = 1 << 20

export async function* exportPages(
  host: Host,
  pages: PageStore,
): AsyncGenerator<Uint8Array, void, void> {
  const version = pages.pin()
  try {
    const { pageSize } = pages
    const pageCount = pages.pageCount(version)
    const pieceCount = pageSize === 0 ? 0 : Math.max(1, Math.floor(PIECE_BYTES / pageSize))
    for (let first = 1; first <= pageCount; first += pieceCount) {
      const count = Math.min(pieceCount, pageCount - first + 1)
      const piece = new Uint8Array(count * pageSize)
      for (let index = 0; index < count; index++) {
        const page = piece.subarray(index * pageSize, (index + 1) * pageSize)
        pages.read(first + index, version, page, 0)
      }
      yield piece
      await new Promise<void>((resolve) => host.defer(resolve))
    }
  } finally {
    pages.unpin(version)
  }
}
