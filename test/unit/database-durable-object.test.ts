/** Proves over an object's storage that loses what was not confirmed: acknowledged rows are there after a crash at
 *  any moment, a full object refuses a commit and nothing else, and a write that the platform does not confirm
 *  is not acknowledged.  test/workerd/ runs the same against the real storage. */

import { expect, onTestFinished, test } from 'vitest'
import type { ConstelliteError } from '../../src/base/failure.ts'
import { createLocalConnect } from '../../src/database/assemble.ts'
import { createOpen } from '../../src/database/open.ts'
import { createTurnScope } from '../../src/database/scope.ts'
import type { Database } from '../../src/database/types.ts'
import { createDurableObjectKeyStore } from '../../src/identity/key-store-durable-object.ts'
import { createNodeFiles } from '../../src/platform/files-node.ts'
import { createNodeHost } from '../../src/platform/host-node.ts'
import { loadSqliteNode } from '../../src/sqlite/load-node.ts'
import { createDurableObjectDevice } from '../../src/storage/durable-object.ts'
import { createRandom } from '../../src/testing/random.ts'
import { createFakeObjectStorage, type FakeObjectStorage } from '../support/object-storage.ts'

const migrations = ['CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)']

async function openOn(
  storage: FakeObjectStorage,
  options: { readonly capacityBytes?: number } = {},
): Promise<Database> {
  const host = createNodeHost()
  const meter = { rowsWritten: 0 }
  const given = { name: 'notes', host, meter, ...options }
  const open = createOpen({
    host,
    scope: createTurnScope(host),
    keepAlive: () => () => undefined,
    keyOf: (name) => name,
    connect: createLocalConnect({
      host,
      device: () => createDurableObjectDevice(storage, given),
      keyStore: () =>
        createDurableObjectKeyStore(storage, { name: 'notes', random: host.random, meter }),
      transport: () => {
        throw new Error('nothing is replicated here')
      },
      loadSqlite: () => loadSqliteNode,
      files: createNodeFiles(),
      isScopeExact: false,
      titleOf: (name) => name,
      isPersisted: async () => true,
    }),
  })
  const db = await open('notes', { migrations })
  // One that failed has told so where it failed.
  onTestFinished(() => db.close().catch(() => undefined))
  return db
}

async function idsOf(db: Database): Promise<number[]> {
  const rows = await db.all<{ id: number }>`SELECT id FROM note ORDER BY id`
  return rows.map(({ id }) => id)
}

const seed = 20_261_120

test(`acknowledged rows outlive the loss of what was not confirmed, at any moment (seed ${seed})`, async () => {
  const random = createRandom(seed)
  let storage = createFakeObjectStorage()
  let acknowledged: number[] = []
  for (let round = 0; round < 4; round++) {
    const db = await openOn(storage)
    expect(await idsOf(db)).toEqual(expect.arrayContaining(acknowledged))
    expect(await db.get`PRAGMA integrity_check`).toEqual({ integrity_check: 'ok' })
    expect((await db.verify()).ok).toBe(true)
    acknowledged = await idsOf(db)
    const crashAfter = 1 + random.below(25)
    const writing = Array.from({ length: 4 }, async (_, writer) => {
      for (let index = 0; acknowledged.length < crashAfter + round * 25; index++) {
        const id = round * 10_000 + writer * 1_000 + index
        await db.run`INSERT INTO note VALUES (${id}, ${'x'.repeat(random.below(2_000))})`
        acknowledged.push(id)
      }
    })
    await Promise.race(writing)
    const after = storage.crash()
    const before = [...acknowledged]
    await Promise.all(writing)
    acknowledged = before
    storage = after
  }
})

test('a full object refuses the commit that has no room, keeps the rest and goes on', async () => {
  const storage = createFakeObjectStorage()
  const db = await openOn(storage, { capacityBytes: 1_000_000 })
  const large = 'x'.repeat(50_000)
  let failure: ConstelliteError | undefined
  let count = 0
  for (; failure === undefined && count < 100; count++) {
    failure = await db.run`INSERT INTO note (body) VALUES (${large})`.then(
      () => undefined,
      (error: ConstelliteError) => error,
    )
  }
  expect(failure?.code).toBe('ErrQuota')
  expect(db.status.state).toBe('open')
  expect(await idsOf(db)).toHaveLength(count - 1)
  expect((await db.verify()).ok).toBe(true)
  expect(storage.sql.databaseSize).toBeLessThan(1_200_000)
})

test('a write that the platform does not confirm is not acknowledged, and what was before is there', async () => {
  const storage = createFakeObjectStorage()
  const db = await openOn(storage)
  await db.run`INSERT INTO note VALUES (1, 'confirmed')`
  storage.failSync('Internal error in Durable Object storage write')
  const writing = db.run`INSERT INTO note VALUES (2, 'not confirmed')`
  await expect(writing).rejects.toMatchObject({ code: 'ErrPoisoned' })
  expect(db.status.state).toBe('failed')
  const again = await openOn(storage.crash())
  expect(await idsOf(again)).toEqual([1])
  expect((await again.verify()).ok).toBe(true)
})
