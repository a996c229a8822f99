/** Nodes of the page tree: leaves and inner hashes by level, in flat arrays (FORMATS §9).
 *  Keeps: node i of a level is H(node 2i ‖ node 2i+1) of the level below, or node 2i itself when it has
 *  no pair; only parents of what changed are hashed again; between `beginNodes` and `keepNodes` or
 *  `undoNodes` what is overwritten can be put back.
 *  Never: knows pages; tree.ts makes leaves of them. */

import { assert } from '../base/assert.ts'
import { hashOf, hashPairs } from '../crypto/hash.ts'
import { DOMAINS } from '../frame/layout.ts'
import { LEAF_BYTES } from './layout.ts'

const PAIR_BYTES = 2 * LEAF_BYTES
/** Parents hashed together; more would only take memory. */
const BATCH_NODES = 2048

export type Nodes = {
  /** Number of leaves. */
  count: number
  /** Leaves at 0; levels that were never reached are not there. */
  readonly levels: Uint8Array[]
  /** Leaves whose parents are stale, below `changedFrom`, from where on all are. */
  readonly changed: Set<number>
  changedFrom: number
  journal: Journal | undefined
}

type Journal = {
  readonly count: number
  readonly overwritten: { readonly level: number; readonly index: number; node: Uint8Array }[]
}

/** The inner node over two children, given as one string of 64 bytes. */
export function innerNode(children: Uint8Array): Uint8Array {
  return hashOf(DOMAINS.node, children)
}

export function createNodes(): Nodes {
  const levels = [new Uint8Array(0)]
  return { count: 0, levels, changed: new Set(), changedFrom: 0, journal: undefined }
}

/** Keeps the first `keptCount` leaves and goes on with `filler` up to `count`. */
export function resizeNodes(
  nodes: Nodes,
  keptCount: number,
  count: number,
  filler: Uint8Array,
): void {
  assert(keptCount <= nodes.count && keptCount <= count, 'only leaves that exist are kept')
  nodes.count = count
  for (let index = keptCount; index < count; index++) putNode(nodes, 0, index, filler)
  // Halved at each level, this also reaches the node there that lost or found its right child.
  nodes.changedFrom = Math.min(nodes.changedFrom, keptCount)
}

export function putLeaf(nodes: Nodes, index: number, leaf: Uint8Array): void {
  assert(index < nodes.count, 'a leaf is within the count')
  putNode(nodes, 0, index, leaf)
  nodes.changed.add(index)
}

/** All leaves at once, into a new tree. */
export function putLeaves(nodes: Nodes, leaves: Uint8Array): void {
  assert(nodes.count === 0 && leaves.byteLength % LEAF_BYTES === 0, 'leaves of 32 bytes each')
  nodes.count = leaves.byteLength / LEAF_BYTES
  nodes.levels[0] = leaves.slice()
}

/** Hashes the parents of what changed; before it, `topNode` and `siblingNodes` are stale. */
export function updateNodes(nodes: Nodes): void {
  const { changed, count } = nodes
  let from = nodes.changedFrom
  let single = [...changed].filter((index) => index < from).sort((one, other) => one - other)
  for (let level = 1; levelCount(count, level - 1) > 1; level++) {
    from >>>= 1
    single = parentsBelow(single, from)
    for (let at = 0; at < single.length; at += BATCH_NODES) {
      updateBatch(nodes, level, single.slice(at, at + BATCH_NODES))
    }
    const end = levelCount(count, level)
    for (let index = from; index < end; index += BATCH_NODES) {
      const size = Math.min(BATCH_NODES, end - index)
      updateBatch(
        nodes,
        level,
        Array.from({ length: size }, (_, offset) => index + offset),
      )
    }
  }
  clearChanged(nodes)
}

/** Zeros when there is no leaf. */
export function topNode(nodes: Nodes): Uint8Array {
  if (nodes.count === 0) return new Uint8Array(LEAF_BYTES)
  let level = 0
  while (levelCount(nodes.count, level) > 1) level += 1
  return nodeAt(nodes, level, 0)
}

/** Views, valid until the next change. */
export function leafNode(nodes: Nodes, index: number): Uint8Array {
  return nodeAt(nodes, 0, index)
}

