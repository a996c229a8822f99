/** Page tree: the Merkle tree over all pages whose root a seal signs (FORMATS §9).
 *  Keeps: incremental root = root of full recomputation; a page is hashed at most once for each image of
 *  it, when a root or leaf is asked for and not before; a page that nobody wrote since the database last
 *  shrank below it, and the lock-byte page, have the leaf of zeros.
 *  Never: copies an image, or changes one.  Levels and their arithmetic are in nodes.ts. */

import { assert } from '../base/assert.ts'
import { hashOf, hashPages } from '../crypto/hash.ts'
import { DOMAINS } from '../frame/layout.ts'
import { isPageSize, LEAF_BYTES, lockBytePgno, PAGE_COUNT_MAX } from './layout.ts'
import {
  beginNodes,
  createNodes,
  keepNodes,
  leafNode,
  leafNodes,
  type Nodes,
  putLeaf,
  putLeaves,
  resizeNodes,
  siblingNodes,
  topNode,
  undoNodes,
  updateNodes,
} from './nodes.ts'

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
  /** The leaf of a page that no step since the last root changed; hashes nothing for it. */
  knownLeaf(pgno: number): Uint8Array
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

type TreeState = {
  readonly nodes: Nodes
  pageSize: number
  pageCount: number
  /** Images that are not in `nodes` yet, and the lowest page count since they began to gather. */
  readonly pending: Map<number, Uint8Array>
  pageCountMin: number
  /** A preview whose nodes are still in place: the next `advance` by the same step adopts them. */
  previewed: (Step & { readonly root: Uint8Array; readonly pageSizeBefore: number }) | undefined
}

const zeroLeaves = new Map<number, Uint8Array>()

/** The leaf of a page, whatever its number. */
export function leafOf(page: Uint8Array): Uint8Array {
  return hashOf(DOMAINS.page, page)
}

/** The leaves of pages of one size, one after the other. */
export function leavesOf(pages: readonly Uint8Array[]): Uint8Array {
  return hashPages(DOMAINS.page, pages)
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
  const tree = createTreeState(init)
  const settledNodes = (pgno?: number): Nodes => {
    assert(pgno === undefined || (pgno >= 1 && pgno <= tree.pageCount), 'the page exists')
    settle(tree)
    return tree.nodes
  }
  return {
    get pageCount() {
      return tree.pageCount
    },
    get pageSize() {
      return tree.pageCount === 0 ? 0 : tree.pageSize
    },
    advance: (changes, pageCount, pageSize) => advance(tree, { changes, pageCount, pageSize }),
    root: () => rootOf(tree.pageSize, tree.pageCount, topNode(settledNodes())),
    preview: (changes, pageCount, pageSize) =>
      preview(tree, { changes, pageCount, pageSize }).slice(),
    leaf: (pgno) => leafNode(settledNodes(pgno), pgno - 1).slice(),
    knownLeaf: (pgno) => knownLeaf(tree, pgno),
    leaves: () => leafNodes(settledNodes()).slice(),
    siblings: (pgno) => siblingNodes(settledNodes(pgno), pgno - 1),
  }
}

function createTreeState(init: PageTreeInit | undefined): TreeState {
  const nodes = createNodes()
  if (init !== undefined) putLeaves(nodes, init.leaves)
  updateNodes(nodes)
  const pageSize = nodes.count === 0 ? 0 : (init?.pageSize ?? 0)
  assert(nodes.count === 0 || isPageSize(pageSize), `${pageSize} is a page size of SQLite`)
  const pageCount = nodes.count
  const pending = new Map<number, Uint8Array>()
  return { nodes, pageSize, pageCount, pending, pageCountMin: pageCount, previewed: undefined }
}

