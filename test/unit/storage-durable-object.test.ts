/** Proves that the Durable Object device keeps the contract of Device over a storage that undoes failed
 *  transactions and loses what was not confirmed, writes few rows, and counts them. */

import { describe, expect, test } from 'vitest'
import type { Device, DeviceFile } from '../../src/storage/device.ts'
import { createDurableObjectDevice } from '../../src/storage/durable-object.ts'
import { CHUNK_BYTES } from '../../src/storage/durable-object-tables.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { testDevice } from '../support/device-cases.ts'
import { createFakeObjectStorage, type FakeObjectStorage } from '../support/object-storage.ts'

const host = createManualHost({ who: 'object 1' })

async function openFile(
  storage: FakeObjectStorage,
  options: { readonly capacityBytes?: number } = {},
): Promise<{ device: Device; file: DeviceFile }> {
  const device = createDurableObjectDevice(storage, { name: 'notes', host, ...options })
  await device.acquire()
  const [file] = await device.open(['data'])
  if (file === undefined) throw new Error('open answers a handle for each name')
  return { device, file }
}

function contentOf(file: DeviceFile): Uint8Array {
  const bytes = new Uint8Array(file.size())
  file.read(0, bytes)
  return bytes
}

/** What `task` writes in rows. */
async function rowsOf(storage: FakeObjectStorage, task: () => unknown): Promise<number> {
  const before = storage.rowsWritten
  await task()
  return storage.rowsWritten - before
}

describe('the Durable Object device passes the device suite', () => {
  const storage = createFakeObjectStorage()
  testDevice((name) => createDurableObjectDevice(storage, { name, host }))
})

test('it says what it is', async () => {
  const { device } = await openFile(createFakeObjectStorage())
  expect(device).toMatchObject({ kind: 'durable-object', durable: true, reason: '' })
})

test('ErrInUse in one object; another object has its own databases', async () => {
  const storage = createFakeObjectStorage()
  await openFile(storage)
  const second = createDurableObjectDevice(storage, { name: 'notes', host })
  await expect(second.acquire()).rejects.toMatchObject({
    code: 'ErrInUse',
    facts: { name: 'notes', who: 'object 1', since: host.now() },
  })
  await openFile(createFakeObjectStorage())
})

describe('rows', () => {
  test('a small append is one row, and one transaction a sync, however many writes it had', async () => {
    const storage = createFakeObjectStorage()
    const { file } = await openFile(storage)
    const before = storage.transactionCount
    const rows = await rowsOf(storage, async () => {
      for (let at = 0; at < 100; at++) file.write(at * 10, new Uint8Array(10).fill(at + 1))
      await file.sync()
    })
    expect([rows, storage.transactionCount - before]).toEqual([1, 1])
  })

  test('an append at the border of two chunks is two rows', async () => {
    const storage = createFakeObjectStorage()
    const { file } = await openFile(storage)
    file.write(0, new Uint8Array(CHUNK_BYTES - 5).fill(1))
    await file.sync()
    const rows = await rowsOf(storage, () => {
      file.write(CHUNK_BYTES - 5, new Uint8Array(10).fill(2))
      return file.sync()
    })
    expect(rows).toBe(2)
  })

  test('room that is reserved with zeros costs the row of its end, and none when it is filled', async () => {
    const storage = createFakeObjectStorage()
    const { file } = await openFile(storage)
    const reserved = await rowsOf(storage, () => {
      file.write(0, new Uint8Array(40 * CHUNK_BYTES))
      return file.sync()
    })
    const filled = await rowsOf(storage, () => {
      file.write(0, new Uint8Array(100).fill(7))
      return file.sync()
    })
    expect([reserved, filled, file.size()]).toEqual([1, 1, 40 * CHUNK_BYTES])
  })

  test('a sync of what was read only, or not touched, writes none', async () => {
    const storage = createFakeObjectStorage()
    const { file } = await openFile(storage)
    file.write(0, new Uint8Array(100_000).fill(1))
    await file.sync()
    const rows = await rowsOf(storage, () => {
      contentOf(file)
      return file.sync()
    })
    expect(rows).toBe(0)
  })

  test('all are counted, by one meter for whoever shares it', async () => {
    const storage = createFakeObjectStorage()
    const meter = { rowsWritten: 0 }
    for (const name of ['one', 'two']) {
      const device = createDurableObjectDevice(storage, { name, host, meter })
      await device.acquire()
      const [file] = await device.open(['data'])
      file?.write(0, new Uint8Array(200_000).fill(3))
      await file?.sync()
      file?.truncate(10)
      file?.close()
      await device.remove(['data'])
      expect(device.rowsWritten).toBe(storage.rowsWritten)
    }
    expect(storage.rowsWritten).toBeGreaterThan(14)
  })

  test('none is longer than a chunk, and what is written before a sync stays within bounds', async () => {
    const storage = createFakeObjectStorage()
    const { file } = await openFile(storage)
    const block = new Uint8Array(1_000_000).fill(9)
    for (let index = 0; index < 12; index++) file.write(index * block.length, block)
    const [stored] = storage.rows(
      'SELECT count(*) AS n, max(length(bytes)) AS size FROM constellite_chunks',
    )
    expect(stored?.['size']).toBe(CHUNK_BYTES)
    // Twelve megabytes were written, and most of them did not wait for the sync.
    expect(Number(stored?.['n']) * CHUNK_BYTES).toBeGreaterThan(6_000_000)
    await file.sync()
    expect(contentOf(file).every((byte) => byte === 9)).toBe(true)
  })
})