export function leafNodes({ levels, count }: Nodes): Uint8Array {
  // Level 0 is there from the start.
  return (levels[0] as Uint8Array).subarray(0, count * LEAF_BYTES)
}

/** The other child at each level on the way up; a promoted node has none there. */
export function siblingNodes(nodes: Nodes, index: number): Uint8Array[] {
  const siblings: Uint8Array[] = []
  for (let level = 0; levelCount(nodes.count, level) > 1; level++) {
    const sibling = (index >>> level) ^ 1
    if (sibling < levelCount(nodes.count, level)) {
      siblings.push(nodeAt(nodes, level, sibling).slice())
    }
  }
  return siblings
}

export function beginNodes(nodes: Nodes): void {
  assert(nodes.journal === undefined, 'one journal at a time')
  nodes.journal = { count: nodes.count, overwritten: [] }
}

export function undoNodes(nodes: Nodes): void {
  assert(nodes.journal !== undefined, 'there is something to undo')
  const { count, overwritten } = nodes.journal
  nodes.journal = undefined
  for (const { level, index, node } of overwritten.reverse()) putNode(nodes, level, index, node)
  nodes.count = count
  clearChanged(nodes)
}

export function keepNodes(nodes: Nodes): void {
  nodes.journal = undefined
}

/** All at once: a batch of hashes costs half of so many single ones. */
function updateBatch(nodes: Nodes, level: number, indices: readonly number[]): void {
  // The level below was made before this one.
  const below = nodes.levels[level - 1] as Uint8Array
  const belowCount = levelCount(nodes.count, level - 1)
  const pairs = new Uint8Array(indices.length * PAIR_BYTES)
  let count = 0
  for (const index of indices) {
    if (index * 2 + 1 >= belowCount) continue
    pairs.set(below.subarray(index * PAIR_BYTES, (index + 1) * PAIR_BYTES), count * PAIR_BYTES)
    count += 1
  }
  const parents = hashPairs(DOMAINS.node, pairs.subarray(0, count * PAIR_BYTES))
  let at = 0
  for (const index of indices) {
    const hasPair = index * 2 + 1 < belowCount
    // A node without a pair rises as it is.
    const node = hasPair
      ? parents.subarray(at, at + LEAF_BYTES)
      : below.subarray(index * PAIR_BYTES, index * PAIR_BYTES + LEAF_BYTES)
    if (hasPair) at += LEAF_BYTES
    putNode(nodes, level, index, node)
  }
}

function putNode(nodes: Nodes, level: number, index: number, node: Uint8Array): void {
  const { journal, levels } = nodes
  if (journal !== undefined && index < levelCount(journal.count, level) && level < levels.length) {
    journal.overwritten.push({ level, index, node: nodeAt(nodes, level, index).slice() })
  }
  const roomy = withRoom(levels[level], index + 1)
  roomy.set(node, index * LEAF_BYTES)
  levels[level] = roomy
}

function nodeAt({ levels }: Nodes, level: number, index: number): Uint8Array {
  // `putNode` made every level that the count reaches.
  return (levels[level] as Uint8Array).subarray(index * LEAF_BYTES, (index + 1) * LEAF_BYTES)
}

function clearChanged(nodes: Nodes): void {
  nodes.changed.clear()
  nodes.changedFrom = nodes.count
}

/** Nodes of a level over `count` leaves. */
function levelCount(count: number, level: number): number {
  return Math.ceil(count / 2 ** level)
}

/** Parents of ascending nodes, each once, leaving out those from `end` on. */
function parentsBelow(nodes: readonly number[], end: number): number[] {
  const parents: number[] = []
  for (const node of nodes) {
    const parent = node >>> 1
    if (parent < end && parent !== parents.at(-1)) parents.push(parent)
  }
  return parents
}

function withRoom(level: Uint8Array | undefined, count: number): Uint8Array {
  const sizeBytes = count * LEAF_BYTES
  if (level !== undefined && level.byteLength >= sizeBytes) return level
  const grown = new Uint8Array(Math.max(sizeBytes, (level?.byteLength ?? 0) * 2, 64 * LEAF_BYTES))
  if (level !== undefined) grown.set(level)
  return grown
}
