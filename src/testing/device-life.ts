/** Device cases about files coming and going, and about misuse. */

import type { DeviceFile } from '../storage/device.ts'
import { ascii, type DeviceCase, openOne, readAll, withDevice, withFile } from './device-harness.ts'
import { expectAssertion, expectBytes, expectEqual, expectFailure } from './expect.ts'

export const directoryCases: readonly DeviceCase[] = [
  {
    name: 'content outlives sync, close and a new device, each name its own',
    async run(context) {
      await withDevice(context, 'a', async (device) => {
        const files = await device.open(['two', 'one', 'three.log'])
        for (const [index, file] of files.entries()) {
          file.write(0, Uint8Array.of(index))
          await file.sync()
        }
      })
      await withDevice(context, 'a', async (device) => {
        expectEqual(await device.list(), ['one', 'three.log', 'two'], 'names')
        const files = await device.open(['one', 'three.log', 'two'])
        expectEqual(
          files.map((file) => [...readAll(file)]),
          [[1], [2], [0]],
          'contents',
        )
      })
      await withDevice(context, 'b', async (device) => {
        expectEqual(await device.list(), [], 'names in another database')
      })
    },
  },
  {
    name: 'more files are opened while others stay open, and sixteen at once',
    run: (context) =>
      withFile(context, async (first, device) => {
        const names = Array.from({ length: 16 }, (_, index) => `file-${index}`)
        const files = await device.open(names)
        for (const [index, file] of files.entries()) file.write(0, Uint8Array.of(index))
        first.write(0, ascii('first'))
        expectEqual(
          files.map((file) => [...readAll(file)]),
          names.map((_, index) => [index]),
          'contents',
        )
        expectBytes(readAll(first), ascii('first'), 'content of the file opened before')
        expectEqual((await device.list()).length, 17, 'files listed')
      }),
  },
  {
    name: 'sizes are those of all files, of open ones at the moment of the call, and follow removals',
    async run(context) {
      await withDevice(context, 'a', async (device) => {
        const [open, closed, empty, removed] = await device.open([
          'open',
          'closed',
          'empty',
          'gone',
        ])
        for (const file of [open, closed, removed]) file?.write(0, ascii('some'))
        for (const file of [closed, empty, removed]) file?.close()
        await device.remove(['gone'])
        const measure = await device.sizes()
        open?.write(4, ascii('more'))
        const expected = { closed: 4, empty: 0, open: 8 }
        expectEqual(Object.fromEntries([...measure()].sort()), expected, 'sizes')
        open?.truncate(2)
        expectEqual(measure().get('open'), 2, 'size of the open file, cut')
        await open?.sync()
      })
      await withDevice(context, 'a', async (device) => {
        const sizes = Object.fromEntries([...(await device.sizes())()].sort())
        expectEqual(sizes, { closed: 4, empty: 0, open: 2 }, 'sizes of a new device')
      })
    },
  },
  {
    name: 'a closed file can be opened again',
    run: (context) =>
      withFile(context, async (file, device) => {
        file.write(0, ascii('again'))
        file.close()
        expectBytes(readAll(await openOne(device, 'data')), ascii('again'), 'content')
      }),
  },
  {
    name: 'removed files are gone, missing ones are skipped, and a new one of the name is empty',
    run: (context) =>
      withFile(context, async (file, device) => {
        file.write(0, ascii('old'))
        await file.sync()
        await device.open(['stays'])
        file.close()
        await device.remove(['missing', 'data'])
        expectEqual(await device.list(), ['stays'], 'names')
        expectEqual((await openOne(device, 'data')).size(), 0, 'size of the new file')
      }),
  },
]

export const misuseCases: readonly DeviceCase[] = [
  {
    name: 'nothing is listed, opened or removed before ownership, nor acquired twice',
    async run(context) {
      const device = context.create('a')
      await expectAssertion(() => device.list(), 'list')
      await expectAssertion(() => device.open(['data']), 'open')
      await expectAssertion(() => device.remove(['data']), 'remove')
      await device.acquire()
      await expectAssertion(() => device.acquire(), 'second acquire')
      await device.close()
    },
  },
  {
    name: 'a closed file and a closed device refuse everything but closing again',
    run: (context) =>
      withFile(context, async (file, device) => {
        const [other] = await device.open(['other'])
        file.close()
        file.close()
        for (const use of usesOf(file)) await expectFailure('ErrClosed', use)
        await device.close()
        await device.close()
        if (other !== undefined) {
          for (const use of usesOf(other)) await expectFailure('ErrClosed', use)
        }
        await expectFailure('ErrClosed', () => device.open(['data']))
        await expectFailure('ErrClosed', () => device.list())
        await expectFailure('ErrClosed', () => device.acquire())
      }),
  },
  {
    name: 'an open file is neither opened again nor removed',
    run: (context) =>
      withFile(context, async (file, device) => {
        await expectAssertion(() => device.open(['new', 'data']), 'open')
        await expectAssertion(() => device.open(['twice', 'twice']), 'open twice in one call')
        await expectAssertion(() => device.remove(['data']), 'remove')
        expectEqual(file.size(), 0, 'size of the file that stayed open')
        expectEqual(await device.list(), ['data'], 'names')
      }),
  },
  {
    name: 'names that could leave the folder or collide, and bad offsets, are refused',
    run: (context) =>
      withFile(context, async (file, device) => {
        const names = ['', '.', '..', '../x', 'a/b', 'a\\b', 'Data', 'owner', 'owner-x', 'é', '-x']
        for (const name of [...names, 'x'.repeat(65)]) {
          await expectAssertion(() => device.open([name]), `open ${JSON.stringify(name)}`)
          await expectAssertion(() => device.remove([name]), `remove ${JSON.stringify(name)}`)
        }
        for (const at of [-1, 0.5, Number.NaN, 2 ** 53]) {
          await expectAssertion(() => file.read(at, new Uint8Array(1)), `read at ${at}`)
          await expectAssertion(() => file.write(at, new Uint8Array(1)), `write at ${at}`)
          await expectAssertion(() => file.truncate(at), `truncate to ${at}`)
        }
      }),
  },
]

function usesOf(file: DeviceFile): readonly (() => unknown)[] {
  return [
    () => file.size(),
    () => file.read(0, new Uint8Array(1)),
    () => file.write(0, new Uint8Array(1)),
    () => file.truncate(0),
    () => file.sync(),
  ]
}
