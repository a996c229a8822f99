/** The page store shows every reader the version that it pinned, whatever is committed, cut, grown and
 *  checkpointed meanwhile, and its page file is exactly one version after each checkpoint. */

import { describe, expect, it } from 'vitest'
import { isFailure } from '../../src/base/failure.ts'
import { createPageStore, type PageStore, type Version } from '../../src/pages/store.ts'
import {
  createTestFile,
  expectPages,
  fileAsModel,
  openStore,
  PAGE_SIZE,
  pageOf,
  readAll,
  zeros,
} from './pages-fixtures.ts'

function commit(store: PageStore, pages: Record<number, Uint8Array>, pageCount: number): Version {
  const changes = new Map(Object.entries(pages).map(([pgno, page]) => [Number(pgno), page]))
  return store.commit(changes, pageCount, PAGE_SIZE)
}

describe('a page store', () => {
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
    expectPages([store.image(16_385)], [zeros(pageSize)])
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
