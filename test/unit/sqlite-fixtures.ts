/** Fixtures of the sqlite tests: a page space in memory that records commits and can refuse them. */

import { ConstelliteError, type FailureCode } from '../../src/base/failure.ts'
import type { PageChanges, PageStore, Version } from '../../src/pages/store.ts'
import { createEngine, type Engine, type EngineOptions } from '../../src/sqlite/engine.ts'
import { loadSqliteNode } from '../../src/sqlite/load-node.ts'
import type { PageSpace } from '../../src/sqlite/page-space.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'

export type Commit = {
  readonly changes: PageChanges
  readonly pageCount: number
  readonly pageSize: number
  readonly tables: readonly string[]
}

export type TestSpace = PageSpace & {
  readonly commits: Commit[]
  isReadOnly: boolean
  /** Thrown by the next commit, once. */
  failure: unknown
  pinCount(): number
}

type State = { readonly pages: ReadonlyMap<number, Uint8Array>; readonly pageCount: number }

/** Every version whole, in a map: slow, and too simple to be wrong. */
export function createMemoryPages(): PageStore & { pinCount(): number } {
  const states: State[] = [{ pages: new Map(), pageCount: 0 }]
  let pageSize = 0
  let pins = 0
  const stateOf = (version: Version): State => states[version] as State
  const newest = (): Version => states.length - 1
  const imageOf = (pgno: number, version: Version): Uint8Array =>
    stateOf(version).pages.get(pgno) ?? new Uint8Array(pageSize)
  return {
    get pageSize() {
      return pageSize
    },
    get version() {
      return newest()
    },
    pinCount: () => pins,
    pageCount: (version) => stateOf(version).pageCount,
    read(pgno, version, target, offset) {
      if (pgno > stateOf(version).pageCount) return false
      target.set(imageOf(pgno, version).subarray(offset, offset + target.byteLength))
      return true
    },
    image: (pgno) => imageOf(pgno, newest()),
    pin() {
      pins += 1
      return newest()
    },
    unpin() {
      pins -= 1
    },
    commit(changes, pageCount, size) {
      pageSize = size
      const pages = new Map([...stateOf(newest()).pages, ...changes])
      for (const pgno of pages.keys()) if (pgno > pageCount) pages.delete(pgno)
      states.push({ pages, pageCount })
      return newest()
    },
    dirtyPages: () => [],
    dirtyBytes: 0,
    checkpoint: async () => undefined,
    replace: () => undefined,
  }
}

export function createTestSpace(): TestSpace {
  const pages = createMemoryPages()
  const space: TestSpace = {
    pages,
    isReadOnly: false,
    commits: [],
    failure: undefined,
    pinCount: pages.pinCount,
    commit(transaction) {
      const { failure } = space
      space.failure = undefined
      if (failure !== undefined) throw failure
      space.commits.push(transaction)
      pages.commit(transaction.changes, transaction.pageCount, transaction.pageSize)
    },
  }
  return space
}

export async function createTestEngine(
  space: PageSpace,
  options: Partial<EngineOptions> = {},
): Promise<Engine> {
  const host = createManualHost({ seed: 1 })
  return createEngine({ load: loadSqliteNode, space, host, ...options })
}

export function failure(code: FailureCode): ConstelliteError {
  return new ConstelliteError({ code, message: `Injected ${code}.` })
}

/** The whole database at a version, as one file. */
export function readFile(pages: PageStore, version: Version = pages.version): Uint8Array {
  const count = pages.pageCount(version)
  const file = new Uint8Array(count * pages.pageSize)
  for (let pgno = 1; pgno <= count; pgno++) {
    const at = (pgno - 1) * pages.pageSize
    pages.read(pgno, version, file.subarray(at, at + pages.pageSize), 0)
  }
  return file
}
