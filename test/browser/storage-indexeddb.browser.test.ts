/** Proves that the IndexedDB device keeps the contract of Device, that a transaction that fails leaves the last
 *  durable state, and that an owner whose database another has opened cannot write. */

import { describe, expect, onTestFinished, test } from 'vitest'
import { failureOf } from '../../src/base/failure.ts'
import { equalBytes } from '../../src/bytes/compare.ts'
import { createBrowserHost } from '../../src/platform/host-browser.ts'
import type { Device, DeviceFile } from '../../src/storage/device.ts'
import { createIndexedDbDevice } from '../../src/storage/indexeddb.ts'
import { databaseOf } from '../../src/storage/indexeddb-layout.ts'
import { nameToFolder } from '../../src/storage/opfs-name.ts'
import { createRandom } from '../../src/testing/random.ts'
import { testDevice } from '../support/device-cases.ts'

const host = createBrowserHost()
const prefix = `run ${Date.now()} `

function createDevice(name: string, more: { isKept?: boolean; who?: string } = {}): Device {
  const { isKept = true, who = host.who } = more
  return createIndexedDbDevice({
    name: prefix + name,
    host: { ...host, who },
    reason: 'a test',
    isKept,
  })
}

async function owned(name: string, who?: string): Promise<Device> {
  const device = createDevice(name, who === undefined ? {} : { who })
  await device.acquire()
  onTestFinished(() => device.close())
  return device
}

async function openOne(device: Device, name = 'data'): Promise<DeviceFile> {
  const [file] = await device.open([name])
  if (file === undefined) throw new Error('open answers a handle for each name')
  return file
}

function contentOf(file: DeviceFile): Uint8Array {
  const bytes = new Uint8Array(file.size())
  file.read(0, bytes)
  return bytes
}

/** What is in the records, read by a device that comes after. */
async function reopened(name: string, file = 'data'): Promise<Uint8Array> {
  return contentOf(await openOne(await owned(name), file))
}

/** Megabytes, which vitest would compare one number at a time. */
function expectSame(found: Uint8Array, expected: Uint8Array): void {
  expect(equalBytes(found, expected)).toBe(true)
}

/** Takes the locks of a database away, as when its owner is believed gone and only sleeps. */
async function stealLock(name: string): Promise<void> {
  const lock = `constellite:${nameToFolder(prefix + name)}`
  await navigator.locks.request(lock, { steal: true }, async () => undefined)
}

describe('the IndexedDB device passes the device suite', () => {
  testDevice((name) => createDevice(name))
})

describe('what it says of itself', () => {
  test('durable with strict transactions, and not where a window keeps nothing', () => {
    expect(createDevice('says')).toMatchObject({
      kind: 'indexeddb',
      durable: true,
      reason: 'a test',
    })
    expect(createDevice('says', { isKept: false }).durable).toBe(false)
  })
})

describe('a sync', () => {
  test('resolves when its transaction is complete: others find it before anything is closed', async () => {
    const device = await owned('complete')
    const file = await openOne(device)
    const bytes = createRandom(1).bytes(100_000)
    file.write(0, bytes)
    await file.sync()
    const connection = await openedRaw('complete')
    const chunks = await rawAll(connection, 'chunks')
    connection.close()
    expect(chunks.map((chunk) => (chunk as Uint8Array).length)).toEqual([
      32_768,
      32_768,
      32_768,
      100_000 - 3 * 32_768,
    ])
  })

  test('writes what was there when it began, whatever is written meanwhile', async () => {
    const device = await owned('meanwhile')
    const file = await openOne(device)
    // More than waits in a transaction at a time, so that the last chunk is handed over later.
    const bytes = createRandom(2).bytes(9_000_000)
    file.write(0, bytes)
    const synced = file.sync()
    await Promise.resolve()
    await Promise.resolve()
    file.write(8_999_000, new Uint8Array(1000).fill(7))
    await synced
    const connection = await openedRaw('meanwhile')
    const last = (await rawAll(connection, 'chunks')).at(-1) as Uint8Array
    connection.close()
    expect(last.at(-1)).toBe(bytes.at(-1))
    await file.sync()
    await device.close()
    const found = await reopened('meanwhile')
    expectSame(found.subarray(8_999_000), new Uint8Array(1000).fill(7))
    expectSame(found.subarray(0, 8_999_000), bytes.subarray(0, 8_999_000))
  })

  test('leaves no record for zeros, and none beyond a cut', async () => {
    const device = await owned('zeros')
    const file = await openOne(device)
    file.write(0, new Uint8Array(1_000_000))
    await file.sync()
    const connection = await openedRaw('zeros')
    expect(await rawAll(connection, 'chunks')).toEqual([])
    file.write(0, new Uint8Array(200_000).fill(1))
    await file.sync()
    file.truncate(40_000)
    file.write(100_000, Uint8Array.of(9))
    await file.sync()
    expect(await rawAll(connection, 'chunks')).toHaveLength(3)
    connection.close()
  })
})

