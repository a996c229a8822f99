/** Databases for the database tests: the real face, executor and SQLite over a shard that only counts
 *  frames, so that a test can hold, count and fail its flushes. */

import type { ConstelliteError } from '../../src/base/failure.ts'
import type { Host } from '../../src/base/host.ts'
import { type Position, toSeq } from '../../src/base/ids.ts'
import type { Core } from '../../src/database/core.ts'
import { type FileAccess, sourceOfBytes } from '../../src/database/files.ts'
import { createLocalCore, type LocalParts } from '../../src/database/local-core.ts'
import { createOpen, type Open } from '../../src/database/open.ts'
import { createQuotaWatch } from '../../src/database/quota-watch.ts'
import type { Connect } from '../../src/database/registry.ts'
import { createTurnScope, type Scope } from '../../src/database/scope.ts'
import type { Database } from '../../src/database/types.ts'
import { createRequestTable } from '../../src/shard/requests.ts'
import type { Advance, Shard } from '../../src/shard/shard.ts'
import { createEngine } from '../../src/sqlite/engine.ts'
import { loadSqliteNode } from '../../src/sqlite/load-node.ts'
import type { PageSpace } from '../../src/sqlite/page-space.ts'
import { createManualHost, type ManualHost } from '../../src/testing/manual-host.ts'
import { createTestSpace } from './sqlite-fixtures.ts'

/** Time by hand, tasks by the runtime: what is deferred runs, what waits for a timer waits. */
export function createTestHost(): ManualHost {
  const manual = createManualHost()
  const host: ManualHost = Object.create(manual, {
    defer: { value: (callback: () => void) => setImmediate(callback) },
  })
  return host
}

/** Lets everything that is not waiting for a timer or a gate happen. */
export async function settle(turns = 20): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
}

export type FakeShard = Shard & {
  readonly space: PageSpace
  flushCount: number
  /** While set, flushes wait. */
  hold(): void
  letGo(): void
  /** The next flush fails with this, and every later one. */
  failNextFlush: ConstelliteError | undefined
  roleNow: 'writer' | 'follower'
  haltedNow: ConstelliteError | undefined
  advance(advance: Partial<Advance>): void
}

const NO_CHECKSUM = new Uint8Array(32)

type Progress = { head: Position; durable: Position; tables: string[] }

/** A gate that flushes wait at. */
function createGate() {
  let gate: { readonly promise: Promise<void>; readonly open: () => void } | undefined
  return {
    passed: async () => gate?.promise,
    hold: () => {
      let open: () => void = () => undefined
      const promise = new Promise<void>((resolve) => {
        open = resolve
      })
      gate = { promise, open }
    },
    letGo: () => {
      gate?.open()
      gate = undefined
    },
  }
}

/** A table without a log behind it. */
function createFakeRequests(head: () => Position): Shard['requests'] {
  const table = createRequestTable(1_000)
  let begun: { readonly id: Uint8Array; readonly after: Position } | undefined
  return {
    find: (id) => table.find(id),
    begin: (id) => {
      begun = { id, after: head() }
    },
    end: (outcome = { type: 'begun' }) => {
      const { seq } = head()
      if (begun !== undefined && seq > begun.after.seq) table.add({ id: begun.id, seq, outcome })
      begun = undefined
    },
  }
}

