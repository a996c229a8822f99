/** Local core: one open database in this thread: calls go to the executor, which runs them over SQLite
 *  and the shard in groups.  Keeps: what `Core` promises.  Never: knows whether a face or a bridge calls. */

import { type ConstelliteError, isFailure } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import type { Signer } from '../crypto/signer.ts'
import type { Sync } from '../replication/sync.ts'
import type { Shard } from '../shard/shard.ts'
import type { Engine, PageSpace } from '../sqlite/engine.ts'
import { ARRIVED, type Arrival, createArrival } from './arrival.ts'
import { createCalls } from './calls.ts'
import { type Connections, createConnections } from './connections.ts'
import type { Core } from './core.ts'
import { createEnding } from './ending.ts'
import { createExecutor, type Executor, NO_CALLER } from './executor.ts'
import { exportPages } from './export-file.ts'
import type { FileAccess } from './files.ts'
import { createIntake, type Intake } from './intake.ts'
import { createLiveQueries, type LiveParts } from './live.ts'
import { createLogRoom } from './log-room.ts'
import { closed, replaced } from './open-failures.ts'
import { ASKED, createOwnHead, type OwnHead } from './own-head.ts'
import type { QuotaWatch } from './quota-watch.ts'
import { createStatusBoard, readStatus, type StatusBoard } from './status.ts'
import { reportStorage } from './storage-report.ts'
import { createTakeOver } from './take-over.ts'
import type { IdentityStatus, RepairReport, StorageReport, StorageStatus } from './types.ts'
import { createUntil } from './until.ts'
import { reportVerify } from './verify.ts'

/** What a core is made of; assemble.ts opens it. */
export type LocalParts = {
  readonly host: Host
  readonly name: string
  readonly address: string
  readonly tornBytes: number
  readonly repaired?: RepairReport | undefined
  /** Made by this opening: there is no backup of it. */
  readonly isNew: boolean
  readonly shard: Shard
  readonly engine: Engine
  /** A database over other pages, to check an import. */
  openEngine(space: PageSpace): Promise<Engine>
  /** How many relays `startSync` connects to. */
  readonly relayCount: number
  readonly isScopeExact: boolean
  /** The owner key that is kept beside this copy, or was given. */
  readonly owner: Signer | undefined
  /** Begins to publish or follow, as the shard's role is; undefined where nothing was asked for. */
  readonly startSync: ((exclusively: Exclusively) => Sync) | undefined
  readonly storage: StorageStatus
  readonly identity: IdentityStatus
  /** Where `storage.full` comes from. */
  readonly quota: QuotaWatch
  siteUsage(): Promise<StorageReport['site']>
  readonly files: FileAccess
  readonly migrations: readonly string[] | undefined
  /** Closes what is below SQLite: shard and device. */
  release(): Promise<void>
}

/** Runs a task that changes pages under SQLite beside no open transaction. */
export type Exclusively = <T>(task: () => Promise<T>) => Promise<T>

export type LocalCore = Core & {
  readonly prepare: Intake['prepare']
  /** Before `prepare`, which writes and so waits for what the relays have. */
  startSync(): void
}

export function createLocalCore(parts: LocalParts): LocalCore {
  const { host, shard, engine, isScopeExact } = parts
  const connections = createConnections(engine, shard)
  const syncing = createSyncing(parts)
  const sync = (): Sync | undefined => syncing.sync
  const room = createLogRoom(host, shard, sync)
  let poisoned: ConstelliteError | undefined
  const board = createStatusBoard(host, () => readStatus(parts, sync()?.status, poisoned))
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
  const live = createLiveQueries(liveParts(parts, executor, connections))
  const reopen = createReopen({ executor, connections, engine })
  const stopListening = listen(parts, { board, live, reopen })
  const flushed = (): Promise<void> => nothingPending(executor)
  const beforeWrite: OwnHead['beforeWrite'] = (signal) => syncing.ownHead.beforeWrite(signal)
  const intake = createIntake({ parts, executor, connections, reopen, beforeWrite })
  const startSync = (): void => syncing.start(executor, () => board.changed('state'))
  return {
    get ready() {
      const { name, address, repaired, tornBytes } = parts
      return { name, address, role: shard.role, import: intake.imported, repaired, tornBytes }
    },
    ended: ending.ended,
    get status() {
      return board.current
    },
    onStatus: (listener) => board.listen(listener),
    ...createCalls({
      executor,
      connections,
      shard,
      arrived: (signal) => syncing.arrival.wait(signal) ?? syncing.ownHead.beforeRead(signal),
      roomy: (signal) => beforeWrite(signal) ?? room.wait(signal),
    }),
    watch: live.add,
    until: createUntil({ shard, relayCount: parts.relayCount, sync, flushed }),
    ...createExports(parts, () => (isFailure(poisoned, 'ErrCleared') ? LEFT : flushed())),
    importFile: (...given) => parts.quota.after(intake.importFile(...given)),
    migrate: intake.migrate,
    prepare: intake.prepare,
    verify: () => flushed().then(() => reportVerify(shard, sync())),
    takeOver: createTakeOver({ ...parts, executor, sync, restartSync: startSync, reopen }),
    startSync,
    close: once(async () => {
      // What waits for a relay's answer was called before.
      await syncing.ownHead.beforeRead()
      // First, because what arrives still needs its turn.
      await sync()?.stop()
      await executor.drain()
      executor.end(closed())
      live.end(closed())
      stopListening()
      connections.close()
      engine.close()
      board.close({ ...board.current, state: poisoned === undefined ? 'closed' : 'failed' })
      await parts.release()
    }),
  }
}

