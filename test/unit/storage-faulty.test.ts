/** Proves that the faulty disk injects the fault model of device.ts: all that it allows, and never
 *  more than it allows. */

import { describe, expect, test } from 'vitest'
import type { Device, DeviceFile } from '../../src/storage/device.ts'
import { createFaultyDisk, type FaultyDisk, type UnsyncedChange } from '../../src/storage/faulty.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { createRandom } from '../../src/testing/random.ts'
import { testDevice } from '../support/device-cases.ts'

const host = createManualHost()

describe('the faulty disk without faults passes the device suite', () => {
  const disks = new Map<string, FaultyDisk>()
  testDevice((name) => {
    const disk = disks.get(name) ?? createFaultyDisk({ name })
    disks.set(name, disk)
    return disk.device(host)
  })
})

async function openDevice(disk: FaultyDisk): Promise<Device> {
  const device = disk.device(host)
  await device.acquire()
  return device
}

async function openFile(disk: FaultyDisk, name = 'log'): Promise<DeviceFile> {
  const [file] = await (await openDevice(disk)).open([name])
  return file as DeviceFile
}

async function contentOf(disk: FaultyDisk, name = 'log'): Promise<Uint8Array | undefined> {
  const device = await openDevice(disk.crash(() => true))
  if (!(await device.list()).includes(name)) return undefined
  const [file] = await device.open([name])
  const bytes = new Uint8Array((file as DeviceFile).size())
  file?.read(0, bytes)
  return bytes
}

const filled = (size: number, byte: number): Uint8Array => new Uint8Array(size).fill(byte)

describe('power loss', () => {
  test('takes nothing that was synced', async () => {
    const disk = createFaultyDisk()
    const file = await openFile(disk)
    file.write(0, filled(2000, 1))
    await file.sync()
    expect(disk.unsynced).toEqual([])
    expect(await contentOf(disk.crash(() => false))).toEqual(filled(2000, 1))
  })

  test('takes a file that was never synced, name and all', async () => {
    const disk = createFaultyDisk()
    const file = await openFile(disk)
    file.write(0, filled(10, 1))
    expect(await contentOf(disk.crash((change) => change.kind !== 'name'))).toBeUndefined()
    expect(await contentOf(disk.crash((change) => change.kind === 'name'))).toEqual(filled(0, 0))
  })

  test('keeps any chosen subset of the sectors of one write', async () => {
    const disk = createFaultyDisk()
    const file = await openFile(disk)
    file.write(0, filled(2048, 1))
    await file.sync()
    file.write(500, filled(1200, 2))
    const sectors = disk.unsynced.map((change) => change.kind === 'bytes' && change.sector)
    expect(sectors).toEqual([0, 1, 2, 3])
    const after = await contentOf(disk.crash((one) => one.kind === 'bytes' && one.sector % 2 === 1))
    const expected = filled(2048, 1)
    expected.fill(2, 512, 1024).fill(2, 1536, 1700)
    expect(after).toEqual(expected)
  })

  test('keeps a size without its bytes as zeros, or bytes without the size after them', async () => {
    const disk = createFaultyDisk()
    const file = await openFile(disk)
    await file.sync()
    file.write(0, filled(1500, 1))
    expect(await contentOf(disk.crash((one) => one.kind === 'size'))).toEqual(filled(1500, 0))
    const second = (one: UnsyncedChange): boolean => one.kind === 'bytes' && one.sector === 1
    const expected = filled(1024, 0)
    expected.fill(1, 512)
    expect(await contentOf(disk.crash(second))).toEqual(expected)
  })

  test('keeps the older of two unsynced writes of a sector when only that one is kept', async () => {
    const disk = createFaultyDisk()
    const file = await openFile(disk)
    file.write(0, filled(512, 0))
    await file.sync()
    file.write(0, filled(512, 1))
    file.write(0, filled(512, 2))
    let asked = 0
    expect(await contentOf(disk.crash(() => asked++ === 0))).toEqual(filled(512, 1))
    expect(asked).toBe(2)
  })

  test('undoes an unsynced truncate, or keeps it', async () => {
    const disk = createFaultyDisk()
    const file = await openFile(disk)
    file.write(0, filled(1000, 1))
    await file.sync()
    file.truncate(10)
    expect(await contentOf(disk.crash(() => false))).toEqual(filled(1000, 1))
    expect(await contentOf(disk.crash(() => true))).toEqual(filled(10, 1))
  })

  test('leaves a file its old length when the truncate is undone but a later write kept', async () => {
    const disk = createFaultyDisk()
    const file = await openFile(disk)
    file.write(0, filled(2000, 1))
    await file.sync()
    file.truncate(0)
    file.write(0, filled(600, 2))
    const [truncated] = disk.unsynced
    expect(truncated).toEqual({ kind: 'size', file: 'log', sizeBytes: 0 })
    let asked = 0
    const expected = filled(2000, 1)
    expected.fill(2, 0, 600)
    expect(await contentOf(disk.crash(() => asked++ > 0))).toEqual(expected)
  })

  test('brings a removed file back, until a new file of that name is synced', async () => {
    const disk = createFaultyDisk()
    const device = await openDevice(disk)
    const [old] = await device.open(['log'])
    old?.write(0, filled(3, 1))
    await old?.sync()
    old?.close()
    await device.remove(['log'])
    expect(await contentOf(disk.crash(() => false))).toEqual(filled(3, 1))
    expect(await contentOf(disk.crash(() => true))).toBeUndefined()
    const [fresh] = await device.open(['log'])
    expect(await contentOf(disk.crash(() => false))).toEqual(filled(3, 1))
    await fresh?.sync()
    expect(await contentOf(disk.crash(() => false))).toEqual(filled(0, 0))
  })

  test('frees ownership and leaves the disk before it alone', async () => {
    const disk = createFaultyDisk()
    const file = await openFile(disk)
    file.write(0, filled(5, 1))
    const after = disk.crash(() => true)
    const [survivor] = await (await openDevice(after)).open(['log'])
    survivor?.write(0, filled(5, 9))
    const found = filled(5, 0)
    file.read(0, found)
    expect(found).toEqual(filled(5, 1))
  })
})

