/** What the tests of `pages` share: a page file that can fail, a plain model of a database that keeps
 *  every version whole, and a generator of histories with growth, VACUUM-like shrinking, drops, regrowth
 *  and pages that nobody writes. */

import fc from 'fast-check'
import { expect } from 'vitest'
import { equalBytes } from '../../src/bytes/compare.ts'
import { hashOf } from '../../src/crypto/hash.ts'
import { createPageStore, type PageStore, type Version } from '../../src/pages/store.ts'
import type { DeviceFile } from '../../src/storage/device.ts'

export const PAGE_SIZE = 512

export type TestFile = DeviceFile & {
  readonly bytes: () => Uint8Array
  readonly writes: { at: number; sizeBytes: number }[]
  /** What the next syncs do; by default they succeed at once. */
  onSync: () => void | Promise<void>
  /** Throws from the write that would go past this many bytes. */
  quotaBytes: number
}

export function createTestFile(initial: Uint8Array = new Uint8Array(0)): TestFile {
  let bytes = initial.slice()
  const file: TestFile = {
    bytes: () => bytes,
    writes: [],
    onSync: () => {},
    quotaBytes: Number.POSITIVE_INFINITY,
    size: () => bytes.byteLength,
    read(at, into) {
      const found = bytes.subarray(Math.min(at, bytes.byteLength), at + into.byteLength)
      into.set(found)
      return found.byteLength
    },
    write(at, from) {
      const end = at + from.byteLength
      if (end > file.quotaBytes) throw new Error('the device is full')
      file.writes.push({ at, sizeBytes: from.byteLength })
      if (end > bytes.byteLength) file.truncate(end)
      bytes.set(from, at)
    },
    truncate(sizeBytes) {
      const next = new Uint8Array(sizeBytes)
      next.set(bytes.subarray(0, sizeBytes))
      bytes = next
    },
    sync: () => file.onSync(),
    close() {},
  }
  return file
}

/** A database as one array of whole pages. */
export type Model = readonly Uint8Array[]

export function zeros(sizeBytes: number = PAGE_SIZE): Uint8Array {
  return new Uint8Array(sizeBytes)
}

/** A page that differs for every seed. */
export function pageOf(seed: number, sizeBytes: number = PAGE_SIZE): Uint8Array {
  const page = new Uint8Array(sizeBytes)
  let state = (seed * 2654435761 + 1) >>> 0
  for (let at = 0; at < sizeBytes; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    page[at] = state >>> 24
  }
  return page
}

export type Edit = { readonly place: number; readonly at: number; readonly bytes: Uint8Array }

export type Transaction = {
  readonly kind: 'edit' | 'grow' | 'fill' | 'shrink' | 'vacuum' | 'drop'
  readonly amount: number
  readonly edits: readonly Edit[]
}

const PAGES_MAX = 40

export const transactions: fc.Arbitrary<Transaction> = fc.record({
  kind: fc.constantFrom(
    'edit',
    'edit',
    'fill',
    'fill',
    'grow',
    'shrink',
    'shrink',
    'vacuum',
    'drop',
  ),
  amount: fc.nat(12),
  edits: fc.array(
    fc.record({
      place: fc.nat(PAGES_MAX),
      at: fc.nat(PAGE_SIZE - 1),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    }),
    { maxLength: 4 },
  ),
})

export type Outcome = { readonly changes: Map<number, Uint8Array>; readonly next: Model }

/** What a transaction does to a model.  Pages that come with growth are zeros unless an edit or VACUUM
 *  writes them, and `changes` has only what was written. */
export function transact(model: Model, transaction: Transaction): Outcome {
  const { kind, amount, edits } = transaction
  const count = nextCount(model.length, kind, amount)
  const next = Array.from({ length: count }, (_, index) => model[index] ?? zeros())
  const changes = new Map<number, Uint8Array>()
  const put = (pgno: number, image: Uint8Array): void => {
    next[pgno - 1] = image
    changes.set(pgno, image)
  }
  if (kind === 'fill') {
    for (let pgno = model.length + 1; pgno <= count; pgno++) put(pgno, pageOf(amount * 41 + pgno))
  }
  if (kind === 'vacuum') {
    // VACUUM moves pages from the end into earlier places, then cuts the end off.
    for (let pgno = 1; pgno <= count; pgno += 2) put(pgno, model[model.length - pgno] ?? zeros())
  }
  for (const { place, at, bytes } of edits) {
    if (count === 0) break
    const pgno = (place % count) + 1
    const image = (next[pgno - 1] ?? zeros()).slice()
    image.set(bytes.subarray(0, PAGE_SIZE - at), at)
    put(pgno, image)
  }
  return { changes, next }
}

function nextCount(count: number, kind: Transaction['kind'], amount: number): number {
  if (kind === 'grow' || kind === 'fill') return Math.min(PAGES_MAX, count + amount)
  if (kind === 'shrink' || kind === 'vacuum') return Math.max(1, count - amount)
  if (kind === 'drop') return Math.min(1, count)
  return Math.max(1, count)
}

/** The state root by the words of FORMATS §9, without the code under test. */
export function rootByDefinition(model: Model, pageSize: number = PAGE_SIZE): Uint8Array {
  let level = model.map((page) => hashOf('constellite page v1', page))
  while (level.length > 1) {
    const above: Uint8Array[] = []
    for (let index = 0; index < level.length; index += 2) {
      const [left, right] = [level[index] as Uint8Array, level[index + 1]]
      above.push(right === undefined ? left : hashOf('constellite node v1', left, right))
    }
    level = above
  }
  const sizes = new DataView(new ArrayBuffer(8))
  sizes.setUint32(0, model.length === 0 ? 0 : pageSize)
  sizes.setUint32(4, model.length)
  const top = level[0] ?? new Uint8Array(32)
  return hashOf('constellite root v1', new Uint8Array(sizes.buffer), top)
}

export function openStore(
  file: TestFile,
  pageCount: number,
  retainedBytesMax: number = 64 << 20,
): PageStore {
  return createPageStore({
    file,
    pageSize: pageCount === 0 ? 0 : PAGE_SIZE,
    pageCount,
    retainedBytesMax,
  })
}

/** Every page of a version; nothing above it. */
export function readAll(store: PageStore, version: Version): Model {
  const pages = Array.from({ length: store.pageCount(version) }, (_, index) => {
    const page = pageOf(12345)
    expect(store.read(index + 1, version, page, 0)).toBe(true)
    return page
  })
  expect(store.read(pages.length + 1, version, zeros(), 0)).toBe(false)
  return pages
}

/** The page file as pages, zeros beyond its end. */
export function fileAsModel(file: TestFile, pageCount: number): Model {
  expect(file.size()).toBeLessThanOrEqual(pageCount * PAGE_SIZE)
  return Array.from({ length: pageCount }, (_, index) => {
    const page = zeros()
    page.set(file.bytes().subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE))
    return page
  })
}

/** Compares page by page: a deep comparison of arrays costs a hundred times as much. */
export function expectPages(actual: Model, expected: Model): void {
  expect(actual.length).toBe(expected.length)
  for (const [index, page] of expected.entries()) {
    const found = actual[index] as Uint8Array
    if (!equalBytes(found, page)) expect(found, `page ${index + 1}`).toEqual(page)
  }
}
