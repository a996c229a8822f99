/** Proves in a real object that the device and the key store keep their contracts, and what they cost. */

import { describe, expect, test } from 'vitest'
import { createDurableObjectKeyStore } from '../../../src/identity/key-store-durable-object.ts'
import { createWorkerdHost } from '../../../src/platform/host-workerd.ts'
import type { ObjectStorage } from '../../../src/platform/workerd.ts'
import { createDurableObjectDevice } from '../../../src/storage/durable-object.ts'
import { CHUNK_BYTES } from '../../../src/storage/durable-object-tables.ts'
import { deviceCases } from '../../../src/testing/device-suite.ts'
import { keyStoreCases } from '../../../src/testing/key-store-suite.ts'
import { countRows } from '../count-rows.ts'
import { here } from '../here.ts'

const host = createWorkerdHost()
const run = crypto.randomUUID()

describe('the Durable Object device', () => {
  for (const { name, run: runCase } of deviceCases()) {
    test(name, () =>
      runCase({
        seed: 20_261_120,
        create: (database) =>
          createDurableObjectDevice(here().ctx.storage, { name: `${run}-${database}`, host }),
      }),
    )
  }

  test('writes one row for a small append, and counts what the cursors said', async () => {
    const { storage, counted } = countRows(here().ctx.storage)
    const device = createDurableObjectDevice(storage, { name: `${run}-rows`, host })
    await device.acquire()
    const [file] = await device.open(['data'])
    file?.write(0, new Uint8Array(CHUNK_BYTES / 2).fill(1))
    await file?.sync()
    const before = counted.rowsWritten
    file?.write(CHUNK_BYTES / 2, new Uint8Array(400).fill(2))
    await file?.sync()
    expect(counted.rowsWritten - before).toBe(1)
    file?.write(0, new Uint8Array(10 * CHUNK_BYTES).fill(3))
    await file?.sync()
    expect(counted.rowsWritten - before).toBe(11)
    file?.close()
    await device.remove(['data'])
    expect(device.rowsWritten).toBe(counted.rowsWritten)
    await device.close()
  })

  test('is undone as a whole when a statement of its transaction fails', async () => {
    const { storage } = here().ctx
    const device = createDurableObjectDevice(failing(storage, 3), { name: `${run}-undone`, host })
    await device.acquire()
    const [file] = await device.open(['data'])
    const bytes = new Uint8Array(5 * CHUNK_BYTES).fill(9)
    file?.write(0, bytes)
    const rows = (): number => [...storage.sql.exec('SELECT place FROM constellite_chunks')].length
    const before = rows()
    expect(() => file?.sync()).toThrow(/could not write/)
    expect(rows()).toBe(before)
    await file?.sync()
    expect(rows()).toBe(before + 5)
    await device.close()
  })
})

describe('the key store in an object', () => {
  for (const { name, run: runCase } of keyStoreCases()) {
    test(name, () =>
      runCase({
        isKept: true,
        open: (copy) =>
          createDurableObjectKeyStore(here().ctx.storage, {
            name: `${run}-${copy}`,
            random: host.random,
          }),
      }),
    )
  }
})

/** `storage`, of which the `nth` write of a chunk fails once. */
function failing(storage: ObjectStorage, nth: number): ObjectStorage {
  let left = nth
  return {
    sql: {
      exec: (query, ...bindings) => {
        const isChunk = query.startsWith('INSERT OR REPLACE INTO constellite_chunks')
        if (isChunk) left -= 1
        if (isChunk && left === 0) throw new Error('disk I/O error')
        return storage.sql.exec(query, ...bindings)
      },
      get databaseSize() {
        return storage.sql.databaseSize
      },
    },
    transactionSync: (task) => storage.transactionSync(task),
    sync: () => storage.sync(),
  }
}
