/** The page tree's root is what FORMATS §9 says, however it came about. */

import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import * as hash from '../../src/crypto/hash.ts'
import { verifyPageProof } from '../../src/pages/proof.ts'
import { rebuildPageTree } from '../../src/pages/rebuild.ts'
import { createPageTree, leafOf, zeroLeaf } from '../../src/pages/tree.ts'
import {
  type Model,
  PAGE_SIZE,
  pageOf,
  rootByDefinition,
  transact,
  transactions,
  zeros,
} from './pages-fixtures.ts'

vi.mock('../../src/crypto/hash.ts', { spy: true })

function modelOf(count: number): Model {
  return Array.from({ length: count }, (_, index) => pageOf(index))
}

function changesOf(model: Model): Map<number, Uint8Array> {
  return new Map(model.map((page, index) => [index + 1, page]))
}

function hashesOf(context: string, task: () => void): number {
  const mocks = [vi.mocked(hash.hashOf), vi.mocked(hash.hashPages), vi.mocked(hash.hashPairs)]
  for (const mock of mocks) mock.mockClear()
  task()
  const [one, pages, pairs] = [hash.hashOf, hash.hashPages, hash.hashPairs].map((of) =>
    vi.mocked(of as typeof hash.hashOf).mock.calls.filter((call) => call[0] === context),
  )
  let count = one?.length ?? 0
  for (const call of pages ?? []) count += call[1]?.length ?? 0
  for (const call of pairs ?? []) count += (call[1]?.byteLength ?? 0) / 64
  return count
}

