/** Page tree: the Merkle tree over all pages whose root a seal signs (FORMATS §9).
 *  Keeps: incremental root = root of full recomputation; a page is hashed at most once for each image of
 *  it, when a root or leaf is asked for and not before; a page that nobody wrote since the database last
 *  shrank below it, and the lock-byte page, have the leaf of zeros.
 *  Never: copies an image, or changes one.  Levels and their arithmetic are in nodes.ts. */

import { assert } from '../base/assert.ts'
import { hashOf } from '../crypto/hash.ts'
import { DOMAINS } from '../frame/layout.ts'
import { isPageSize, LEAF_BYTES, lockBytePgno, PAGE_COUNT_MAX } from './layout.ts'
import { createNodes, type Nodes } from './nodes.ts'

export type PageTree = {
  readonly pageCount: number
  /** 0 while the database has no page. */
  readonly pageSize: number
  /** Notes changed images and the new count; hashing waits until a root is asked for.  After `preview`
   *  of the same map and count nothing is left to hash. */
  advance(changes: ReadonlyMap<number, Uint8Array>, pageCount: number, pageSize: number): void
  root(): Uint8Array
  /** The root after these changes, leaving the tree as it is. */
  preview(changes: ReadonlyMap<number, Uint8Array>, pageCount: number, pageSize: number): Uint8Array
  leaf(pgno: number): Uint8Array
  /** A copy of all leaves, 32 bytes a page: the leaves file, and a snapshot's leaves. */
  leaves(): Uint8Array
  /** Siblings from the leaf of `pgno` up: see proof.ts. */
  siblings(pgno: number): Uint8Array[]
}

export type PageTreeInit = {
  readonly pageSize: number
  /** 32 bytes a page, as `leaves()` gave them.  Not checked: compare the root with a seal's. */
  readonly leaves: Uint8Array
}

type Step = {
  readonly changes: ReadonlyMap<number, Uint8Array>
  readonly pageCount: number
  readonly pageSize: number
}

const zeroLeaves = new Map<number, Uint8Array>()

/** The leaf of a page, whatever its number. */
export function leafOf(page: Uint8Array): Uint8Array {
  return hashOf(DOMAINS.page, page)
}

/** The leaf of a page of zeros. */
export function zeroLeaf(pageSize: number): Uint8Array {
  let leaf = zeroLeaves.get(pageSize)
  if (leaf === undefined) {
    leaf = leafOf(new Uint8Array(pageSize))
    zeroLeaves.set(pageSize, leaf)
  }
  return leaf
}

/** The state root over the topmost node. */
export function rootOf(pageSize: number, pageCount: number, top: Uint8Array): Uint8Array {
  const sizes = new DataView(new ArrayBuffer(8))
  sizes.setUint32(0, pageCount === 0 ? 0 : pageSize)
  sizes.setUint32(4, pageCount)
  return hashOf(DOMAINS.root, new Uint8Array(sizes.buffer), top)
}

