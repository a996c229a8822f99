/** Install: what a copy takes from a snapshot, and what it does not believe. */

import { beforeEach, describe, expect, it } from 'vitest'
import { ConstelliteError } from '../../src/base/failure.ts'
import { decodeSeal } from '../../src/frame/seal.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { createMemoryDevice, type MemoryDisk } from '../../src/storage/memory.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import {
  type Bench,
  catchUp,
  cloneDisk,
  commit,
  contents,
  OWNER,
  openFollower,
  openHeir,
  openOn,
  openWriter,
  snapshotBytes,
  stream,
  takeOver,
  throughWire,
} from './shard-fixtures.ts'

/** Offset of the sealed frame's clock in a snapshot (src/pages/layout.ts, src/frame/layout.ts). */
const HLC_AT = 219 + 118
const HLC_BYTES = 8

let bench: Bench
let writer: Shard
let copy: Shard
let disk: MemoryDisk

beforeEach(async () => {
  bench = await openWriter()
  writer = bench.shard
  await commit(writer, { 1: 1, 2: 2 })
  const follower = await openFollower(writer)
  copy = follower.shard
  disk = follower.disk
})

function filesOf(one: MemoryDisk): string[] {
  return [...one.files.keys()].filter((name) => /^(pages|leaves)-/.test(name)).sort()
}

describe('the clock of a snapshot', () => {
  it('is the sealed frame’s own, at once and after a restart', async () => {
    bench.host.jumpWallClock(3_600_000)
    await commit(writer, { 1: 3 })
    await copy.install(await writer.snapshot())
    expect(copy.headHlc).toBe(writer.headHlc)
    disk.owner = undefined
    const { shard: again } = await openFollower(writer, createManualHost({ seed: 2 }), disk)
    expect(again.headHlc).toBe(writer.headHlc)
    await commit(writer, { 1: 4 })
    await catchUp(writer, again)
    expect(contents(again)).toEqual([4, 2])
  })

  it.each([
    [0xff, 'later'],
    [0, 'earlier'],
  ])('is refused when it was changed to %i bytes, %s', async (fill) => {
    const bytes = await snapshotBytes(writer)
    bytes.fill(fill, HLC_AT + 1, HLC_AT + HLC_BYTES)
    await expect(copy.install(stream(bytes))).rejects.toMatchObject({ code: 'ErrChecksum' })
    expect(copy.head.seq).toBe(0n)
  })

  it('is refused with the whole head of another frame of its chain', async () => {
    const older = await snapshotBytes(writer)
    await commit(writer, { 1: 3 })
    const bytes = await snapshotBytes(writer)
    bytes.set(older.subarray(219, 219 + 195), 219)
    await expect(copy.install(stream(bytes))).rejects.toMatchObject({ code: 'ErrChecksum' })
  })

  it('lets a copy whose own clock lags hand over above it', async () => {
    bench.host.jumpWallClock(3_600_000)
    await commit(writer, { 1: 3 })
    await copy.install(await writer.snapshot())
    const { shard: other } = await openHeir(writer, 5)
    await copy.takeOver(OWNER)
    expect(copy.headHlc).toBeGreaterThan(writer.headHlc)
    await catchUp(copy, other)
    expect(other.head).toEqual(copy.head)
  })

  it('is still shown by a copy that was restarted and makes a snapshot of its own', async () => {
    await copy.install(await writer.snapshot())
    await copy.checkpoint()
    disk.owner = undefined
    const { shard: again } = await openFollower(writer, createManualHost({ seed: 2 }), disk)
    const { shard: third } = await openFollower(writer, createManualHost({ seed: 3 }), undefined, 3)
    await third.install(await again.snapshot())
    expect(third.headHlc).toBe(writer.headHlc)
    expect(contents(third)).toEqual([1, 2])
  })
})

