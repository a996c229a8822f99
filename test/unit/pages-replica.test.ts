/** Writer and follower: a follower that applies payloads has the writer's pages and state root, through
 *  VACUUM-like shrinking, drops, regrowth, pages that nobody writes, checkpoints, reopening, and
 *  bootstraps from a snapshot in between; and the root is always that of full recomputation. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { orThrow } from '../../src/base/failure.ts'
import type { Seq } from '../../src/base/ids.ts'
import { applyPayload, decodePayload, encodePayloads } from '../../src/pages/payload.ts'
import { rebuildPageTree } from '../../src/pages/rebuild.ts'
import { createSnapshot, readSnapshot } from '../../src/pages/snapshot.ts'
import { createPageStore, type PageStore } from '../../src/pages/store.ts'
import { createPageTree, type PageTree } from '../../src/pages/tree.ts'
import { genesisOf } from './frame-fixtures.ts'
import {
  createTestFile,
  expectPages,
  type Model,
  PAGE_SIZE,
  pageOf,
  rootByDefinition,
  type TestFile,
  transact,
  transactions,
  zeros,
} from './pages-fixtures.ts'

/** The sealed frame, of whichever chain: pages are what is compared here. */
const frame = genesisOf().frame

type Copy = { file: TestFile; store: PageStore; tree: PageTree }

function createCopy(): Copy {
  const file = createTestFile()
  return {
    file,
    store: createPageStore({ file, pageSize: 0, pageCount: 0 }),
    tree: createPageTree(),
  }
}

function pagesOf({ store }: Copy): Model {
  const count = store.pageCount(store.version)
  return Array.from({ length: count }, (_, index) => store.image(index + 1).slice())
}

function oldImageOf({ store }: Copy): (pgno: number) => Uint8Array | undefined {
  const count = store.pageCount(store.version)
  return (pgno) => (pgno > count ? undefined : store.image(pgno))
}

/** Commits on the writer and answers the payload of each frame. */
function write(writer: Copy, changes: Map<number, Uint8Array>, pageCount: number): Uint8Array[] {
  const sections = encodePayloads(
    { changes, oldImage: oldImageOf(writer), pageSize: PAGE_SIZE, pageCount, tables: [] },
    1500,
  )
  writer.store.commit(changes, pageCount, PAGE_SIZE)
  writer.tree.advance(changes, pageCount, PAGE_SIZE)
  return sections
}

/** Applies a whole transaction where its root is the expected one. */
function apply(follower: Copy, sections: readonly Uint8Array[], root: Uint8Array): void {
  const changes = new Map<number, Uint8Array>()
  let pageCount = 0
  for (const section of sections) {
    const payload = orThrow(decodePayload(section, { pageSize: follower.store.pageSize }))
    const images = orThrow(applyPayload(payload, oldImageOf(follower)))
    for (const [pgno, image] of images) changes.set(pgno, image)
    pageCount = payload.pageCount
  }
  expect(follower.tree.preview(changes, pageCount, PAGE_SIZE)).toEqual(root)
  follower.store.commit(changes, pageCount, PAGE_SIZE)
  follower.tree.advance(changes, pageCount, PAGE_SIZE)
}

/** A new follower from a snapshot of `source`, taken while `source` may go on writing. */
async function bootstrap(source: Copy, meanwhile: () => void): Promise<Copy> {
  const { store, tree } = source
  const version = store.pin()
  const shard = zeros(32)
  const seal = {
    shard,
    author: shard,
    epoch: 0n,
    seq: 1n as Seq,
    checksum: frame.checksum,
    root: tree.root(),
    signature: zeros(64),
  }
  const pageCount = store.pageCount(version)
  const parts = createSnapshot({
    header: {
      shard,
      pageSize: pageCount === 0 ? 0 : PAGE_SIZE,
      pageCount,
      seal,
      head: frame,
      authority: [],
    },
    leaves: tree.leaves(),
    readPage: (pgno, target) => store.read(pgno, version, target, 0),
  })
  meanwhile()
  const file = createTestFile()
  const result = await readSnapshot(parts, {
    header() {},
    pages: (firstPgno, bytes) => file.write((firstPgno - 1) * PAGE_SIZE, bytes),
  })
  store.unpin(version)
  const { pageSize, tree: copied } = orThrow(result)
  return { file, store: createPageStore({ file, pageSize, pageCount }), tree: copied }
}

/** Closes and opens again from the page file and the leaves. */
async function reopen({ file, store, tree }: Copy): Promise<Copy> {
  await store.checkpoint()
  const pageCount = store.pageCount(store.version)
  const pageSize = pageCount === 0 ? 0 : PAGE_SIZE
  return {
    file,
    store: createPageStore({ file, pageSize, pageCount }),
    tree: createPageTree({ pageSize, leaves: tree.leaves() }),
  }
}

const steps = fc.array(
  fc.record({
    transaction: transactions,
    during: transactions,
    after: fc.constantFrom('nothing', 'nothing', 'checkpoint', 'reopen', 'bootstrap', 'rebuild'),
    who: fc.constantFrom('writer', 'follower'),
  }),
  { minLength: 1, maxLength: 20, size: 'max' },
)

describe('a follower', () => {
  it('has the pages and the root of its writer, and both are those of the definition', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (history) => {
        let writer = createCopy()
        let follower = createCopy()
        let model: Model = []
        const step = (transaction: Parameters<typeof transact>[1]): [Uint8Array[], Uint8Array] => {
          const { changes, next } = transact(model, transaction)
          model = next
          const sections = write(writer, changes, next.length)
          return [sections, writer.tree.root()]
        }
        for (const { transaction, during, after, who } of history) {
          apply(follower, ...step(transaction))
          if (after === 'checkpoint')
            await (who === 'writer' ? writer : follower).store.checkpoint()
          else if (after === 'reopen' && who === 'writer') writer = await reopen(writer)
          else if (after === 'reopen') follower = await reopen(follower)
          else if (after === 'bootstrap') {
            let tail: [Uint8Array[], Uint8Array] | undefined
            follower = await bootstrap(writer, () => {
              tail = step(during)
            })
            if (tail !== undefined) apply(follower, ...tail)
          } else if (after === 'rebuild') {
            const { store } = follower
            const tree = await rebuildPageTree({
              pageSize: PAGE_SIZE,
              pageCount: model.length,
              readPage: (pgno, target) => store.read(pgno, store.version, target, 0),
              host: { defer: queueMicrotask },
            })
            expect(tree.leaves()).toEqual(follower.tree.leaves())
            follower = { ...follower, tree }
          }
          expectPages(pagesOf(writer), model)
          expectPages(pagesOf(follower), model)
          expect(follower.tree.root()).toEqual(rootByDefinition(model))
        }
      }),
      { numRuns: 30 },
    )
  })

  it('sees that a payload was applied to other pages than it was made from', () => {
    const writer = createCopy()
    const follower = createCopy()
    const first = write(writer, new Map([[1, pageOf(1)]]), 2)
    apply(follower, first, writer.tree.root())
    follower.store.commit(new Map([[1, pageOf(2)]]), 2, PAGE_SIZE)
    const image = pageOf(1)
    image[7] = 0
    const second = write(writer, new Map([[1, image]]), 2)
    expect(() => apply(follower, second, writer.tree.root())).toThrow()
  })
})
