/** Local core: one open database in this thread: calls go to the executor, which runs them over SQLite
 *  and the shard in groups.  Keeps: what `Core` promises.  Never: knows whether a face or a bridge calls. */

import { type ConstelliteError, failureOf } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import type { Sync } from '../replication/sync.ts'
import type { Shard } from '../shard/shard.ts'
import type { Engine, PageSpace } from '../sqlite/engine.ts'
import { ARRIVED, type Arrival, createArrival } from './arrival.ts'
import { createCalls } from './calls.ts'
import { type Connections, createConnections } from './connections.ts'
import type { Core, CoreImport } from './core.ts'
import { createEnding } from './ending.ts'
import { createExecutor, type Executor, NO_CALLER } from './executor.ts'
import { exportPages } from './export-file.ts'
import type { FileAccess } from './files.ts'
import { checkFile } from './import-file.ts'
import { createLiveQueries, type LiveParts } from './live.ts'
import { applyMigrations } from './migrations.ts'
import { closed, importStands, notEmpty, notOurs, replaced } from './open-failures.ts'
import { createStatusBoard, readStatus, type StatusBoard } from './status.ts'
import type { IdentityStatus, ImportReport, ImportSource, StorageStatus } from './types.ts'
import { createUntil } from './until.ts'
import { reportVerify } from './verify.ts'

/** What a core is made of; assemble.ts opens it. */
export type LocalParts = {
  readonly host: Host
  readonly name: string
  readonly address: string
  readonly shard: Shard
  readonly engine: Engine
  /** A database over other pages, to check an import. */
  openEngine(space: PageSpace): Promise<Engine>
  /** How many relays `startSync` connects to. */
  readonly relayCount: number
  readonly isScopeExact: boolean
  /** Begins to publish or follow; undefined where nothing was asked for. */
  readonly startSync: ((exclusively: Exclusively) => Sync) | undefined
  readonly storage: StorageStatus
  readonly identity: IdentityStatus
  readonly files: FileAccess
  readonly migrations: readonly string[] | undefined
  /** Closes what is below SQLite: shard and device. */
  release(): Promise<void>
}

/** Runs a task that changes pages under SQLite beside no open transaction. */
export type Exclusively = <T>(task: () => Promise<T>) => Promise<T>

export type LocalCore = Core & {
  /** Brings a core that nobody uses yet to where its options want it: the import, then the migrations. */
  prepare(options: { readonly import?: ImportSource | undefined } & CoreImport): Promise<void>
  /** The last step of opening: after the import and the migrations. */
  startSync(): void
}

/** An empty database stands at its genesis. */
const GENESIS_SEQ = 1n

export function createLocalCore(parts: LocalParts): LocalCore {
  const { host, shard, engine, files, isScopeExact } = parts
  const connections = createConnections(engine, shard)
  let sync: Sync | undefined
  let arrival: Arrival = ARRIVED
  let poisoned: ConstelliteError | undefined
  let imported: ImportReport | undefined
  const board = createStatusBoard(host, () => readStatus(parts, sync?.status, poisoned))
  const ending = createEnding()
  const executor = createExecutor({
    host,
    shard,
    isScopeExact,
    onPoisoned: (failure) => {
      poisoned = failure
      live.end(failure)
      connections.close()
      board.changed('state')
      ending.tell(failure)
    },
  })
  const live = createLiveQueries({ read: liveReader(shard, executor, connections) })
  const reopen = (): void => {
    const { open } = executor.slot
    if (open !== undefined) executor.slot.abandon(open, replaced())
    connections.close()
    engine.resetCaches()
  }
  const stopListening = listen(parts, { board, live, reopen })
  const flushed = (): Promise<void> => nothingPending(executor)
  const importSource: Core['importFile'] = (source, options) =>
    executor.alone(async () => {
      const report = await importFile(parts, source, options)
      reopen()
      migrateImported(parts, connections)
      return report
    }, options.signal)
  const close = async (): Promise<void> => {
    // First, because what arrives still needs its turn.
    await sync?.stop()
    await executor.drain()
    executor.end(closed())
    live.end(closed())
    stopListening()
    connections.close()
    engine.close()
    board.close({ ...board.current, state: poisoned === undefined ? 'closed' : 'failed' })
    await parts.release()
  }

  return {
    get ready() {
      return { name: parts.name, address: parts.address, role: shard.role, import: imported }
    },
    ended: ending.ended,
    get status() {
      return board.current
    },
    onStatus: (listener) => board.listen(listener),
    ...createCalls({
      executor,
      connections,
      head: () => shard.head.seq,
      arrived: (signal) => arrival.wait(signal),
    }),
    watch: (query, listener) => live.add(query, listener),
    until: createUntil({ shard, relayCount: parts.relayCount, sync: () => sync, flushed }),
    exportFile: () => flushed().then(() => files.collect(exportPages(host, shard.pages))),
    exportTo: (path) => flushed().then(() => files.save(path, exportPages(host, shard.pages))),
    importFile: importSource,
    prepare: async (options) => {
      if (options.import === undefined)
        return executor.alone(async () => migrate(parts, connections))
      imported = await importSource(options.import, options)
    },
    verify: () => flushed().then(() => reportVerify(shard)),
    startSync: () => {
      sync = parts.startSync?.((task) => executor.alone(task))
      if (sync !== undefined) arrival = createArrival(shard, sync)
      sync?.onStatus(() => board.changed('state'))
      board.changed('state')
    },
    close: once(close),
  }
}

