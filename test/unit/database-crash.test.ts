/** The face over the real rooms on a disk that fails and loses power: what was answered stays. */

import { describe, expect, it } from 'vitest'
import { createLocalConnect } from '../../src/database/assemble.ts'
import { createOpen, type Open } from '../../src/database/open.ts'
import { createTurnScope } from '../../src/database/scope.ts'
import type { Database } from '../../src/database/types.ts'
import type { KeyStore } from '../../src/identity/key-store.ts'
import { createMemoryKeyStore } from '../../src/identity/key-store-memory.ts'
import type { Device } from '../../src/storage/device.ts'
import { createFaultyDisk, type FaultyDisk } from '../../src/storage/faulty.ts'
import { createMemoryDevice, createMemoryDisk } from '../../src/storage/memory.ts'
import type { ManualHost } from '../../src/testing/manual-host.ts'
import { createRandom } from '../../src/testing/random.ts'
import { createTestHost, rejection, settle } from './database-fixtures.ts'
import { createTestPlatform } from './local-platform.ts'

type Machine = { readonly open: Open; readonly host: ManualHost }

/** `open` over one device; the keys stay when the machine is started again. */
function createMachine(makeDevice: (host: ManualHost) => Device, keys: KeyStore): Machine {
  const host = createTestHost()
  const platform = createTestPlatform({ host, device: makeDevice, keys })
  const connect = createLocalConnect(platform)
  const scope = createTurnScope(host)
  const keepAlive = () => () => undefined
  return { host, open: createOpen({ host, scope, keepAlive, keyOf: (name) => name, connect }) }
}

function createKeys(): KeyStore {
  return createMemoryKeyStore((sizeBytes) => createRandom(5).bytes(sizeBytes))
}

const migrations = ['CREATE TABLE t (id INTEGER PRIMARY KEY, x)']

describe('opening', () => {
  it('refuses storage that cannot survive power loss when asked to, and gives it back', async () => {
    const disk = createMemoryDisk()
    const { open } = createMachine((host) => createMemoryDevice(host, disk), createKeys())
    expect((await rejection(open('notes', { durable: true }).ready)).code).toBe('ErrNotDurable')
    const db = await open('notes')
    expect(db.status.storage).toMatchObject({ durable: false, reason: expect.stringMatching(/./) })
    await db.close()
  })

  it('of what another machine has open says who has it, and works when that one closed', async () => {
    const disk = createMemoryDisk()
    const keys = createKeys()
    const [first, second] = [0, 1].map(() =>
      createMachine((host) => createMemoryDevice(host, disk), keys),
    ) as [Machine, Machine]
    const db = await first.open('notes')
    const failure = await rejection(second.open('notes').ready)
    expect(failure).toMatchObject({ code: 'ErrInUse', facts: { who: first.host.who } })
    await db.close()
    await (await second.open('notes')).close()
  })

  it('that fails on the way leaves the storage free', async () => {
    const disk = createMemoryDisk()
    const { open } = createMachine((host) => createMemoryDevice(host, disk), createKeys())
    const broken = open('notes', { migrations: ['CREATE TABLE t (x); nonsense'] })
    expect((await rejection(broken.ready)).code).toBe('ErrMigration')
    const db = await open('notes', { migrations })
    await db.run('INSERT INTO t VALUES (1, 1)')
    await db.close()
  })

  it('with a recovery key that the database was not made with is refused', async () => {
    const disk = createMemoryDisk()
    const { open } = createMachine((host) => createMemoryDevice(host, disk), createKeys())
    await (await open('notes')).close()
    const late = open('notes', { recovery: createRandom(9).bytes(32) })
    expect((await rejection(late.ready)).code).toBe('ErrIdentity')
  })
})

const ROUNDS = 6
const ROWS = ROUNDS * 6

