/** The page store shows every reader the version that it pinned, whatever is committed, cut, grown and
 *  checkpointed meanwhile, and its page file is exactly one version after each checkpoint. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isFailure } from '../../src/base/failure.ts'
import { createPageStore, type PageStore, type Version } from '../../src/pages/store.ts'
import {
  createTestFile,
  type Model,
  PAGE_SIZE,
  pageOf,
  type TestFile,
  transact,
  transactions,
  zeros,
} from './pages-fixtures.ts'

function openStore(file: TestFile, pageCount: number, retainedBytesMax = 64 << 20): PageStore {
  return createPageStore({
    file,
    pageSize: pageCount === 0 ? 0 : PAGE_SIZE,
    pageCount,
    retainedBytesMax,
  })
}

function readAll(store: PageStore, version: Version): Model {
  const pages = Array.from({ length: store.pageCount(version) }, (_, index) => {
    const page = pageOf(12345)
    expect(store.read(index + 1, version, page, 0)).toBe(true)
    return page
  })
  expect(store.read(pages.length + 1, version, zeros(), 0)).toBe(false)
  return pages
}

function fileAsModel(file: TestFile, pageCount: number): Model {
  expect(file.size()).toBeLessThanOrEqual(pageCount * PAGE_SIZE)
  return Array.from({ length: pageCount }, (_, index) => {
    const page = zeros()
    page.set(file.bytes().subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE))
    return page
  })
}

function commit(store: PageStore, pages: Record<number, Uint8Array>, pageCount: number): Version {
  const changes = new Map(Object.entries(pages).map(([pgno, page]) => [Number(pgno), page]))
  return store.commit(changes, pageCount, PAGE_SIZE)
}

describe('a page store', () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('commit' as const), transactions }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('pin' as const) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('unpin' as const), which: fc.nat() }) },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constant('checkpoint' as const),
          which: fc.option(fc.nat()),
          during: fc.array(transactions, { maxLength: 3 }),
          fails: fc.boolean(),
        }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
    ),
    { maxLength: 30 },
  )

  it('equals a model that keeps every version whole', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (history) => {
        const file = createTestFile(pageOf(99, 3 * PAGE_SIZE))
        let store = openStore(file, 0)
        let model: Model = []
        let checkpointed: Version = 0
        const pinned = new Map<Version, { model: Model; count: number }>()
        const transactOn = (transaction: Parameters<typeof transact>[1]): void => {
          const { changes, next } = transact(model, transaction)
          store.commit(changes, next.length, PAGE_SIZE)
          model = next
        }
        const checkAll = (): void => {
          expect(readAll(store, store.version)).toEqual(model)
          for (const [version, pin] of pinned) expect(readAll(store, version)).toEqual(pin.model)
          for (const [index, page] of model.entries()) expect(store.image(index + 1)).toEqual(page)
        }
        const versionAt = (which: number | null): Version | undefined => {
          const usable = [...pinned.keys()].filter((version) => version >= checkpointed)
          return which === null ? undefined : usable[which % Math.max(1, usable.length)]
        }
        for (const step of history) {
          if (step.do === 'commit') transactOn(step.transactions)
          else if (step.do === 'pin') {
            const version = store.pin()
            pinned.set(version, { model, count: (pinned.get(version)?.count ?? 0) + 1 })
          } else if (step.do === 'unpin') {
            const version = [...pinned.keys()][step.which % Math.max(1, pinned.size)]
            if (version === undefined) continue
            store.unpin(version)
            const pin = pinned.get(version) as { model: Model; count: number }
            if (pin.count === 1) pinned.delete(version)
            else pinned.set(version, { ...pin, count: pin.count - 1 })
          } else if (step.do === 'checkpoint') {
            const at = versionAt(step.which)
            const expected = (at === undefined ? undefined : pinned.get(at)?.model) ?? model
            const atVersion = at ?? store.version
            const dirtyBefore = store.dirtyPages(at)
            const dirtyImages = dirtyBefore.map((pgno) => expected[pgno - 1])
            let written: Model = []
            file.onSync = async () => {
              written = fileAsModel(file, expected.length)
              for (const transaction of step.during) transactOn(transaction)
              checkAll()
              if (step.fails) throw new Error('the flush failed')
            }
            const outcome = store.checkpoint(at).then(
              () => 'done',
              () => 'failed',
            )
            expect(await outcome).toBe(step.fails ? 'failed' : 'done')
            expect(written).toEqual(expected)
            expect(dirtyImages.every((image) => image !== undefined)).toBe(true)
            checkpointed = atVersion
            if (!step.fails && step.during.length === 0 && at === undefined) {
              expect(store.dirtyPages()).toEqual([])
              expect(store.dirtyBytes).toBe(0)
            }
          } else {
            file.onSync = () => {}
            await store.checkpoint()
            // What a crash left beyond the count must stay out of sight.
            file.write(model.length * PAGE_SIZE, pageOf(7, 2 * PAGE_SIZE))
            store = openStore(file, model.length)
            pinned.clear()
            checkpointed = 0
          }
          checkAll()
        }
      }),
      { numRuns: 150 },
    )
  })

  it('reads parts of a page, from memory, from the file and beyond the file', async () => {
    const file = createTestFile()
    const store = openStore(file, 0)
    commit(store, { 1: pageOf(1) }, 2)
    const part = zeros(16)
    for (const source of ['memory', 'file']) {
      store.read(1, store.version, part, 24)
      expect(part, source).toEqual(pageOf(1).subarray(24, 40))
      await store.checkpoint()
    }
    store.read(2, store.version, part, 100)
    expect(part).toEqual(zeros(16))
    expect(() => store.read(1, store.version, part, PAGE_SIZE - 15)).toThrow('inside its page')
  })

  it('does not let cut-off pages come back, neither from memory nor from the page file', async () => {
    for (const checkpointsBetween of [false, true]) {
      const file = createTestFile()
      const store = openStore(file, 0)
      commit(store, { 1: pageOf(1), 2: pageOf(2), 3: pageOf(3) }, 3)
      if (checkpointsBetween) await store.checkpoint()
      commit(store, {}, 1)
      if (checkpointsBetween) await store.checkpoint()
      commit(store, { 3: pageOf(4) }, 3)
      await store.checkpoint()
      expect(readAll(store, store.version)).toEqual([pageOf(1), zeros(), pageOf(4)])
      expect(fileAsModel(file, 3)).toEqual([pageOf(1), zeros(), pageOf(4)])
    }
  })

  it('marks the oldest pin too old past the limit, and nothing else breaks', () => {
    const store = openStore(createTestFile(), 0, 3 * PAGE_SIZE)
    commit(store, { 1: pageOf(1), 2: pageOf(2) }, 2)
    const oldest = store.pin()
    commit(store, { 1: pageOf(3), 2: pageOf(4) }, 2)
    const younger = store.pin()
    commit(store, { 1: pageOf(5) }, 2)
    expect(readAll(store, oldest)).toEqual([pageOf(1), pageOf(2)])
    commit(store, { 2: pageOf(6) }, 2)
    let failure: unknown
    try {
      store.read(1, oldest, zeros(), 0)
    } catch (error) {
      failure = error
    }
    expect(isFailure(failure, 'ErrSnapshotTooOld')).toBe(true)
    expect(store.pageCount(oldest)).toBe(2)
    expect(readAll(store, younger)).toEqual([pageOf(3), pageOf(4)])
    expect(readAll(store, store.version)).toEqual([pageOf(5), pageOf(6)])
    store.unpin(oldest)
    store.unpin(younger)
    expect(() => store.unpin(oldest)).toThrow('pinned')
  })

  it('counts what a checkpoint must keep of the page file against the same limit', async () => {
    const store = openStore(createTestFile(pageOf(1, 4 * PAGE_SIZE)), 4, 2 * PAGE_SIZE)
    const pinned = store.pin()
    commit(store, { 1: pageOf(2), 2: pageOf(3), 3: pageOf(4) }, 3)
    expect(store.read(1, pinned, zeros(), 0)).toBe(true)
    await store.checkpoint()
    expect(() => store.read(1, pinned, zeros(), 0)).toThrow('no longer held')
    expect(readAll(store, store.version)).toEqual([pageOf(2), pageOf(3), pageOf(4)])
  })

  it('keeps no image that no pin can see', () => {
    const store = openStore(createTestFile(), 0, PAGE_SIZE)
    commit(store, { 1: pageOf(0) }, 1)
    const pinned = store.pin()
    for (let seed = 1; seed < 50; seed++) commit(store, { 1: pageOf(seed) }, 1)
    expect(readAll(store, pinned)).toEqual([pageOf(0)])
  })

  it('writes adjacent pages at once, in pieces of at most 1 MiB', async () => {
    const file = createTestFile()
    const store = openStore(file, 0)
    const pages = Object.fromEntries(
      Array.from({ length: 3000 }, (_, index) => [index + 1, pageOf(index & 7)]),
    )
    delete pages[10]
    commit(store, pages, 3000)
    await store.checkpoint()
    expect(file.writes).toEqual([
      { at: 0, sizeBytes: 9 * PAGE_SIZE },
      { at: 10 * PAGE_SIZE, sizeBytes: 1 << 20 },
      { at: (10 + 2048) * PAGE_SIZE, sizeBytes: (3000 - 10 - 2048) * PAGE_SIZE },
    ])
  })

  it('keeps everything when the device is full in the middle of a checkpoint', async () => {
    const file = createTestFile()
    const store = openStore(file, 0)
    commit(store, { 1: pageOf(1), 2: pageOf(2), 3: pageOf(3) }, 3)
    await store.checkpoint()
    const pinned = store.pin()
    commit(store, {}, 1)
    commit(store, { 1: pageOf(4), 3: pageOf(5) }, 3)
    file.quotaBytes = 2 * PAGE_SIZE
    await expect(store.checkpoint()).rejects.toThrow('full')
    expect(readAll(store, store.version)).toEqual([pageOf(4), zeros(), pageOf(5)])
    expect(readAll(store, pinned)).toEqual([pageOf(1), pageOf(2), pageOf(3)])
    file.quotaBytes = Number.POSITIVE_INFINITY
    await store.checkpoint()
    expect(fileAsModel(file, 3)).toEqual([pageOf(4), zeros(), pageOf(5)])
    expect(readAll(store, pinned)).toEqual([pageOf(1), pageOf(2), pageOf(3)])
  })

  it('goes on over another page file, and readers of the old one are told', async () => {
    const store = openStore(createTestFile(pageOf(1, 2 * PAGE_SIZE)), 2)
    const pinned = store.pin()
    commit(store, { 1: pageOf(9) }, 2)
    const next = createTestFile(pageOf(2, 3 * 1024))
    const before = store.version
    store.replace(next, 1024, 3)
    expect(store.version).toBeGreaterThan(before)
    expect(store.pageSize).toBe(1024)
    expect(store.image(3)).toEqual(pageOf(2, 3 * 1024).subarray(2048))
    expect(store.dirtyPages()).toEqual([])
    expect(() => store.read(1, pinned, zeros(), 0)).toThrow('no longer held')
    store.unpin(pinned)
  })

  it('forgets nothing of the new file when it is replaced while a checkpoint waits', async () => {
    const file = createTestFile()
    const store = openStore(file, 0)
    const image = pageOf(1)
    commit(store, { 1: image }, 1)
    const next = createTestFile(pageOf(2))
    file.onSync = () => {
      store.replace(next, PAGE_SIZE, 1)
      commit(store, { 1: image }, 1)
    }
    await store.checkpoint()
    expect(store.dirtyPages()).toEqual([1])
    expect(readAll(store, store.version)).toEqual([image])
  })

  it('keeps an image in memory that was cut off and written again while a checkpoint waited', async () => {
    const file = createTestFile()
    const store = openStore(file, 0)
    const image = pageOf(1)
    commit(store, { 1: pageOf(0), 2: image }, 2)
    file.onSync = () => {
      commit(store, {}, 1)
      commit(store, { 2: image }, 2)
    }
    await store.checkpoint()
    expect(readAll(store, store.version)).toEqual([pageOf(0), image])
  })

  it('shows the lock-byte page as zeros', () => {
    const pageSize = 65_536
    const file = { ...createTestFile(), read: () => expect.unreachable() }
    const store = createPageStore({ file, pageSize, pageCount: 16_385 })
    store.commit(new Map([[16_385, pageOf(1, pageSize)]]), 16_385, pageSize)
    expect(store.image(16_385)).toEqual(zeros(pageSize))
    expect(store.dirtyPages()).toEqual([])
  })

  it('refuses another page size, and versions that nobody pinned', () => {
    const store = openStore(createTestFile(), 0)
    commit(store, { 1: pageOf(1) }, 1)
    expect(() => store.commit(new Map(), 1, 1024)).toThrow('page size')
    expect(() => store.read(1, 0, zeros(), 0)).toThrow('pinned')
    expect(() => store.image(2)).toThrow('page count')
  })
})