/** Of a cleared site, what is in memory and in deleted files is all that there is, flushed or not. */
const LEFT: Promise<void> = Promise.resolve()

function createExports(
  parts: LocalParts,
  settled: () => Promise<void>,
): Pick<Core, 'exportFile' | 'exportTo' | 'exportKept' | 'storage'> {
  const { host, shard, files } = parts
  const pages = (): AsyncGenerator<Uint8Array, void, void> => exportPages(host, shard.pages)
  return {
    exportFile: () => settled().then(() => files.collect(pages())),
    exportTo: (path) => settled().then(() => files.save(path, pages())),
    exportKept: (file) => files.collect(shard.readKept(file)),
    storage: () => reportStorage(parts),
  }
}

type Syncing = {
  readonly sync: Sync | undefined
  readonly arrival: Arrival
  readonly ownHead: OwnHead
  start(executor: Executor, onStatus: () => void): void
}

/** The sync under way: begun when the database is opened, and anew when it takes the shard over. */
function createSyncing({ host, shard, startSync, isNew, quota }: LocalParts): Syncing {
  let isBegun = isNew
  let sync: Sync | undefined
  let arrival: Arrival = ARRIVED
  let ownHead: OwnHead = ASKED
  return {
    get sync() {
      return sync
    },
    get arrival() {
      return arrival
    },
    get ownHead() {
      return ownHead
    },
    start(executor, onStatus) {
      sync = startSync?.((task) => executor.alone(task))
      if (sync !== undefined) {
        arrival = createArrival(shard, sync)
        ownHead = isBegun ? ASKED : createOwnHead(host, shard, sync)
      }
      isBegun = true
      sync?.onStatus(() => {
        quota.refused(sync?.status.failure)
        onStatus()
      })
      onStatus()
    },
  }
}

function once(close: () => Promise<void>): () => Promise<void> {
  let closing: Promise<void> | undefined
  return () => {
    closing ??= close()
    return closing
  }
}

/** For pages that are wholly others: what SQLite keeps of the old ones goes. */
function createReopen({
  executor: { slot },
  connections,
  engine,
}: {
  readonly executor: Executor
  readonly connections: Connections
  readonly engine: Engine
}): () => void {
  return () => {
    if (slot.open !== undefined) slot.abandon(slot.open, replaced())
    connections.close()
    engine.resetCaches()
  }
}

function listen(
  { shard, quota }: LocalParts,
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
  quota.onChange(() => board.changed('state'))
  const stops = [
    shard.onAdvance(({ origin, tables }) => {
      // A whole other page file, perhaps with another page size.
      if (origin === 'installed') reopen()
      live.changed(origin === 'installed' ? [] : tables)
      quota.passed()
      board.changed('seq')
    }),
    shard.onHalt((failure) => {
      quota.refused(failure)
      board.changed('state')
    }),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

function liveParts(
  { host, shard }: LocalParts,
  executor: Executor,
  connections: Connections,
): LiveParts {
  // A follower that nothing has reached yet has no tables; its queries begin with what arrives first.
  const isWaiting = (): boolean =>
    shard.role === 'follower' && shard.pages.pageCount(shard.pages.version) === 0
  return {
    now: () => host.monotonicNow(),
    turn: (work) => executor.submit({ kind: 'read', caller: NO_CALLER, work }),
    rest: () => new Promise((resolve) => host.defer(resolve)),
    read: ({ sql, parameters }, areTablesWanted) => {
      if (isWaiting()) return { rows: undefined, tables: undefined }
      return connections.read(executor.slot.open !== undefined, (connection) => ({
        rows: connection.all(sql, parameters),
        tables: areTablesWanted ? connection.describe(sql).reads : undefined,
      }))
    },
  }
}

/** Resolves when every call made before it is done and durable. */
function nothingPending(executor: Executor): Promise<void> {
  return executor.submit({ kind: 'read', caller: NO_CALLER, work: () => undefined })
}