describe('a transaction that is refused in the middle', () => {
  test('is aborted as a whole, with ErrQuota, and leaves the last durable state', async () => {
    const device = await owned('full')
    const file = await openOne(device)
    const before = createRandom(4).bytes(500_000)
    file.write(0, before)
    await file.sync()
    file.write(0, createRandom(5).bytes(9_000_000))
    const restore = refusePut(200)
    await expect(file.sync()).rejects.toMatchObject({ code: 'ErrQuota', retry: 'after-repair' })
    restore()
    await device.close()
    expectSame(await reopened('full'), before)
  })

  test('loses nothing of what was written when there is room again', async () => {
    const device = await owned('room')
    const file = await openOne(device)
    file.write(0, new Uint8Array(400_000).fill(1))
    await file.sync()
    const bytes = createRandom(6).bytes(3_000_000)
    file.truncate(10)
    file.write(0, bytes)
    const restore = refusePut(50)
    await expect(file.sync()).rejects.toMatchObject({ code: 'ErrQuota' })
    file.write(2_000_000, Uint8Array.of(1, 2, 3))
    bytes.set([1, 2, 3], 2_000_000)
    restore()
    await file.sync()
    await device.close()
    expectSame(await reopened('room'), bytes)
  })
})

describe('an owner', () => {
  test('that slept while another took over cannot write, and is told who has it', async () => {
    const sleeper = await owned('sleeper', 'tab that slept')
    const file = await openOne(sleeper)
    file.write(0, Uint8Array.of(1))
    await file.sync()
    await stealLock('sleeper')
    const since = Date.now()
    const next = await owned('sleeper', 'tab that woke')
    const taken = await openOne(next)
    taken.write(0, Uint8Array.of(2))
    await taken.sync()
    file.write(0, Uint8Array.of(3))
    const failure = failureOf(await Promise.resolve(file.sync()).catch((error: unknown) => error))
    expect(failure).toMatchObject({ code: 'ErrInUse', facts: { who: 'tab that woke' } })
    expect(failure.facts['since']).toBeGreaterThanOrEqual(since)
    expect(() => file.write(0, Uint8Array.of(4))).toThrow(
      expect.objectContaining({ code: 'ErrInUse' }),
    )
    await expect(sleeper.remove(['data'])).rejects.toThrow()
    await sleeper.close()
    await next.close()
    expect(await reopened('sleeper')).toEqual(Uint8Array.of(2))
  })

  test('is fenced off by the newest one where there are no Web Locks', async () => {
    Object.defineProperty(navigator, 'locks', { value: undefined, configurable: true })
    onTestFinished(() => {
      // What stands behind it on the prototype shows again.
      Reflect.deleteProperty(navigator, 'locks')
    })
    const file = await openOne(await owned('no locks', 'the first'))
    const next = await owned('no locks', 'the second')
    file.write(0, Uint8Array.of(1))
    await expect(file.sync()).rejects.toMatchObject({
      code: 'ErrInUse',
      facts: { who: 'the second' },
    })
    const taken = await openOne(next)
    taken.write(0, Uint8Array.of(2))
    await taken.sync()
    await next.close()
    expect(await reopened('no locks')).toEqual(Uint8Array.of(2))
  })

  test('whose database is deleted under it is told, and writes nothing more', async () => {
    const device = await owned('deleted')
    const file = await openOne(device)
    file.write(0, Uint8Array.of(1))
    await file.sync()
    const removing = indexedDB.deleteDatabase(databaseOf(nameToFolder(`${prefix}deleted`)))
    await new Promise((resolve) => {
      removing.onsuccess = resolve
    })
    expect(() => file.write(0, Uint8Array.of(2))).toThrow(
      expect.objectContaining({ code: 'ErrInUse' }),
    )
  })
})

/** The tests' Firefox gives an origin 200 MB, of which its journal takes as much again; 100 MB are in
 *  test/consumers/storage-choice.test.ts. */
const LARGE_MIB = 30

describe(`a database of ${LARGE_MIB} MiB`, () => {
  test('is written in one transaction and found again', async () => {
    const device = await owned('large')
    const file = await openOne(device)
    const mebibyte = createRandom(3).bytes(2 ** 20)
    for (let index = 0; index < LARGE_MIB; index++) {
      mebibyte[0] = index
      file.write(index * 2 ** 20, mebibyte)
    }
    await file.sync()
    await device.close()
    const again = await owned('large')
    const found = await openOne(again)
    expect(found.size()).toBe(LARGE_MIB * 2 ** 20)
    const part = new Uint8Array(2 ** 20)
    for (const index of [0, 15, LARGE_MIB - 1]) {
      mebibyte[0] = index
      found.read(index * 2 ** 20, part)
      expectSame(part, mebibyte)
    }
    found.truncate(0)
    await found.sync()
  })
})

async function openedRaw(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(databaseOf(nameToFolder(prefix + name)))
  await new Promise((resolve, reject) => {
    request.onsuccess = resolve
    request.onerror = reject
  })
  return request.result
}

async function rawAll(connection: IDBDatabase, store: string): Promise<readonly unknown[]> {
  const request = connection.transaction(store).objectStore(store).getAll()
  await new Promise((resolve, reject) => {
    request.onsuccess = resolve
    request.onerror = reject
  })
  return request.result
}

/** Makes the browser full at the `count`th record from here on, until the test is over or what it answers is
 *  called.  Chromium looks at a real quota only now and then: test/consumers/storage-choice.test.ts has one. */
function refusePut(count: number): () => void {
  const { put } = IDBObjectStore.prototype
  let left = count
  const restore = (): void => {
    IDBObjectStore.prototype.put = put
  }
  IDBObjectStore.prototype.put = function (...parameters) {
    left -= 1
    if (left < 0) throw new DOMException('full, as a test wants it', 'QuotaExceededError')
    return put.apply(this, parameters)
  }
  onTestFinished(restore)
  return restore
}