describe('sizes', () => {
  test('of a file cut and grown again to the size it had, before a sync', async () => {
    const storage = createFakeObjectStorage()
    const { device, file } = await openFile(storage)
    file.write(0, new Uint8Array(3 * CHUNK_BYTES).fill(5))
    await file.sync()
    file.truncate(10)
    file.truncate(3 * CHUNK_BYTES)
    await file.sync()
    await device.close()
    const again = await openFile(storage)
    const expected = new Uint8Array(3 * CHUNK_BYTES)
    expected.fill(5, 0, 10)
    expect(contentOf(again.file)).toEqual(expected)
  })

  test('of a file cut at the border of a chunk', async () => {
    const storage = createFakeObjectStorage()
    const { device, file } = await openFile(storage)
    file.write(2 * CHUNK_BYTES, Uint8Array.of(1))
    await file.sync()
    file.truncate(2 * CHUNK_BYTES)
    await file.sync()
    await device.close()
    const again = await openFile(storage)
    expect(again.file.size()).toBe(2 * CHUNK_BYTES)
  })
})

describe('failures', () => {
  test('what was not synced is lost in a crash, what was is there', async () => {
    const storage = createFakeObjectStorage()
    const { file } = await openFile(storage)
    file.write(0, Uint8Array.of(1, 2, 3))
    await file.sync()
    file.write(1, Uint8Array.of(9))
    const after = await openFile(storage.crash())
    expect(contentOf(after.file)).toEqual(Uint8Array.of(1, 2, 3))
  })

  test('a sync that fails half-way changes no row, and the next one writes all of it', async () => {
    const storage = createFakeObjectStorage()
    const { file } = await openFile(storage)
    file.write(0, new Uint8Array(3 * CHUNK_BYTES).fill(1))
    storage.failStatement('INSERT OR REPLACE INTO constellite_chunks', 2, 'disk I/O error')
    expect(() => file.sync()).toThrowError(expect.objectContaining({ code: 'ErrStorage' }))
    expect(storage.rows('SELECT place FROM constellite_chunks')).toEqual([])
    expect(contentOf(file).every((byte) => byte === 1)).toBe(true)
    await file.sync()
    const after = await openFile(storage.crash())
    expect(contentOf(after.file)).toEqual(new Uint8Array(3 * CHUNK_BYTES).fill(1))
  })

  test('a sync that the platform does not confirm rejects', async () => {
    const storage = createFakeObjectStorage()
    const { file } = await openFile(storage)
    file.write(0, Uint8Array.of(1))
    storage.failSync('Internal error in Durable Object storage write')
    await expect(file.sync()).rejects.toMatchObject({ code: 'ErrStorage' })
  })

  test('a full object is ErrQuota, at the write that would grow a file or at the sync', async () => {
    const storage = createFakeObjectStorage()
    const { file } = await openFile(storage, { capacityBytes: 100_000 })
    expect(() => file.write(0, new Uint8Array(100_000))).toThrowError(
      expect.objectContaining({ code: 'ErrQuota' }),
    )
    expect(file.size()).toBe(0)
    file.write(0, Uint8Array.of(1))
    storage.failStatement('INSERT OR REPLACE', 1, 'database or disk is full: SQLITE_FULL')
    expect(() => file.sync()).toThrowError(expect.objectContaining({ code: 'ErrQuota' }))
  })

  test('a class without SQL storage is told what to do', async () => {
    const storage = createFakeObjectStorage()
    storage.failStatement('CREATE', 1, 'SQL is not enabled for this Durable Object class.')
    const device = createDurableObjectDevice(storage, { name: 'notes', host })
    await expect(device.acquire()).rejects.toMatchObject({
      code: 'ErrStorage',
      hint: expect.stringContaining('new_sqlite_classes'),
    })
    // It was not taken.
    await device.acquire()
  })

  test('tables that somebody else wrote into are ErrCorrupt', async () => {
    const storage = createFakeObjectStorage()
    const { device } = await openFile(storage)
    await device.close()
    storage.sql.exec('UPDATE constellite_files SET chunk_bytes = 0')
    await expect(openFile(storage)).rejects.toMatchObject({ code: 'ErrCorrupt' })
  })
})
