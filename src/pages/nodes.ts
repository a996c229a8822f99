/** Nodes of the page tree: leaves and inner hashes by level, in flat arrays (FORMATS §9).
 *  Keeps: node i of a level is H(node 2i ‖ node 2i+1) of the level below, or node 2i itself when it has
 *  no pair; only parents of what changed are hashed again; between `begin` and `keep` or `undo` what is
 *  overwritten can be put back.
 *  Never: knows pages; tree.ts makes leaves of them. */

import { assert } from '../base/assert.ts'
import { hashOf } from '../crypto/hash.ts'
import { DOMAINS } from '../frame/layout.ts'
import { LEAF_BYTES } from './layout.ts'

export type Nodes = {
  /** Number of leaves. */
  readonly count: number
  /** Keeps the first `keptCount` leaves and goes on with `filler` up to `count`. */
  resize(keptCount: number, count: number, filler: Uint8Array): void
  putLeaf(index: number, leaf: Uint8Array): void
  /** All leaves at once. */
  putLeaves(leaves: Uint8Array): void
  /** Hashes the parents of what changed; before it, `top` and `siblings` are stale. */
  update(): void
  /** The topmost node; zeros when there is no leaf. */
  top(): Uint8Array
  leaf(index: number): Uint8Array
  leaves(): Uint8Array
  /** The other child at each level on the way up; a promoted node has none there. */
  siblings(index: number): Uint8Array[]
  begin(): void
  undo(): void
  keep(): void
}

type Overwritten = { readonly level: number; readonly index: number; readonly node: Uint8Array }
type Journal = { readonly count: number; readonly overwritten: Overwritten[] }

/** The inner node over two children, given as one string of 64 bytes. */
export function innerNode(children: Uint8Array): Uint8Array {
  return hashOf(DOMAINS.node, children)
}

export function createNodes(): Nodes {
  const levels: Uint8Array[] = [new Uint8Array(0)]
  let count = 0
  let changed = new Set<number>()
  /** Every leaf from here on changed. */
  let changedFrom = 0
  let journal: Journal | undefined

  const nodeAt = (level: number, index: number): Uint8Array =>
    // `put` made every level that `count` reaches.
    (levels[level] as Uint8Array).subarray(index * LEAF_BYTES, (index + 1) * LEAF_BYTES)
  const put = (level: number, index: number, node: Uint8Array): void => {
    const isOverwritten = journal !== undefined && index < levelCount(journal.count, level)
    if (isOverwritten && levels[level] !== undefined) {
      journal?.overwritten.push({ level, index, node: nodeAt(level, index).slice() })
    }
    levels[level] = withRoom(levels[level], index + 1)
    levels[level].set(node, index * LEAF_BYTES)
  }
  const updateNode = (level: number, index: number): void => {
    const left = index * 2
    const hasPair = left + 1 < levelCount(count, level - 1)
    const below = levels[level - 1] as Uint8Array
    const children = below.subarray(left * LEAF_BYTES, (left + (hasPair ? 2 : 1)) * LEAF_BYTES)
    put(level, index, hasPair ? innerNode(children) : children)
  }
  const clearChanged = (): void => {
    changed = new Set()
    changedFrom = count
  }
  return {
    get count() {
      return count
    },
    resize(keptCount, nextCount, filler) {
      assert(keptCount <= count && keptCount <= nextCount, 'only leaves that exist are kept')
      count = nextCount
      levels[0] = withRoom(levels[0], count)
      for (let index = keptCount; index < count; index++) put(0, index, filler)
      // Halved at each level, this also reaches the node there that lost or found its right child.
      changedFrom = Math.min(changedFrom, keptCount)
    },
    putLeaf(index, leaf) {
      assert(index < count, 'a leaf is within the count')
      put(0, index, leaf)
      changed.add(index)
    },
    putLeaves(leaves) {
      assert(leaves.byteLength === count * LEAF_BYTES && journal === undefined, 'all leaves')
      levels[0] = leaves.slice()
      changedFrom = 0
    },
    update() {
      let from = changedFrom
      let single = [...changed].filter((index) => index < from).sort((one, other) => one - other)
      for (let level = 1; levelCount(count, level - 1) > 1; level++) {
        from >>>= 1
        single = parentsBelow(single, from)
        for (const index of single) updateNode(level, index)
        const end = levelCount(count, level)
        for (let index = from; index < end; index++) updateNode(level, index)
      }
      clearChanged()
    },
    top() {
      if (count === 0) return new Uint8Array(LEAF_BYTES)
      let level = 0
      while (levelCount(count, level) > 1) level += 1
      return nodeAt(level, 0)
    },
    leaf: (index) => nodeAt(0, index),
    leaves: () => (levels[0] as Uint8Array).subarray(0, count * LEAF_BYTES),
    siblings(index) {
      const siblings: Uint8Array[] = []
      for (let level = 0; levelCount(count, level) > 1; level++) {
        const sibling = (index >>> level) ^ 1
        if (sibling < levelCount(count, level)) siblings.push(nodeAt(level, sibling).slice())
      }
      return siblings
    },
    begin() {
      assert(journal === undefined, 'one journal at a time')
      journal = { count, overwritten: [] }
    },
    undo() {
      assert(journal !== undefined, 'there is something to undo')
      const { count: countBefore, overwritten } = journal
      journal = undefined
      for (const { level, index, node } of overwritten.reverse()) put(level, index, node)
      count = countBefore
      clearChanged()
    },
    keep() {
      journal = undefined
    },
  }
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