describe('a bad snapshot changes nothing and leaves no file', () => {
  it('cut short anywhere, or in another order', async () => {
    await commit(writer, { 3: 3, 4: 4, 5: 5 })
    const whole = await snapshotBytes(writer)
    const before = filesOf(disk)
    for (let size = 0; size < whole.length; size += Math.ceil(whole.length / 40)) {
      const cut = copy.install(stream(whole.subarray(0, size)))
      await expect(cut, `${size} bytes`).rejects.toMatchObject({ code: 'ErrDecode' })
    }
    const middle = whole.length >> 1
    for (const at of [20, 300, middle]) {
      const swapped = copy.install(stream(whole.subarray(at), whole.subarray(0, at)))
      await expect(swapped).rejects.toBeInstanceOf(ConstelliteError)
    }
    expect(copy.head.seq).toBe(0n)
    expect(filesOf(disk)).toEqual(before)
    await copy.install(stream(whole))
    expect(contents(copy)).toEqual([1, 2, 3, 4, 5])
    expect(filesOf(disk)).toHaveLength(2)
  })

  it('of another shard', async () => {
    const { shard: other } = await openWriter(createManualHost({ seed: 9 }))
    await commit(other, { 1: 9 })
    const install = copy.install(await other.snapshot())
    await expect(install).rejects.toMatchObject({ code: 'ErrShardMismatch' })
    expect(copy.head.seq).toBe(0n)
  })

  it('older than what is here', async () => {
    const old = await snapshotBytes(writer)
    await commit(writer, { 1: 3 })
    await catchUp(writer, copy)
    await expect(copy.install(stream(old))).rejects.toMatchObject({ code: 'ErrProtocol' })
    expect(contents(copy)).toEqual([3, 2])
  })

  it('for a writer', async () => {
    const install = writer.install(await copyOfWriter())
    await expect(install).rejects.toMatchObject({ code: 'ErrProtocol' })
  })

  async function copyOfWriter() {
    await catchUp(writer, copy)
    return copy.snapshot()
  }
})

describe('a snapshot and the authority', () => {
  it('that is old does not move a copy back, though it names a later hand-over above the head', async () => {
    const { shard: heir } = await openHeir(writer, 3)
    const old = await snapshotBytes(writer)
    for (let number = 3; number <= 5; number++) await commit(writer, { 1: number })
    await catchUp(writer, copy)
    await catchUp(writer, heir)
    await commit(writer, { 1: 6 })
    await catchUp(writer, heir)
    await takeOver(heir, { seed: 3 })
    const lying = withAuthorityOf(old, await snapshotBytes(heir))
    await expect(copy.install(stream(lying))).rejects.toMatchObject({ code: 'ErrProtocol' })
    expect(contents(copy)).toEqual([5, 2])
  })

  it('of a superseded writer is refused where the hand-over is known', async () => {
    await catchUp(writer, copy)
    const { shard: heir } = await openHeir(writer, 3)
    await copy.applyRun(throughWire(copy, await takeOver(heir, { seed: 3 })))
    await commit(writer, { 1: 66 })
    await commit(writer, { 1: 67 })
    const install = copy.install(await writer.snapshot())
    await expect(install).rejects.toMatchObject({ code: 'ErrSuperseded' })
    expect(contents(copy)).toEqual([1, 2])
    expect(copy.author?.epoch).toBe(1n)
  })

  it('that contradicts the head by a valid seal halts the copy as a fork', async () => {
    const restored = await openOn(createMemoryDevice(bench.host, cloneDisk(bench.disk)), bench.host)
    await commit(writer, { 1: 3 })
    await commit(restored, { 1: 4 })
    await catchUp(writer, copy)
    const install = copy.install(await restored.snapshot())
    await expect(install).rejects.toMatchObject({ code: 'ErrForked' })
    for (const side of ['ours', 'theirs']) {
      expect(decodeSeal(copy.halted?.facts[side] as Uint8Array).ok).toBe(true)
    }
    expect(contents(copy)).toEqual([3, 2])
  })
})

describe('an install under way', () => {
  it('lets runs of others be applied, and is judged again at its end', async () => {
    const bytes = await snapshotBytes(writer)
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    async function* slow() {
      yield bytes.subarray(0, 400)
      await held
      yield bytes.subarray(400)
    }
    const installing = copy.install(slow())
    installing.catch(() => undefined)
    await commit(writer, { 1: 3 })
    await catchUp(writer, copy)
    expect(contents(copy)).toEqual([3, 2])
    release()
    await expect(installing).rejects.toMatchObject({ code: 'ErrProtocol' })
    expect(contents(copy)).toEqual([3, 2])
    await commit(writer, { 2: 9 })
    await catchUp(writer, copy)
    expect(contents(copy)).toEqual([3, 9])
  })
})

/** One snapshot's pages under another one's authority; header table in src/pages/layout.ts. */
function withAuthorityOf(pages: Uint8Array, authority: Uint8Array): Uint8Array {
  const sizeAt = 414
  const endOf = (bytes: Uint8Array) =>
    sizeAt + 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(sizeAt)
  return Buffer.concat([
    pages.subarray(0, sizeAt),
    authority.subarray(sizeAt, endOf(authority)),
    pages.subarray(endOf(pages)),
  ])
}