function advance(tree: TreeState, step: Step): void {
  const { changes, pageCount } = step
  if (tree.previewed !== undefined && isSameStep(tree.previewed, step)) {
    keepNodes(tree.nodes)
    tree.previewed = undefined
    tree.pageCount = pageCount
    tree.pageCountMin = pageCount
    return
  }
  undoPreview(tree)
  takePageSize(tree, step)
  if (pageCount < tree.pageCount) {
    for (const pgno of tree.pending.keys()) if (pgno > pageCount) tree.pending.delete(pgno)
  }
  for (const [pgno, image] of changes) if (pgno <= pageCount) tree.pending.set(pgno, image)
  tree.pageCount = pageCount
  tree.pageCountMin = Math.min(tree.pageCountMin, pageCount)
}

/** Brings the nodes up to the newest step. */
function settle(tree: TreeState): void {
  undoPreview(tree)
  const { nodes, pending, pageCount, pageCountMin, pageSize } = tree
  if (pending.size === 0 && pageCountMin === nodes.count && pageCount === nodes.count) return
  putPages(nodes, { changes: pending, pageCount, pageSize }, pageCountMin)
  pending.clear()
  tree.pageCountMin = pageCount
}

function knownLeaf(tree: TreeState, pgno: number): Uint8Array {
  assert(pgno >= 1 && pgno <= tree.pageCount, 'the page exists')
  // What is only previewed is not there yet.
  if (tree.previewed?.changes.has(pgno) === true) undoPreview(tree)
  if (tree.pending.has(pgno) || pgno > tree.nodes.count) settle(tree)
  return leafNode(tree.nodes, pgno - 1).slice()
}

function preview(tree: TreeState, step: Step): Uint8Array {
  if (tree.previewed !== undefined && isSameStep(tree.previewed, step)) return tree.previewed.root
  settle(tree)
  const pageSizeBefore = tree.pageSize
  takePageSize(tree, step)
  const { nodes, pageSize, pageCount } = tree
  beginNodes(nodes)
  putPages(nodes, { ...step, pageSize }, Math.min(pageCount, step.pageCount))
  const root = rootOf(pageSize, step.pageCount, topNode(nodes))
  tree.previewed = { ...step, root, pageSizeBefore }
  return root
}

function undoPreview(tree: TreeState): void {
  if (tree.previewed === undefined) return
  undoNodes(tree.nodes)
  tree.pageSize = tree.previewed.pageSizeBefore
  tree.previewed = undefined
}

function takePageSize(tree: TreeState, step: Step): void {
  assert(step.pageCount <= PAGE_COUNT_MAX, `${step.pageCount} pages are within the limit`)
  if (step.pageCount === 0) return
  assert(isPageSize(step.pageSize), `${step.pageSize} is a page size of SQLite`)
  const isSame = tree.pageSize === 0 || step.pageSize === tree.pageSize
  assert(isSame, 'the page size of a tree never changes')
  tree.pageSize = step.pageSize
}

/** Puts the leaves of a step into the tree; pages above `keptCount` begin as zeros. */
function putPages(nodes: Nodes, step: Step, keptCount: number): void {
  const { changes, pageCount, pageSize } = step
  const filler = pageCount === 0 ? new Uint8Array(LEAF_BYTES) : zeroLeaf(pageSize)
  resizeNodes(nodes, Math.min(keptCount, nodes.count), pageCount, filler)
  const lockByte = lockBytePgno(pageSize)
  const images: Uint8Array[] = []
  const pgnos: number[] = []
  for (const [pgno, image] of changes) {
    if (pgno > pageCount || pgno === lockByte) continue
    assert(pgno >= 1 && image.byteLength === pageSize, 'an image is one page')
    images.push(image)
    pgnos.push(pgno)
  }
  const leaves = leavesOf(images)
  for (const [index, pgno] of pgnos.entries()) {
    putLeaf(nodes, pgno - 1, leaves.subarray(index * LEAF_BYTES, (index + 1) * LEAF_BYTES))
  }
  updateNodes(nodes)
}

function isSameStep(one: Step, other: Step): boolean {
  return (
    one.changes === other.changes &&
    one.pageCount === other.pageCount &&
    one.pageSize === other.pageSize
  )
}
