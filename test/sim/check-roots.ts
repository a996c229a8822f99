/** Roots: whatever state a follower shows, its pages have the root that the newest seal there signs.
 *  The pages are hashed anew, beside the tree that the copy keeps.  A writer whose memory rotted seals a root
 *  that its frames do not lead to: who has only its frames has to stop (check-halts.ts takes that), and who
 *  installed its image goes on. */

import { equalBytes } from '../../src/bytes/compare.ts'
import { createPageTree } from '../../src/pages/tree.ts'
import type { Shard } from '../../src/shard/shard.ts'
import type { CopyFacts, Observer, Report } from './observer.ts'

export function createRootsCheck(report: Report): Observer {
  const look = ({ name }: CopyFacts, shard: Shard): void => {
    const { newestSeal: seal, head, pages } = shard
    if (shard.role !== 'follower' || seal === undefined || seal.seq !== head.seq) return
    const images = new Map<number, Uint8Array>()
    const pageCount = pages.pageCount(pages.version)
    for (let pgno = 1; pgno <= pageCount; pgno++) images.set(pgno, pages.image(pgno))
    const tree = createPageTree()
    tree.advance(images, pageCount, pages.pageSize)
    if (equalBytes(tree.root(), seal.root)) return
    report('roots', `${name} shows at seq ${seal.seq} pages that its writer did not seal.`)
  }
  return {
    opened(copy, shard) {
      if (shard.halted === undefined) look(copy, shard)
    },
    advanced: look,
  }
}