export function createPageTree(init?: PageTreeInit): PageTree {
  const nodes = createNodes()
  let pageSize = 0
  let pageCount = 0
  /** Images that are not in `nodes` yet, and the lowest page count since they began to gather. */
  let pending = new Map<number, Uint8Array>()
  let pageCountMin = 0
  /** A preview whose nodes are still in place: the next `advance` by the same step adopts them. */
  let previewed: (Step & { readonly root: Uint8Array; readonly pageSizeBefore: number }) | undefined

  const undoPreview = (): void => {
    if (previewed === undefined) return
    nodes.undo()
    pageSize = previewed.pageSizeBefore
    previewed = undefined
  }
  const settle = (): void => {
    undoPreview()
    if (pending.size === 0 && pageCountMin === nodes.count && pageCount === nodes.count) return
    putPages(nodes, { changes: pending, pageCount, pageSize }, pageCountMin)
    pending = new Map()
    pageCountMin = pageCount
  }
  const takePageSize = (step: Step): void => {
    assert(step.pageCount <= PAGE_COUNT_MAX, `${step.pageCount} pages are within the limit`)
    if (step.pageCount === 0) return
    assert(isPageSize(step.pageSize), `${step.pageSize} is a page size of SQLite`)
    assert(pageSize === 0 || step.pageSize === pageSize, 'the page size of a tree never changes')
    pageSize = step.pageSize
  }
  const assertPage = (pgno: number): void => {
    assert(pgno >= 1 && pgno <= pageCount, `page ${pgno} is within the page count`)
  }
  if (init !== undefined && init.leaves.byteLength > 0) {
    assert(init.leaves.byteLength % LEAF_BYTES === 0, 'leaves are 32 bytes each')
    pageSize = init.pageSize
    pageCount = init.leaves.byteLength / LEAF_BYTES
    pageCountMin = pageCount
    nodes.resize(0, pageCount, zeroLeaf(pageSize))
    nodes.putLeaves(init.leaves)
    nodes.update()
  }
  return {
    get pageCount() {
      return pageCount
    },
    get pageSize() {
      return pageCount === 0 ? 0 : pageSize
    },
    advance(changes, nextPageCount, nextPageSize) {
      const step = { changes, pageCount: nextPageCount, pageSize: nextPageSize }
      if (previewed !== undefined && isSameStep(previewed, step)) {
        nodes.keep()
        previewed = undefined
        pageCount = nextPageCount
        pageCountMin = nextPageCount
        return
      }
      undoPreview()
      takePageSize(step)
      if (nextPageCount < pageCount) {
        for (const pgno of pending.keys()) if (pgno > nextPageCount) pending.delete(pgno)
      }
      for (const [pgno, image] of changes) if (pgno <= nextPageCount) pending.set(pgno, image)
      pageCount = nextPageCount
      pageCountMin = Math.min(pageCountMin, nextPageCount)
    },
    root() {
      settle()
      return rootOf(pageSize, pageCount, nodes.top())
    },
    preview(changes, nextPageCount, nextPageSize) {
      const step = { changes, pageCount: nextPageCount, pageSize: nextPageSize }
      if (previewed !== undefined && isSameStep(previewed, step)) return previewed.root.slice()
      settle()
      const pageSizeBefore = pageSize
      takePageSize(step)
      nodes.begin()
      putPages(nodes, { ...step, pageSize }, Math.min(pageCount, nextPageCount))
      const root = rootOf(pageSize, nextPageCount, nodes.top())
      previewed = { ...step, root, pageSizeBefore }
      return root.slice()
    },
    leaf(pgno) {
      assertPage(pgno)
      settle()
      return nodes.leaf(pgno - 1).slice()
    },
    leaves() {
      settle()
      return nodes.leaves().slice()
    },
    siblings(pgno) {
      assertPage(pgno)
      settle()
      return nodes.siblings(pgno - 1)
    },
  }
}

/** Puts the leaves of a step into the tree; pages from `keptCount` on begin as zeros. */
function putPages(nodes: Nodes, step: Step, keptCount: number): void {
  const { changes, pageCount, pageSize } = step
  const lockByte = pageSize === 0 ? 0 : lockBytePgno(pageSize)
  nodes.resize(
    Math.min(keptCount, nodes.count),
    pageCount,
    pageCount === 0 ? new Uint8Array(LEAF_BYTES) : zeroLeaf(pageSize),
  )
  for (const [pgno, image] of changes) {
    if (pgno > pageCount || pgno === lockByte) continue
    assert(image.byteLength === pageSize, 'an image is one page')
    nodes.putLeaf(pgno - 1, leafOf(image))
  }
  nodes.update()
}

function isSameStep(one: Step, other: Step): boolean {
  return (
    one.changes === other.changes &&
    one.pageCount === other.pageCount &&
    one.pageSize === other.pageSize
  )
}