function once(close: () => Promise<void>): () => Promise<void> {
  let closing: Promise<void> | undefined
  return () => {
    closing ??= close()
    return closing
  }
}

function migrate(parts: LocalParts, connections: Connections): void {
  const { migrations } = parts
  if (migrations === undefined) return
  connections.outside((writer) => applyMigrations(writer, migrations))
}

function migrateImported(parts: LocalParts, connections: Connections): void {
  try {
    migrate(parts, connections)
  } catch (error) {
    throw importStands(failureOf(error))
  }
}

async function importFile(
  parts: LocalParts,
  source: ImportSource,
  { onProgress, signal }: CoreImport,
): Promise<ImportReport> {
  const { shard } = parts
  if (shard.role !== 'writer') throw notOurs()
  if (shard.head.seq > GENESIS_SEQ) throw notEmpty(shard.head.seq)
  const file = await parts.files.openSource(source)
  try {
    const { header, warnings, pages } = await checkFile(file, parts.openEngine)
    const { seq } = await shard.importPages({
      ...pages,
      ...(onProgress === undefined ? {} : { onProgress }),
      ...(signal === undefined ? {} : { signal }),
    })
    const { pageSize, pageCount } = header
    return { pageSize, pageCount, sizeBytes: pageSize * pageCount, seq, warnings }
  } finally {
    file.close()
  }
}

function listen(
  { shard }: LocalParts,
  {
    board,
    live,
    reopen,
  }: {
    readonly board: StatusBoard
    readonly live: ReturnType<typeof createLiveQueries>
    readonly reopen: () => void
  },
): () => void {
  const stops = [
    shard.onAdvance(({ origin, tables }) => {
      // A whole other page file, perhaps with another page size.
      if (origin === 'installed') reopen()
      live.changed(origin === 'installed' ? [] : tables)
      board.changed('seq')
    }),
    shard.onHalt(() => board.changed('state')),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

function liveReader(shard: Shard, executor: Executor, connections: Connections): LiveParts['read'] {
  // A follower that nothing has reached yet has no tables; its queries begin with what arrives first.
  const isWaiting = (): boolean =>
    shard.role === 'follower' && shard.pages.pageCount(shard.pages.version) === 0
  return ({ sql, parameters }, areTablesWanted) =>
    executor.submit({
      kind: 'read',
      caller: NO_CALLER,
      work: () => {
        if (isWaiting()) return { rows: undefined, tables: undefined }
        return connections.read(executor.slot.open !== undefined, (connection) => ({
          rows: connection.all(sql, parameters),
          tables: areTablesWanted ? connection.describe(sql).reads : undefined,
        }))
      },
    })
}

/** Resolves when every call made before it is done and durable. */
function nothingPending(executor: Executor): Promise<void> {
  return executor.submit({ kind: 'read', caller: NO_CALLER, work: () => undefined })
}
