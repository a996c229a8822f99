/** Fixtures of the sqlite tests: a page space in memory that records commits and can refuse them. */

import { ConstelliteError, type FailureCode, isFailure } from '../../src/base/failure.ts'
import {
  createPageStore,
  type PageChanges,
  type PageStore,
  type Version,
} from '../../src/pages/store.ts'
import { createEngine, type Engine, type EngineOptions, type Row } from '../../src/sqlite/engine.ts'
import { loadSqliteNode } from '../../src/sqlite/load-node.ts'
import type { PageSpace } from '../../src/sqlite/page-space.ts'
import type { DeviceFile } from '../../src/storage/device.ts'
import { createMemoryDevice } from '../../src/storage/memory.ts'
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
  /** Goes on over another database, as an installed snapshot does. */
  replaceFile(file: Uint8Array): void
}

export async function createMemoryFile(): Promise<DeviceFile> {
  const device = createMemoryDevice(createManualHost())
  await device.acquire()
  const [file] = await device.open(['file'])
  if (file === undefined) throw new Error('The memory device opened no file.')
  return file
}

/** The real page store over `file`; `prefill` is a whole SQLite file to begin with. */
function createTestPages(file: DeviceFile, prefill?: Uint8Array): PageStore {
  if (prefill === undefined) return createPageStore({ file, pageSize: 0, pageCount: 0 })
  file.write(0, prefill)
  const pageSize = pageSizeOf(prefill)
  return createPageStore({ file, pageSize, pageCount: prefill.byteLength / pageSize })
}

/** What is used of the package itself to make stock files. */
type StockSqlite = {
  readonly capi: {
    sqlite3_js_db_export(database: unknown): Uint8Array
    sqlite3_get_autocommit(database: unknown): number
  }
  readonly oo1: { DB: new (name: string) => StockDatabase }
}

type StockDatabase = {
  exec(sql: string): void
  selectObjects(sql: string): Row[]
  close(): void
}

/** Plain SQLite in memory, to compare with. */
export type Oracle = {
  exec(sql: string): void
  all(sql: string): Row[]
  inTransaction(): boolean
  close(): void
}

export async function createOracle(): Promise<Oracle> {
  // The loader's type names only what the engine uses.
  const { capi, oo1 } = (await loadSqliteNode()) as unknown as StockSqlite
  const database = new oo1.DB(':memory:')
  return {
    exec: (sql) => void database.exec(sql),
    all: (sql) => database.selectObjects(sql),
    inTransaction: () => capi.sqlite3_get_autocommit(database) === 0,
    close: () => database.close(),
  }
}

/** A file as plain SQLite makes it. */
export async function createStockFile(sql: string): Promise<Uint8Array> {
  // The loader's type names only what the engine uses.
  const { capi, oo1 } = (await loadSqliteNode()) as unknown as StockSqlite
  const database = new oo1.DB(':memory:')
  try {
    database.exec(sql)
    return capi.sqlite3_js_db_export(database)
  } finally {
    database.close()
  }
}

export function pageSizeOf(file: Uint8Array): number {
  const size = new DataView(file.buffer, file.byteOffset).getUint16(16)
  return size === 1 ? 65536 : size
}

export async function createTestSpace(prefill?: Uint8Array): Promise<TestSpace> {
  const { pages, pinCount } = countPins(createTestPages(await createMemoryFile(), prefill))
  const spare = await createMemoryFile()
  const space: TestSpace = {
    pages,
    isReadOnly: false,
    commits: [],
    failure: undefined,
    pinCount,
    replaceFile(file) {
      spare.write(0, file)
      pages.replace(spare, pageSizeOf(file), file.byteLength / pageSizeOf(file))
    },
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

function countPins(pages: PageStore): { pages: PageStore; pinCount(): number } {
  let count = 0
  // Delegation by prototype keeps the getters of the store.
  const counted: PageStore = Object.create(pages, {
    pin: {
      value: () => {
        count += 1
        return pages.pin()
      },
    },
    unpin: {
      value: (version: Version) => {
        count -= 1
        pages.unpin(version)
      },
    },
  })
  return { pages: counted, pinCount: () => count }
}

export async function createTestEngine(
  space: PageSpace,
  options: Partial<EngineOptions> = {},
): Promise<Engine> {
  const host = createManualHost({ seed: 1 })
  return createEngine({ load: loadSqliteNode, space, host, ...options })
}

export function failure(code: FailureCode): ConstelliteError {
  return new ConstelliteError({ hint: 'Try it.', code, message: `Injected ${code}.` })
}

/** What `work` is refused with, under this code. */
export function refusalOf(code: FailureCode, work: () => unknown): ConstelliteError {
  try {
    work()
  } catch (error) {
    if (isFailure(error, code)) return error
    throw error
  }
  throw new Error('Not refused.')
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
