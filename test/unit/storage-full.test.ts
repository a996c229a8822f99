/** A full storage shows in `status.storage.full` from the first refused write on, until one is durable again. */

import { describe, expect, it } from 'vitest'
import { ConstelliteError } from '../../src/base/failure.ts'
import { createLocalConnect } from '../../src/database/assemble.ts'
import type { Core } from '../../src/database/core.ts'
import { createLocalCore } from '../../src/database/local-core.ts'
import { createQuotaWatch } from '../../src/database/quota-watch.ts'
import { SYNC_OFF } from '../../src/database/status-idle.ts'
import type { StorageStatus, SyncStatus } from '../../src/database/types.ts'
import { createMemoryKeyStore } from '../../src/identity/key-store-memory.ts'
import type { Sync } from '../../src/replication/sync.ts'
import { quotaFailure } from '../../src/storage/failures.ts'
import { createFaultyDisk, type FaultyDisk } from '../../src/storage/faulty.ts'
import type { ManualHost } from '../../src/testing/manual-host.ts'
import { createRandom } from '../../src/testing/random.ts'
import { createFakeParts, createFakeShard, createTestHost, rejection } from './database-fixtures.ts'
import { createTestPlatform } from './local-platform.ts'

type Full = StorageStatus['full']

type Opened = {
  readonly core: Core
  readonly disk: FaultyDisk
  readonly host: ManualHost
  /** Changes of `full`, in order. */
  readonly told: Full[]
}

const call = { caller: 1 }
const query = (sql: string) => ({ sql, parameters: [] })
const INSERT_LARGE = "INSERT INTO t VALUES (hex(randomblob(400000))) RETURNING 'x'"

async function openCore(): Promise<Opened> {
  const host = createTestHost()
  const disk = createFaultyDisk()
  const connect = createLocalConnect(
    createTestPlatform({
      host,
      device: (it) => disk.device(it),
      keys: createMemoryKeyStore((sizeBytes) => createRandom(5).bytes(sizeBytes)),
    }),
  )
  const core = await connect('notes', {}, () => undefined)
  await core.exec('CREATE TABLE t (x)', call)
  return { core, disk, host, told: tellFull(core) }
}

function tellFull(core: Core): Full[] {
  const told: Full[] = []
  core.onStatus(({ storage }) => {
    if (storage?.full !== told.at(-1)) told.push(storage?.full)
  })
  return told
}

/** By each way in which a face writes. */
const WRITES: Readonly<Record<string, (core: Core) => Promise<unknown>>> = {
  run: (core) => core.run(query(INSERT_LARGE), call),
  'all with RETURNING': (core) => core.all(query(INSERT_LARGE), call),
  exec: (core) => core.exec(INSERT_LARGE, call),
  'the commit of a transaction': async (core) => {
    const transaction = await core.begin({ caller: 1, onEnd: () => undefined })
    await core.run(query(INSERT_LARGE), { caller: 1, transaction })
    await core.commit(transaction)
  },
}

describe('a full storage shows in the status', () => {
  it.each(Object.keys(WRITES))(
    'when it refuses %s, and no more when a write passes',
    async (way) => {
      const { core, disk, host, told } = await openCore()
      expect(core.status.storage?.full).toBeUndefined()
      disk.limitBytes(disk.sizeBytes)
      host.advance(5000)
      const failure = await rejection(WRITES[way]?.(core) ?? Promise.resolve())
      expect(failure.code).toBe('ErrQuota')
      const full = { sinceMs: host.now(), hint: failure.hint }
      expect(core.status).toMatchObject({ state: 'open', failure: undefined, storage: { full } })
      expect(told).toEqual([full])

      host.advance(5000)
      await rejection(core.run(query(INSERT_LARGE), call))
      await core.all(query('SELECT * FROM t'), call)
      expect(core.status.storage?.full).toEqual(full)

      disk.limitBytes(Number.POSITIVE_INFINITY)
      await WRITES[way]?.(core)
      expect(core.status.storage?.full).toBeUndefined()
      expect(told).toEqual([full, undefined])
      await core.close()
    },
  )

  it('of a follower, whose relay sends what it has no room for', async () => {
    const shard = await createFakeShard()
    shard.roleNow = 'follower'
    const session = createSession()
    const parts = await createFakeParts({ shard })
    const core = createLocalCore({
      ...parts,
      startSync: () => session.sync,
      get storage() {
        return { ...parts.storage, full: parts.quota.full }
      },
    })
    core.startSync()
    const told = tellFull(core)
    session.tell({ ...SYNC_OFF, failure: quotaFailure('log-0') })
    expect(core.status.storage?.full).toMatchObject({ sinceMs: parts.host.now() })
    shard.advance({ origin: 'applied' })
    expect(core.status.storage?.full).toBeUndefined()
    // The failure of a session stays in its status until another one goes well.
    session.tell({ ...session.sync.status, pending: 1 })
    expect(core.status.storage?.full).toBeUndefined()
    expect(told.map((full) => full !== undefined)).toEqual([true, false])
  })
})

describe('what is not the storage of this copy', () => {
  it('is not shown: a relay that is full, and other failures', () => {
    const watch = createQuotaWatch(createTestHost())
    const facts = { remote: true }
    watch.refused(new ConstelliteError({ code: 'ErrQuota', message: 'Full.', hint: '-', facts }))
    watch.refused(new ConstelliteError({ code: 'ErrWalFull', message: 'Full.', hint: '-' }))
    watch.refused(new Error('full'))
    expect(watch.full).toBeUndefined()
  })

  it('is shown where it is why the log failed', () => {
    const watch = createQuotaWatch(createTestHost())
    const cause = quotaFailure('log-0')
    watch.refused(new ConstelliteError({ code: 'ErrPoisoned', message: '-', hint: '-', cause }))
    expect(watch.full).toMatchObject({ hint: cause.hint })
  })
})

function createSession(): { readonly sync: Sync; tell(status: SyncStatus): void } {
  const listeners = new Set<(status: SyncStatus) => void>()
  let status = SYNC_OFF
  return {
    sync: {
      get status() {
        return status
      },
      anchored: undefined,
      asked: Promise.resolve(),
      onStatus: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
      untilShared: () => Promise.resolve(),
      stop: () => Promise.resolve(),
    },
    tell: (next) => {
      status = next
      for (const listener of listeners) listener(next)
    },
  }
}