export async function createFakeShard(): Promise<FakeShard> {
  const space = await createTestSpace()
  const genesis: Position = { seq: toSeq(1), checksum: NO_CHECKSUM }
  const progress: Progress = { head: genesis, durable: genesis, tables: [] }
  const { passed, hold, letGo } = createGate()
  const listeners = new Set<(advance: Advance) => void>()
  const base = {
    id: NO_CHECKSUM,
    flushCount: 0,
    failNextFlush: undefined,
    roleNow: 'writer',
    haltedNow: undefined,
    pages: space.pages,
    authority: [],
    logUse: { sizeBytes: 0, capBytes: 1 },
    requests: createFakeRequests(() => progress.head),
    hold,
    letGo,
    get role() {
      return shard.roleNow
    },
    get isReadOnly() {
      return shard.roleNow === 'follower'
    },
    get halted() {
      return shard.haltedNow
    },
    get head() {
      return progress.head
    },
    get durable() {
      return progress.durable
    },
    commit: (transaction: Parameters<Shard['commit']>[0]) => {
      if (shard.haltedNow !== undefined) throw shard.haltedNow
      space.commit(transaction)
      progress.head = { seq: toSeq(progress.head.seq + 1n), checksum: NO_CHECKSUM }
      progress.tables.push(...transaction.tables)
      return progress.head
    },
    flush: async () => {
      shard.flushCount += 1
      const target = progress.head
      await passed()
      shard.haltedNow ??= shard.failNextFlush
      if (shard.failNextFlush !== undefined) throw shard.failNextFlush
      if (progress.durable.seq === target.seq) return
      progress.durable = target
      shard.advance({ tables: [...new Set(progress.tables.splice(0))] })
    },
    onAdvance: (listener: (advance: Advance) => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    onHalt: () => () => undefined,
    advance: (advance: Partial<Advance>) => {
      const { durable: position } = progress
      for (const tell of listeners) tell({ position, tables: [], origin: 'local', ...advance })
    },
  }
  // The parts of a shard that the database room uses; the others fail loudly as undefined.
  const shard = base as unknown as FakeShard
  // SQLite commits into it.
  return Object.defineProperty(shard, 'space', { value: shard })
}

export const memoryFiles: FileAccess = {
  openSource: async (source) => {
    if (source instanceof Uint8Array) return sourceOfBytes(source)
    throw new Error('The test gives bytes.')
  },
  collect: async (pieces) => {
    const parts: Uint8Array<ArrayBuffer>[] = []
    for await (const piece of pieces) parts.push(Uint8Array.from(piece))
    return new Blob(parts)
  },
  save: async () => {
    throw new Error('The test has no files.')
  },
}

export type FakeParts = LocalParts & { readonly shard: FakeShard }

export async function createFakeParts(
  options: {
    readonly host?: Host
    readonly migrations?: readonly string[]
    shard?: FakeShard
    readonly isScopeExact?: boolean
    readonly isNew?: boolean
  } = {},
): Promise<FakeParts> {
  const host = options.host ?? createTestHost()
  const shard = options.shard ?? (await createFakeShard())
  const openEngine = (space: PageSpace) => createEngine({ load: loadSqliteNode, space, host })
  return {
    host,
    name: 'test',
    address: 'constellite:test',
    shard,
    engine: await openEngine(shard.space),
    openEngine,
    tornBytes: 0,
    isNew: options.isNew ?? false,
    relayCount: 0,
    isScopeExact: options.isScopeExact ?? false,
    owner: undefined,
    startSync: undefined,
    storage: {
      kind: 'memory',
      durable: false,
      persisted: false,
      reason: 'A test.',
      full: undefined,
      rowsWritten: undefined,
    },
    identity: { publicKey: NO_CHECKSUM, stored: 'memory', recoverable: false },
    siteUsage: async () => undefined,
    quota: createQuotaWatch(host),
    files: memoryFiles,
    migrations: options.migrations,
    release: async () => undefined,
  }
}

export type TestRealm = {
  readonly open: Open
  readonly host: ManualHost
  readonly connect: Connect
  /** By name: what the face opened, in order. */
  readonly opened: { name: string; parts: FakeParts; core: Core }[]
  /** Makes the next opening fail. */
  failNext: ConstelliteError | undefined
}

/** `open` over fake shards; a name opened again finds the pages of before. */
export function createTestRealm(
  options: { readonly scope?: (host: Host) => Scope } = {},
): TestRealm {
  const host = createTestHost()
  const shards = new Map<string, FakeShard>()
  const connect: Connect = async (name, given, onProgress) => {
    const { failNext } = realm
    realm.failNext = undefined
    if (failNext !== undefined) throw failNext
    const shard = shards.get(name) ?? (await createFakeShard())
    shards.set(name, shard)
    const { migrations } = given
    const parts = await createFakeParts({
      host,
      isScopeExact: scope.isExact,
      shard,
      ...(migrations === undefined ? {} : { migrations }),
    })
    const core = createLocalCore(parts)
    await core.prepare({ import: given.import, onProgress })
    realm.opened.push({ name, parts, core })
    return core
  }
  const scope = (options.scope ?? createTurnScope)(host)
  const keepAlive = () => () => undefined
  const realm: TestRealm = {
    host,
    connect,
    opened: [],
    failNext: undefined,
    open: createOpen({ host, scope, keepAlive, keyOf: (name) => name, connect }),
  }
  return realm
}

/** What a promise rejected with; fails the test when it did not. */
export async function rejection(promise: PromiseLike<unknown>): Promise<ConstelliteError> {
  try {
    await promise
  } catch (error) {
    // Read field by field by the tests, whatever it is.
    return error as ConstelliteError
  }
  throw new Error('The promise resolved and was expected to reject.')
}

/** A database with a table, and the shard whose flushes can be held. */
export async function openHeld(): Promise<{
  db: Database
  shard: FakeShard
  realm: TestRealm
}> {
  const realm = createTestRealm()
  const db = await realm.open('notes', { migrations: ['CREATE TABLE t (x UNIQUE)'] })
  const shard = realm.opened[0]?.parts.shard as FakeShard
  return { db, shard, realm }
}

/** Whether a promise has settled, without waiting for it. */
export function watchSettled(promise: Promise<unknown>): { isSettled: boolean } {
  const seen = { isSettled: false }
  const settled = (): void => {
    seen.isSettled = true
  }
  promise.then(settled, settled)
  return seen
}