describe('a page tree', () => {
  it('has the root of the definition for every small page count', () => {
    for (let count = 0; count <= 35; count++) {
      const tree = createPageTree()
      tree.advance(changesOf(modelOf(count)), count, PAGE_SIZE)
      expect(tree.root()).toEqual(rootByDefinition(modelOf(count)))
    }
  })

  it('without pages has page size 0 and a top of zeros, also after it had some', () => {
    const tree = createPageTree()
    const empty = tree.root()
    expect(empty).toEqual(rootByDefinition([]))
    tree.advance(changesOf(modelOf(3)), 3, PAGE_SIZE)
    expect(tree.root()).not.toEqual(empty)
    tree.advance(new Map(), 0, PAGE_SIZE)
    expect(tree.root()).toEqual(empty)
    expect(tree.pageSize).toBe(0)
  })

  it('stays equal to full recomputation through any history, asked or previewed at any time', () => {
    const steps = fc.array(
      fc.tuple(transactions, fc.constantFrom('wait', 'root', 'preview', 'drop-preview', 'reload')),
      { maxLength: 25, size: 'max' },
    )
    fc.assert(
      fc.property(steps, (history) => {
        let tree = createPageTree()
        let model: Model = []
        for (const [transaction, ask] of history) {
          const { changes, next } = transact(model, transaction)
          if (ask === 'preview' || ask === 'drop-preview') {
            const root = tree.preview(changes, next.length, PAGE_SIZE)
            expect(root).toEqual(rootByDefinition(next))
          }
          if (ask === 'drop-preview') {
            expect(tree.pageCount).toBe(model.length)
            expect(tree.root()).toEqual(rootByDefinition(model))
          }
          tree.advance(changes, next.length, PAGE_SIZE)
          model = next
          if (ask === 'root') expect(tree.root()).toEqual(rootByDefinition(model))
          if (ask === 'reload') {
            tree = createPageTree({ pageSize: PAGE_SIZE, leaves: tree.leaves() })
          }
          expect(tree.pageCount).toBe(model.length)
        }
        expect(tree.root()).toEqual(rootByDefinition(model))
        for (const [index, page] of model.entries()) {
          expect(tree.leaf(index + 1)).toEqual(leafOf(page))
        }
      }),
      { numRuns: 60 },
    )
  })

  it('gives pages that came back unwritten after a shrink the leaf of zeros', () => {
    const tree = createPageTree()
    tree.advance(changesOf(modelOf(8)), 8, PAGE_SIZE)
    tree.root()
    tree.advance(new Map(), 3, PAGE_SIZE)
    tree.advance(new Map(), 8, PAGE_SIZE)
    expect(tree.leaf(4)).toEqual(zeroLeaf(PAGE_SIZE))
    const expected = modelOf(8).map((page, index) => (index < 3 ? page : zeros()))
    expect(tree.root()).toEqual(rootByDefinition(expected))
  })

  it('gives the lock-byte page the leaf of zeros whatever is written there', () => {
    const pageSize = 65_536
    const tree = createPageTree()
    tree.advance(new Map([[16_385, pageOf(1, pageSize)]]), 16_386, pageSize)
    expect(tree.leaf(16_385)).toEqual(zeroLeaf(pageSize))
  })

  it('hashes a page once however often it changed before the root, and never without a root', () => {
    const tree = createPageTree()
    expect(
      hashesOf('constellite page v1', () => {
        tree.advance(changesOf(modelOf(4)), 4, PAGE_SIZE)
        for (let seed = 0; seed < 5; seed++)
          tree.advance(new Map([[2, pageOf(seed)]]), 4, PAGE_SIZE)
      }),
    ).toBe(0)
    zeroLeaf(PAGE_SIZE)
    expect(hashesOf('constellite page v1', () => tree.root())).toBe(4)
    expect(hashesOf('constellite page v1', () => tree.root())).toBe(0)
  })

  it('hashes nothing again when what was previewed is applied', () => {
    const tree = createPageTree()
    tree.advance(changesOf(modelOf(9)), 9, PAGE_SIZE)
    tree.root()
    const changes = new Map([[9, pageOf(77)]])
    const previewed = tree.preview(changes, 9, PAGE_SIZE)
    let root: Uint8Array = zeros(0)
    const count = hashesOf('constellite node v1', () => {
      tree.advance(changes, 9, PAGE_SIZE)
      root = tree.root()
    })
    expect(root).toEqual(previewed)
    expect(count).toBe(0)
  })

  it('refuses another page size', () => {
    const tree = createPageTree()
    tree.advance(changesOf(modelOf(1)), 1, PAGE_SIZE)
    expect(() => tree.advance(new Map(), 1, 1024)).toThrow('page size')
  })

  it('is rebuilt by hashing, with progress, yielding between batches', async () => {
    const model = [...modelOf(600), zeros(), pageOf(5)]
    let yields = 0
    const progress: number[] = []
    const tree = await rebuildPageTree({
      pageSize: PAGE_SIZE,
      pageCount: model.length,
      readPage: (pgno, target) => target.set(model[pgno - 1] as Uint8Array),
      host: {
        defer(callback) {
          yields += 1
          queueMicrotask(callback)
        },
      },
      onProgress: (done, count) => progress.push(done / count),
    })
    expect(tree.root()).toEqual(rootByDefinition(model))
    expect(yields).toBe(1)
    expect(progress.at(-1)).toBe(1)
  })
})

describe('a page proof', () => {
  it('verifies every page of every small count, and refuses any other page, place or length', () => {
    for (let count = 1; count <= 17; count++) {
      const model = modelOf(count)
      const tree = createPageTree()
      tree.advance(changesOf(model), count, PAGE_SIZE)
      const root = tree.root()
      for (let pgno = 1; pgno <= count; pgno++) {
        const page = model[pgno - 1] as Uint8Array
        const siblings = tree.siblings(pgno)
        const proof = { pageSize: PAGE_SIZE, pageCount: count, pgno, siblings }
        expect(verifyPageProof(root, page, proof)).toBe(true)
        expect(verifyPageProof(root, pageOf(999), proof)).toBe(false)
        expect(verifyPageProof(root, page, { ...proof, pgno: (pgno % count) + 1 })).toBe(
          count === 1,
        )
        expect(verifyPageProof(root, page, { ...proof, pageCount: count + 1 })).toBe(false)
        const longer = { ...proof, siblings: [...siblings, zeros(32)] }
        expect(verifyPageProof(root, page, longer)).toBe(false)
        if (siblings.length > 0) {
          const shorter = { ...proof, siblings: siblings.slice(1) }
          expect(verifyPageProof(root, page, shorter)).toBe(false)
        }
      }
    }
  })
})
