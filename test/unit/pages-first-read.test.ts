/** Pages are shown to a check when they are first read from the page file. */

import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/bytes/compare.ts'
import type { PageStore } from '../../src/pages/store.ts'
import { createTestFile, openStore, PAGE_SIZE, pageOf } from './pages-fixtures.ts'

const DAMAGED = 66

function setUp() {
  const file = createTestFile(concatBytes(pageOf(1), pageOf(2), pageOf(3)))
  const store = openStore(file, 3)
  const shown: number[] = []
  store.checkFirstReads((pgno, image) => {
    shown.push(pgno)
    if (image[PAGE_SIZE - 1] === DAMAGED) throw new Error(`page ${pgno} is not what was written`)
  })
  return { file, store, shown }
}

function read(store: PageStore, pgno: number): Uint8Array {
  const target = new Uint8Array(16)
  store.read(pgno, store.version, target, 8)
  return target
}

describe('a store that shows pages at their first read', () => {
  it('shows each once, whole, whatever part of it is read, and none that is in memory', () => {
    const { store, shown } = setUp()
    expect(read(store, 2)).toEqual(pageOf(2).subarray(8, 24))
    read(store, 2)
    store.image(2)
    expect(shown).toEqual([2])
    store.commit(new Map([[3, pageOf(33)]]), 3, PAGE_SIZE)
    expect(read(store, 3)).toEqual(pageOf(33).subarray(8, 24))
    expect(shown).toEqual([2])
  })

  it('refuses the read of a page that the check refuses, every time', () => {
    const { file, store, shown } = setUp()
    file.write(PAGE_SIZE - 1, Uint8Array.of(DAMAGED))
    expect(() => read(store, 1)).toThrow('page 1')
    expect(() => store.image(1)).toThrow('page 1')
    expect(shown).toEqual([1, 1])
  })

  it('shows the pages of another file anew', () => {
    const { store, shown } = setUp()
    read(store, 2)
    store.replace(createTestFile(concatBytes(pageOf(7), pageOf(8))), PAGE_SIZE, 2)
    expect(read(store, 2)).toEqual(pageOf(8).subarray(8, 24))
    expect(shown).toEqual([2, 2])
  })

  it('does not show what only an older version still sees in the file', () => {
    const { store, shown } = setUp()
    const version = store.pin()
    store.commit(new Map([[1, pageOf(11)]]), 3, PAGE_SIZE)
    const target = new Uint8Array(16)
    store.read(1, version, target, 8)
    expect(target).toEqual(pageOf(1).subarray(8, 24))
    expect(shown).toEqual([])
  })
})
