/** A halt that signatures prove is kept: the copy comes up halted with the same evidence, whatever it is
 *  opened with, and takes no write. */

import { beforeEach, describe, expect, it } from 'vitest'
import { ConstelliteError } from '../../src/base/failure.ts'
import { decodeSeal, verifySeal } from '../../src/frame/seal.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { createMemoryDevice, createMemoryDisk, type MemoryDisk } from '../../src/storage/memory.ts'
import type { ManualHost } from '../../src/testing/manual-host.ts'
import {
  catchUp,
  cloneDisk,
  commit,
  contents,
  openFollower,
  openHeir,
  openOn,
  openWriter,
  PAGE_SIZE,
  page,
  runsOf,
  takeOver,
  throughWire,
} from './shard-fixtures.ts'

let host: ManualHost
let writer: Shard
let disk: MemoryDisk

beforeEach(async () => {
  const bench = await openWriter()
  host = bench.host
  disk = bench.disk
  writer = bench.shard
  await commit(writer, { 1: 1 })
  await writer.seal()
  await writer.flush()
})

/** Open again without a close, as after a crash, or after one. */
async function reopen(from: Shard, onDisk: MemoryDisk, seed: number, closes: boolean) {
  if (closes) await from.close()
  onDisk.owner = undefined
  return openOn(createMemoryDevice(host, onDisk), host, { seed, follow: writer.id })
}

/** As a writer is opened, which may still be one. */
async function reopenWriter(closes: boolean) {
  if (closes) await writer.close()
  disk.owner = undefined
  return openOn(createMemoryDevice(host, disk), host, { seed: 1 })
}

function write(shard: Shard): void {
  const changes = new Map([[1, page(99)]])
  shard.commit({ changes, pageCount: 1, pageSize: PAGE_SIZE, tables: ['t'] })
}

function expectSame(found: ConstelliteError | undefined, halted: ConstelliteError | undefined) {
  expect(halted).toBeDefined()
  expect(found?.code).toBe(halted?.code)
  expect(found?.message).toBe(halted?.message)
  expect(found?.hint).toBe(halted?.hint)
  expect(found?.facts).toEqual(halted?.facts)
}

/** Two histories of one key, and the run of one that stands beside the other. */
async function forkedWriter() {
  const backup = cloneDisk(disk)
  const restored = await openOn(createMemoryDevice(host, backup), host)
  await commit(writer, { 1: 2 })
  await commit(restored, { 1: 3 })
  const [theirs] = await runsOf(writer, 3n)
  if (theirs === undefined) throw new Error('a run was sealed')
  await runsOf(restored, 3n)
  return { restored, backup, theirs }
}

describe.each([
  ['after a close', true],
  ['after a crash', false],
])('a fork, %s', (_, closes) => {
  it('keeps the writer halted with both seals, and refuses what it would write', async () => {
    const { restored, backup, theirs } = await forkedWriter()
    await expect(restored.applyRun(throughWire(restored, theirs))).rejects.toMatchObject({
      code: 'ErrForked',
    })
    const { halted } = restored
    const again = await reopen(restored, backup, 1, closes)
    expectSame(again.halted, halted)
    for (const side of ['ours', 'theirs'] as const) {
      const seal = decodeSeal(again.halted?.facts[side] as Uint8Array)
      expect(seal.ok && verifySeal(seal.value), side).toBe(true)
    }
    expect(() => write(again)).toThrow(expect.objectContaining({ code: 'ErrForked' }))
    expect(contents(again)).toEqual([3])
    expect(again.halted?.hint).toContain('under a new name')
    // And once more: nothing that the second open did has let go of it.
    expectSame((await reopen(again, backup, 1, true)).halted, halted)
  })

  it('keeps a follower halted that saw both', async () => {
    const { restored } = await forkedWriter()
    const copyDisk = createMemoryDisk('copy')
    const { shard: copy } = await openFollower(writer, host, copyDisk)
    await catchUp(writer, copy)
    const [other] = await runsOf(restored, 3n)
    if (other === undefined) throw new Error('a run was sealed')
    await expect(copy.applyRun(throughWire(copy, other))).rejects.toMatchObject({
      code: 'ErrForked',
    })
    const { halted } = copy
    const again = await reopen(copy, copyDisk, 2, closes)
    expectSame(again.halted, halted)
    await expect(again.applyRun(throughWire(again, other))).rejects.toMatchObject({
      code: 'ErrForked',
    })
  })

  it('by two hand-overs of one epoch keeps both frames', async () => {
    const { shard: heir } = await openHeir(writer, 3)
    const { shard: rival } = await openHeir(writer, 4)
    const copyDisk = createMemoryDisk('copy')
    const { shard: copy } = await openFollower(writer, host, copyDisk)
    await catchUp(writer, copy)
    await copy.applyRun(throughWire(copy, await takeOver(heir, { seed: 3 })))
    await takeOver(rival, { seed: 4 })
    expect(() => copy.adoptAuthority(rival.authority)).toThrow(
      expect.objectContaining({ code: 'ErrForked' }),
    )
    const { halted } = copy
    expect(halted?.facts['theirs']).toBeInstanceOf(Uint8Array)
    expectSame((await reopen(copy, copyDisk, 2, closes)).halted, halted)
  })

  it('is kept as well when a writer was superseded', async () => {
    const { shard: heir } = await openHeir(writer, 3)
    await takeOver(heir, { seed: 3 })
    expect(() => writer.adoptAuthority(heir.authority)).toThrow(
      expect.objectContaining({ code: 'ErrSuperseded' }),
    )
    const { halted } = writer
    const again = await reopenWriter(closes)
    expectSame(again.halted, halted)
    expect(() => write(again)).toThrow(expect.objectContaining({ code: 'ErrSuperseded' }))
  })
})

describe('a halt while a checkpoint runs', () => {
  it.each([0, 1, 2, 3, 4, 6, 8, 12])(
    'is not passed over by the segment that the checkpoint begins (%i turns in)',
    async (turns) => {
      await commit(writer, { 2: 5 })
      const folding = writer.checkpoint()
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      writer.halt(
        new ConstelliteError({
          hint: 'Try it.',
          code: 'ErrForked',
          message: 'Found by another room.',
        }),
      )
      await folding.catch(() => undefined)
      expect((await reopen(writer, disk, 1, true)).halted?.message).toBe('Found by another room.')
    },
  )
})

describe('a halt that proves nothing', () => {
  it('is gone after a restart', async () => {
    writer.halt(
      new ConstelliteError({ hint: 'Try it.', code: 'ErrDiverged', message: 'The pages differ.' }),
    )
    expect((await reopen(writer, disk, 1, true)).halted).toBeUndefined()
  })
})
