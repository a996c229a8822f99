/** Engine: the official SQLite WASM build over the page VFS of one shard.
 *  Keeps: one commit is one call of `PageSpace.commit`; rollbacks call it never.
 *  Never: touches storage; pages come from and go to the `PageSpace`.
 *
 *  One WASM instance serves all engines of a realm: an instance costs 8 MiB and 10 ms, and a server may
 *  hold hundreds of shards.  What must not be shared is apart: each engine registers a VFS under a name
 *  of its own, with its own transient files, hooks and scratch memory.
 *  Locking is always normal; a lone connection does not go exclusive, so a point SELECT costs three to
 *  four times one of `:memory:`. */

import type { Host } from '../base/host.ts'
import type { DeviceFile } from '../storage/device.ts'
import {
  closedFailure,
  type OwnedConnection,
  openConnection,
  type SqlConnection,
} from './connection.ts'
import { createDatabaseFile } from './database-file.ts'
import { createHeap, createScratch } from './heap.ts'
import { createHookTable } from './hooks.ts'
import type { LoadSqlite, Sqlite3 } from './module.ts'
import { NEW_PAGE_SIZE } from './open-database.ts'
import type { PageSpace } from './page-space.ts'
import type { PragmaFacts } from './pragmas.ts'
import { createBlockPool, TRANSIENT_MEMORY_BYTES_MAX } from './transient-file.ts'
import { createVfs } from './vfs.ts'

export type { SqlConnection } from './connection.ts'
export type { PageSpace } from './page-space.ts'
export type { Row, RunResult, SqlParameters, SqlValue } from './values.ts'

export type ConnectOptions = {
  /** Asked while a statement runs, every few thousand steps; true interrupts it (ErrAborted).  For
   *  deadlines: nothing else can run on this thread meanwhile. */
  readonly shouldStop?: () => boolean
}

export type Engine = {
  /** Connections of one engine see one another's commits at once. */
  connect(role: 'writer' | 'reader', options?: ConnectOptions): SqlConnection
  /** Drops every connection's page cache and parsed schema.  Needed when history was replaced (a cut
   *  tail, an installed snapshot); frames applied in order are seen without it. */
  resetCaches(): void
  /** SQLite's version, "3.54.1". */
  readonly version: string
  close(): void
}

export type EngineOptions = {
  readonly load: LoadSqlite
  readonly space: PageSpace
  readonly host: Host
  /** Where SQLite's temporary files go past `transientMemoryBytesMax`: never synced, emptied at open.
   *  Without it a transaction that needs more fails with ErrQuota. */
  readonly spill?: DeviceFile
  readonly transientMemoryBytesMax?: number
  /** Page cache of each connection. */
  readonly cacheBytesMax?: number
  /** Compiled statements that each connection keeps. */
  readonly statementsMax?: number
}

const CACHE_BYTES_MAX = 8 * 1024 * 1024
const STATEMENTS_MAX = 128

export async function createEngine(options: EngineOptions): Promise<Engine> {
  return buildEngine(await options.load(), options)
}

function buildEngine(sqlite3: Sqlite3, options: EngineOptions): Engine {
  const { space, host } = options
  const heap = createHeap(sqlite3)
  const pool = createBlockPool({
    memoryBytesMax: options.transientMemoryBytesMax ?? TRANSIENT_MEMORY_BYTES_MAX,
    spill: options.spill,
  })
  const scratch = createScratch(heap)
  const hooks = createHookTable(sqlite3)
  // No other living engine of this instance has this address, so the name is its own.
  const nameMark = heap.allocate(1)
  const name = `constellite-${nameMark}`
  const vfs = createVfs({ sqlite3, heap, host, pool, name })
  const file = createDatabaseFile(space)
  const connections = new Set<OwnedConnection>()
  const parts = {
    sqlite3,
    heap,
    scratch,
    hooks,
    vfs,
    file,
    pragmaFacts: () => readPragmaFacts(space),
    cacheBytesMax: options.cacheBytesMax ?? CACHE_BYTES_MAX,
    statementsMax: options.statementsMax ?? STATEMENTS_MAX,
    onClose: (connection: OwnedConnection) => void connections.delete(connection),
  }
  let isOpen = true
  return {
    version: heap.cText(sqlite3.wasm.exports.sqlite3_libversion()),
    connect(role, { shouldStop } = {}) {
      if (!isOpen) throw closedFailure()
      const connection = openConnection({ ...parts, role, shouldStop })
      connections.add(connection)
      return connection
    },
    resetCaches() {
      for (const connection of connections) connection.resetCache()
    },
    close() {
      if (!isOpen) return
      isOpen = false
      for (const connection of connections) connection.close()
      vfs.close()
      hooks.close()
      scratch.close()
      heap.free(nameMark)
      pool.close()
    },
  }
}

const AUTO_VACUUM_ROOT_AT = 52
const INCREMENTAL_AT = 64

function readPragmaFacts(space: PageSpace): PragmaFacts {
  const { pages } = space
  if (pages.pageCount(pages.version) === 0) return { pageSize: NEW_PAGE_SIZE, autoVacuum: 0 }
  const header = pages.image(1)
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength)
  const isAutoVacuum = view.getUint32(AUTO_VACUUM_ROOT_AT) !== 0
  const isIncremental = view.getUint32(INCREMENTAL_AT) !== 0
  return { pageSize: pages.pageSize, autoVacuum: isAutoVacuum ? (isIncremental ? 2 : 1) : 0 }
}
