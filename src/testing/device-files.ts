/** Device cases about the bytes of one file: reads, writes, sizes, and random runs of them. */

import type { DeviceFile } from '../storage/device.ts'
import { ascii, type DeviceCase, type DeviceContext, readAll, withFile } from './device-harness.ts'
import { expectBytes, expectEqual } from './expect.ts'
import { createRandom, type Random } from './random.ts'

export const fileCases: readonly DeviceCase[] = [
  {
    name: 'a missing file is made, empty',
    run: (context) =>
      withFile(context, async (file) => {
        expectEqual(file.size(), 0, 'size')
        expectEqual(file.read(0, new Uint8Array(8)), 0, 'bytes read')
      }),
  },
  {
    name: 'a read is short only at the end, and leaves the rest of the buffer alone',
    run: (context) =>
      withFile(context, async (file) => {
        file.write(0, ascii('abcdef'))
        const buffer = new Uint8Array(8).fill(7)
        expectEqual(file.read(4, buffer.subarray(1, 7)), 2, 'bytes read at the end')
        expectBytes(buffer, Uint8Array.of(7, 101, 102, 7, 7, 7, 7, 7), 'buffer')
        expectEqual(file.read(6, buffer), 0, 'bytes read at the size')
        expectEqual(file.read(1_000_000, buffer), 0, 'bytes read far beyond the size')
        expectEqual(file.read(0, new Uint8Array(0)), 0, 'bytes read into nothing')
      }),
  },
  {
    name: 'a write changes its range and nothing beside it',
    run: (context) =>
      withFile(context, async (file) => {
        file.write(0, ascii('aaaaaaaa'))
        file.write(2, ascii('xbbbx').subarray(1, 4))
        file.write(3, new Uint8Array(0))
        expectBytes(readAll(file), ascii('aabbbaaa'), 'content')
      }),
  },
  {
    name: 'a write does not keep the buffer it was given',
    run: (context) =>
      withFile(context, async (file) => {
        const buffer = ascii('kept')
        file.write(0, buffer)
        buffer.fill(0)
        expectBytes(readAll(file), ascii('kept'), 'content')
      }),
  },
  {
    name: 'a write beyond the end fills the gap with zeros, an empty one grows nothing',
    run: (context) =>
      withFile(context, async (file) => {
        file.write(70_000, new Uint8Array(0))
        expectEqual(file.size(), 0, 'size after an empty write')
        file.write(70_000, ascii('end'))
        const expected = new Uint8Array(70_003)
        expected.set(ascii('end'), 70_000)
        expectBytes(readAll(file), expected, 'content')
      }),
  },
  {
    name: 'what truncate cuts off reads as zeros when the file grows again',
    run: (context) =>
      withFile(context, async (file) => {
        file.write(0, new Uint8Array(200_000).fill(255))
        file.truncate(100)
        expectEqual(file.size(), 100, 'size after cutting')
        file.truncate(150_000)
        const expected = new Uint8Array(150_000)
        expected.fill(255, 0, 100)
        expectBytes(readAll(file), expected, 'content')
        file.truncate(0)
        file.write(3, ascii('x'))
        expectBytes(readAll(file), Uint8Array.of(0, 0, 0, 120), 'content after cutting all')
      }),
  },
  {
    name: 'megabytes at odd offsets are written and read whole',
    run: (context) =>
      withFile(context, async (file) => {
        const bytes = createRandom(context.seed).bytes(3_145_733)
        file.write(4_097, bytes)
        const found = new Uint8Array(bytes.length)
        expectEqual(file.read(4_097, found), bytes.length, 'bytes read')
        expectBytes(found, bytes, 'content')
      }),
  },
  {
    name: 'random operations agree with a plain array, across closing and opening again',
    run: runRandomOperations,
  },
]

const RANDOM_SESSIONS = 4
const RANDOM_STEPS = 60
const RANDOM_SIZE_MAX = 300_000

/** Sessions of random writes, cuts, reads and syncs, compared with an array after every step. */
async function runRandomOperations(context: DeviceContext): Promise<void> {
  const random = createRandom(context.seed)
  let model = new Uint8Array(0)
  for (let session = 0; session < RANDOM_SESSIONS; session++) {
    await withFile(context, async (file) => {
      expectBytes(readAll(file), model, `content at session ${session}, seed ${context.seed}`)
      for (let step = 0; step < RANDOM_STEPS; step++) {
        model = await applyRandomStep(file, model, random)
        const what = `session ${session}, step ${step}, seed ${context.seed}`
        const at = random.below(model.length + 10)
        const found = new Uint8Array(random.below(20_000))
        const count = file.read(at, found)
        expectBytes(found.subarray(0, count), model.subarray(at, at + found.length), what)
        expectEqual(file.size(), model.length, `size at ${what}`)
      }
    })
  }
}

async function applyRandomStep(
  file: DeviceFile,
  model: Uint8Array<ArrayBuffer>,
  random: Random,
): Promise<Uint8Array<ArrayBuffer>> {
  if (random.chance(0.1)) {
    await file.sync()
    return model
  }
  if (random.chance(0.2)) {
    const size = random.below(RANDOM_SIZE_MAX)
    file.truncate(size)
    return resized(model, size)
  }
  const at = random.below(RANDOM_SIZE_MAX)
  const bytes = random.bytes(1 + random.below(random.chance(0.2) ? 70_000 : 600))
  file.write(at, bytes)
  const next = resized(model, Math.max(model.length, at + bytes.length))
  next.set(bytes, at)
  return next
}

function resized(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(size)
  next.set(bytes.subarray(0, size))
  return next
}
