/** Proves that the Node device keeps the contract of Device on a real disk, and what it does when the
 *  disk does not do its part. */

import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Device, DeviceFile } from '../../src/storage/device.ts'
import { createNodeDevice, type NodeFileCalls } from '../../src/storage/node-fs.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { createRandom } from '../../src/testing/random.ts'
import { testDevice } from '../support/device-cases.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const host = createManualHost()

describe('the Node device passes the device suite', () => {
  const directory = fs.mkdtempSync(join(tmpdir(), 'constellite-suite-'))
  afterAll(() => fs.rmSync(directory, { recursive: true }))
  testDevice((name) => createNodeDevice(host, { name: join(directory, name) }))
})

describe('the Node device passes the device suite with calls of 1000 bytes', () => {
  const directory = fs.mkdtempSync(join(tmpdir(), 'constellite-suite-'))
  afterAll(() => fs.rmSync(directory, { recursive: true }))
  const callBytesMax = 1000
  testDevice((name) => createNodeDevice(host, { name: join(directory, name), callBytesMax }))
})

/** A device in a folder of its own whose calls are these where given, opened. */
async function openWith(
  calls: Partial<NodeFileCalls>,
  callBytesMax = 2 ** 28,
): Promise<{ device: Device; file: DeviceFile; path: string }> {
  const name = join(temporaryDirectory(), 'notes')
  const device = createNodeDevice(host, { name, calls: { ...fs, ...calls }, callBytesMax })
  await device.acquire()
  const [file] = (await device.open(['data'])) as [DeviceFile]
  return { device, file, path: join(`${name}.constellite`, 'data') }
}

function errorWithCode(code: string): Error {
  return Object.assign(new Error(code), { code })
}

test('the database is a folder with plain files, which holds nothing else after a close', async () => {
  const { device, file, path } = await openWith({})
  file.write(0, Uint8Array.of(1, 2, 3))
  await device.close()
  expect([...fs.readFileSync(path)]).toEqual([1, 2, 3])
  expect(fs.readdirSync(join(path, '..'))).toEqual(['data'])
})

test('an open that fails half-way leaves no handle behind', async () => {
  const fds = new Set<number>()
  const { device, path } = await openWith({
    openSync(name, flags, mode) {
      const fd = fs.openSync(name, flags, mode)
      fds.add(fd)
      return fd
    },
    closeSync(fd) {
      fds.delete(fd)
      fs.closeSync(fd)
    },
  })
  fs.mkdirSync(join(path, '..', 'folder'))
  const openBefore = fds.size
  await expect(device.open(['good', 'folder'])).rejects.toMatchObject({ code: 'ErrStorage' })
  expect(fds.size).toBe(openBefore)
  const [good] = await device.open(['good'])
  expect(good?.size()).toBe(0)
  await device.close()
  expect(fds.size).toBe(0)
})

test('a write is cut into calls no longer than the limit, and short writes are completed', async () => {
  const lengths: number[] = []
  const random = createRandom(3)
  const writeSync: NodeFileCalls['writeSync'] = (fd, bytes, start, length, at) => {
    lengths.push(length)
    return fs.writeSync(fd, bytes, start, Math.max(1, random.below(length)), at)
  }
  const { device, file, path } = await openWith({ writeSync }, 5000)
  const bytes = random.bytes(20_000)
  file.write(7, bytes)
  await device.close()
  expect(Math.max(...lengths)).toBe(5000)
  expect(lengths.length).toBeGreaterThan(4)
  expect(new Uint8Array(fs.readFileSync(path)).subarray(7)).toEqual(bytes)
})

test('a write of which the system takes no byte is reported', async () => {
  const { device, file } = await openWith({ writeSync: () => 0 })
  expect(() => file.write(0, Uint8Array.of(1))).toThrowError(
    expect.objectContaining({ code: 'ErrStorage' }),
  )
  await device.close()
})

test.runIf(fs.existsSync('/dev/full'))('a full disk is ErrQuota', async () => {
  const { device, file, path } = await openWith({})
  file.close()
  fs.rmSync(path)
  fs.symlinkSync('/dev/full', path)
  const [full] = (await device.open(['data'])) as [DeviceFile]
  expect(() => full.write(0, new Uint8Array(4096))).toThrowError(
    expect.objectContaining({ code: 'ErrQuota', retry: 'after-repair' }),
  )
  await device.close()
})

test('other errors of the system are ErrStorage with its code and a hint', async () => {
  for (const code of ['EIO', 'EROFS', 'EACCES', 'ENEWHORIZON']) {
    const { device, file } = await openWith({
      fdatasyncSync() {
        throw errorWithCode(code)
      },
    })
    expect(() => file.sync()).toThrowError(
      expect.objectContaining({
        code: 'ErrStorage',
        message: `The storage could not sync data (${code}).`,
        facts: expect.objectContaining({ platformCode: code }),
        hint: expect.stringMatching(/\w/),
      }),
    )
    await device.close()
  }
})

test('the first sync of a file also syncs the folder, after the bytes; later ones do not', async () => {
  const calls: string[] = []
  const { device, file } = await openWith({
    fdatasyncSync(fd) {
      calls.push('file')
      fs.fdatasyncSync(fd)
    },
    fsyncSync(fd) {
      calls.push(fs.fstatSync(fd).isDirectory() ? 'folder' : 'file')
      fs.fsyncSync(fd)
    },
  })
  calls.length = 0
  file.write(0, Uint8Array.of(1))
  await file.sync()
  await file.sync()
  expect(calls).toEqual(['file', 'folder', 'file'])
  file.close()
  await device.remove(['data'])
  expect(calls.slice(3)).toEqual(['folder'])
  await device.close()
})

test('a failed sync of the folder fails the sync of the file, and is tried again by the next', async () => {
  let isFailing = false
  const { device, file } = await openWith({
    fsyncSync(fd) {
      if (isFailing) throw errorWithCode('EIO')
      fs.fsyncSync(fd)
    },
  })
  isFailing = true
  expect(() => file.sync()).toThrowError(expect.objectContaining({ code: 'ErrStorage' }))
  expect(() => file.sync()).toThrowError(expect.objectContaining({ code: 'ErrStorage' }))
  isFailing = false
  await file.sync()
  isFailing = true
  await file.sync()
  await device.close()
})

test('every folder that was made has its name synced in its parent', async () => {
  const opened: string[] = []
  const root = temporaryDirectory()
  const openSync: NodeFileCalls['openSync'] = (path, flags, mode) => {
    opened.push(path)
    return fs.openSync(path, flags, mode)
  }
  const name = join(root, 'one', 'two', 'notes')
  const device = createNodeDevice(host, { name, calls: { ...fs, openSync } })
  await device.acquire()
  await device.close()
  expect(opened).toEqual([join(root, 'one', 'two'), join(root, 'one'), root])
})

test('a file in the place of the folder is ErrStorage, and nothing is owned after it', async () => {
  const name = join(temporaryDirectory(), 'notes')
  fs.writeFileSync(`${name}.constellite`, '')
  const device = createNodeDevice(host, { name })
  await expect(device.acquire()).rejects.toMatchObject({ code: 'ErrStorage' })
  fs.rmSync(`${name}.constellite`)
  await device.acquire()
  await device.close()
})