/** Writes numbered rows, alone, at once and in transactions; answers which were answered. */
async function writeUntilItFails(db: Database, next: () => number): Promise<Set<number>> {
  const answered = new Set<number>()
  const insert = async (ids: readonly number[]): Promise<void> => {
    await Promise.all(
      ids.map(async (id) => {
        await db.run('INSERT INTO t VALUES (?, ?)', [id, 'x'.repeat(id % 300)])
        answered.add(id)
      }),
    )
  }
  try {
    for (let round = 0; round < ROUNDS; round++) {
      await insert([next()])
      await insert([next(), next(), next()])
      const pair = [next(), next()]
      await db.transaction(async (tx) => {
        for (const id of pair) await tx.run('INSERT INTO t VALUES (?, ?)', [id, 'y'])
      })
      for (const id of pair) answered.add(id)
    }
  } catch {
    // The disk failed; what was answered until then must be found again.
  }
  return answered
}

async function readIds(db: Database): Promise<Set<number>> {
  const rows = await db.all<{ id: number }>('SELECT id FROM t')
  return new Set(rows.map((row) => row.id))
}

describe('a failing disk', () => {
  it('keeps every answered write, whatever write or sync fails and whatever power loss keeps', async () => {
    let interrupted = 0
    for (let seed = 1; seed <= 24; seed++) {
      const random = createRandom(seed)
      let id = 0
      const keys = createKeys()
      const disk = createFaultyDisk()
      const machine = createMachine((host) => disk.device(host), keys)
      const db = await machine.open('notes', { migrations })
      if (seed % 3 === 0) disk.failWrite(1 + random.below(20), random.below(600))
      else if (seed % 3 === 1) disk.failSync(1 + random.below(12))
      const answered = await writeUntilItFails(db, () => ++id)
      if (answered.size < ROWS) interrupted += 1
      await settle()
      const after: FaultyDisk = disk.crash(() => random.below(2) === 0)
      const again = await createMachine((host) => after.device(host), keys).open('notes', {
        migrations,
      })
      const found = await readIds(again)
      for (const lost of answered) expect(found.has(lost), `seed ${seed}: row ${lost}`).toBe(true)
      expect(await again.get('PRAGMA integrity_check')).toEqual({ integrity_check: 'ok' })
      expect((await again.verify()).ok, `seed ${seed}`).toBe(true)
      await again.run('INSERT INTO t VALUES (?, ?)', [1000, 'after'])
      await again.close()
    }
    expect(interrupted).toBeGreaterThan(6)
  })

  it('poisons the database, which opens again with what was answered', async () => {
    const disk = createFaultyDisk()
    const { open } = createMachine((host) => disk.device(host), createKeys())
    const db = await open('notes', { migrations })
    await db.run('INSERT INTO t VALUES (1, 1)')
    disk.failSync(1)
    expect((await rejection(db.run('INSERT INTO t VALUES (2, 2)'))).code).toBe('ErrPoisoned')
    expect(db.status).toMatchObject({ state: 'failed', failure: { code: 'ErrPoisoned' } })
    const again = await open('notes', { migrations })
    expect((await readIds(again)).has(1)).toBe(true)
    await again.run('INSERT INTO t VALUES (3, 3)')
    await Promise.all([again.close(), db.close()])
  })

  it('that is full refuses the write and goes on when there is room', async () => {
    const disk = createFaultyDisk()
    const { open } = createMachine((host) => disk.device(host), createKeys())
    const db = await open('notes', { migrations })
    await db.run('INSERT INTO t VALUES (1, 1)')
    disk.limitBytes(1)
    const failure = await rejection(db.run('INSERT INTO t VALUES (2, ?)', ['x'.repeat(100_000)]))
    expect(['ErrQuota', 'ErrPoisoned']).toContain(failure.code)
    disk.limitBytes(1 << 30)
    await settle()
    await db.close().catch(() => undefined)
    const again = await open('notes', { migrations })
    expect([...(await readIds(again))]).toContain(1)
    await again.run('INSERT INTO t VALUES (3, 3)')
    await again.close()
  })
})