describe('faults', () => {
  test('the chosen write fails after the bytes it was told to keep, the others succeed', async () => {
    const disk = createFaultyDisk()
    const file = await openFile(disk)
    disk.failWrite(2, 4)
    file.write(0, filled(10, 1))
    expect(() => file.write(0, filled(10, 2))).toThrowError(
      expect.objectContaining({ code: 'ErrStorage' }),
    )
    expect(await contentOf(disk)).toEqual(Uint8Array.of(2, 2, 2, 2, 1, 1, 1, 1, 1, 1))
    file.write(0, filled(10, 3))
    expect(disk.writeCount).toBe(3)
  })

  test('what a failed sync covered stays unsynced after a later sync, until written again', async () => {
    const disk = createFaultyDisk()
    const file = await openFile(disk)
    file.write(0, filled(1536, 1))
    await file.sync()
    file.write(0, filled(1024, 2))
    disk.failSync(1)
    expect(() => file.sync()).toThrowError(expect.objectContaining({ code: 'ErrStorage' }))
    file.write(256, filled(512, 3))
    await file.sync()
    const expected = filled(1536, 1)
    expected.fill(3, 256, 768)
    expect(await contentOf(disk.crash(() => false))).toEqual(expected)
    expected.fill(2, 0, 256).fill(2, 768, 1024)
    expect(await contentOf(disk.crash(() => true))).toEqual(expected)
  })

  test('a full disk takes what fits and says ErrQuota', async () => {
    const disk = createFaultyDisk()
    const device = await openDevice(disk)
    const [log, pages] = await device.open(['log', 'pages'])
    pages?.write(0, filled(600, 1))
    disk.limitBytes(1000)
    expect(() => log?.write(0, filled(500, 1))).toThrowError(
      expect.objectContaining({ code: 'ErrQuota', retry: 'after-repair' }),
    )
    expect(log?.size()).toBe(400)
    expect(() => log?.truncate(401)).toThrowError(expect.objectContaining({ code: 'ErrQuota' }))
    pages?.write(0, filled(600, 2))
    pages?.truncate(0)
    log?.write(0, filled(1000, 3))
  })

  test('a slow sync covers what was written before it began, and only once it is over', async () => {
    const slowHost = createManualHost()
    const disk = createFaultyDisk({ syncDelayMs: 10 })
    const device = disk.device(slowHost)
    await device.acquire()
    const [file] = (await device.open(['log'])) as [DeviceFile]
    file.write(0, filled(512, 1))
    const synced = file.sync()
    file.write(512, filled(512, 2))
    await slowHost.advance(9)
    expect(await contentOf(disk.crash(() => false))).toBeUndefined()
    await slowHost.advance(1)
    await synced
    expect(await contentOf(disk.crash(() => false))).toEqual(filled(512, 1))
  })
})

test('every byte after power loss is one of those written since the sync before it', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = createRandom(seed)
    const disk = createFaultyDisk()
    const file = await openFile(disk)
    file.write(0, random.bytes(4096))
    await file.sync()
    const possible = Array.from({ length: 4096 }, () => new Set<number>())
    const note = (): void => {
      const bytes = filled(4096, 0)
      file.read(0, bytes)
      for (const [at, byte] of bytes.entries()) possible[at]?.add(byte)
    }
    note()
    for (let step = 0; step < 30; step++) {
      const at = random.below(4000)
      file.write(at, random.bytes(1 + random.below(Math.min(1500, 4096 - at))))
      if (random.chance(0.1)) {
        await file.sync()
        for (const set of possible) set.clear()
      }
      note()
    }
    const after = await contentOf(disk.crash(() => random.chance(0.5)))
    const wrong = after?.findIndex((byte, at) => !possible[at]?.has(byte))
    expect(wrong, `seed ${seed}`).toBe(-1)
  }
})
