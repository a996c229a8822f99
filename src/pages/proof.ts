/** Page proof: that one page is in the database of a state root, without the other pages (FORMATS §9).
 *  Keeps: the siblings' number is exactly what page count and page number ask for; the place in the tree
 *  binds the page number.  Never: says whose root it is; compare it with a verified seal's. */

import { assert } from '../base/assert.ts'
import { concatBytes, equalBytes } from '../bytes/compare.ts'
import { isPageSize, LEAF_BYTES, lockBytePgno, PAGE_COUNT_MAX } from './layout.ts'
import { innerNode } from './nodes.ts'
import { leafOf, rootOf, zeroLeaf } from './tree.ts'

export type PageProof = {
  readonly pageSize: number
  readonly pageCount: number
  readonly pgno: number
  /** As `PageTree.siblings` gives them, from the leaf up. */
  readonly siblings: readonly Uint8Array[]
}

/** True when `page` is page `proof.pgno` of a database with this state root. */
export function verifyPageProof(root: Uint8Array, page: Uint8Array, proof: PageProof): boolean {
  const { pageSize, pageCount, pgno, siblings } = proof
  if (!isPageSize(pageSize) || page.byteLength !== pageSize) return false
  if (!Number.isInteger(pageCount) || pageCount > PAGE_COUNT_MAX) return false
  if (!Number.isInteger(pgno) || pgno < 1 || pgno > pageCount) return false
  if (siblings.length !== siblingCount(pageCount, pgno)) return false
  let node = pgno === lockBytePgno(pageSize) ? zeroLeaf(pageSize) : leafOf(page)
  if (pgno === lockBytePgno(pageSize) && !equalBytes(node, leafOf(page))) return false
  let next = 0
  let index = pgno - 1
  for (let count = pageCount; count > 1; count = Math.ceil(count / 2)) {
    if ((index ^ 1) < count) {
      const sibling = siblings[next++]
      assert(sibling !== undefined, 'the number of siblings was checked')
      if (sibling.byteLength !== LEAF_BYTES) return false
      node = innerNode(index % 2 === 0 ? concatBytes(node, sibling) : concatBytes(sibling, node))
    }
    index >>>= 1
  }
  return equalBytes(root, rootOf(pageSize, pageCount, node))
}

/** How many levels have a pair for this page. */
function siblingCount(pageCount: number, pgno: number): number {
  let siblings = 0
  let index = pgno - 1
  for (let count = pageCount; count > 1; count = Math.ceil(count / 2)) {
    if ((index ^ 1) < count) siblings += 1
    index >>>= 1
  }
  return siblings
}
