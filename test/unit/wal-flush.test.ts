/** Flushing: callers share flushes, failures poison, a full device refuses and harms nothing. */
import { describe, expect, it } from 'vitest'
import { isFailure } from '../../src/base/failure.ts'
import { toSeq } from '../../src/base/ids.ts'
import { createFaultyDisk } from '../../src/storage/faulty.ts'
import { openWal } from '../../src/wal/wal.ts'
import { markAt, START } from './wal-chain.ts'
import { afterPowerLoss, commit, create, host } from './wal-disk.ts'

describe('a flush', () => {
  it('is one write and one sync however many transactions wait, and none when nothing does', async () => {
    const world = await create()
    const { wal, chain, disk } = world
    await commit(world, 1)
    const { writeCount, syncCount } = disk
    for (let index = 0; index < 50; index++) wal.stage({ type: 'frames', frames: [chain.add(20)] })
    await wal.flush()
    await wal.flush()
    expect([disk.writeCount - writeCount, disk.syncCount - syncCount]).toEqual([1, 1])
    expect((await afterPowerLoss(world)).range()?.last).toBe(51n)
  })

  it('on a device that syncs at once is done when it returns', async () => {
    const { wal, chain } = await create()
    const { group } = wal.stage({ type: 'frames', frames: [chain.add(20)] })
    const flushed = wal.flush()
    expect(wal.flushedGroup).toBe(group)
    expect(wal.readFrame(toSeq(1))).toEqual(chain.frames[0])
    let turns = 0
    const count = (async () => {
      for (; turns < 10; turns++) await undefined
    })()
    await flushed
    expect(turns).toBeLessThanOrEqual(1)
    await count
  })

  it('while another runs is shared by all who come meanwhile', async () => {
    const disk = createFaultyDisk({ syncDelayMs: 5 })
    const creating = create({}, disk)
    await host.advance(20)
    const world = await creating
    const { wal, chain } = world
    const { syncCount } = disk
    const done: string[] = []
    const flushAs = (name: string): Promise<void> => {
      wal.stage({ type: 'frames', frames: [chain.add(20)] })
      return wal.flush().then(() => void done.push(name))
    }
    const all = [flushAs('first'), flushAs('second'), flushAs('third')]
    await host.advance(5)
    expect(done).toEqual(['first'])
    expect(wal.range()?.last).toBe(1n)
    await host.advance(5)
    expect(done).toEqual(['first', 'second', 'third'])
    await Promise.all(all)
    expect(disk.syncCount - syncCount).toBe(2)
  })

  it('that fails poisons: all who wait, and everything after, learn it', async () => {
    for (const fault of ['write', 'sync'] as const) {
      const world = await create()
      const { wal, chain, disk } = world
      await commit(world, 2)
      wal.stage({ type: 'frames', frames: [chain.add(20)] })
      if (fault === 'write') disk.failWrite(1, 40)
      else disk.failSync(1)
      const failure = await wal.flush().catch((error) => error)
      expect(failure).toMatchObject({ code: 'ErrPoisoned', cause: { code: 'ErrStorage' } })
      expect(() => wal.stage({ type: 'frames', frames: [chain.add(1)] })).toThrow(failure)
      for (const later of [wal.flush(), wal.beginSegment(markAt(START)), wal.drop('x')]) {
        await expect(later).rejects.toBe(failure)
      }
      expect(wal.poisoned).toBe(failure)
      await wal.close()
      expect((await afterPowerLoss(world)).range()?.last).toBe(2n)
    }
  })

  it('that failed without harm is not believed at the next open: the tail is written again', async () => {
    const world = await create()
    const { wal, chain, disk } = world
    await commit(world, 2)
    wal.stage({ type: 'frames', frames: [chain.add(20)] })
    disk.failSync(1)
    await wal.flush().catch(() => {})
    // The process goes on with the same machine: its cache still answers the third frame.
    const device = disk.crash(() => true).device(host)
    await device.acquire()
    const again = await openWal({ host, device })
    expect(again?.recovery.position.seq).toBe(3n)
    const same = createFaultyDisk()
    expect(same.unsynced).toEqual([])
  })
})

describe('a full device', () => {
  it('refuses the record that does not fit, with nothing staged, and does not poison', async () => {
    const world = await create()
    const { wal, chain, disk } = world
    await commit(world, 3)
    disk.limitBytes(wal.segmentBytes + 300_000)
    const head = chain.head
    const refused = (() => {
      try {
        wal.stage({ type: 'frames', frames: [chain.add(1_000_000)] })
      } catch (error) {
        return error
      }
      return undefined
    })()
    expect(isFailure(refused, 'ErrQuota')).toBe(true)
    expect([wal.stagedBytes, wal.poisoned]).toEqual([0, undefined])
    chain.rewind(head)
    await commit(world, 2, 10)
    // It opens though there is no room for a new segment, reads, and refuses what does not fit.
    const again = await afterPowerLoss(world)
    expect(again.range()?.last).toBe(5n)
    expect(again.readFrame(toSeq(5))).toEqual(chain.frames[4])
    expect(() => again.stage({ type: 'frames', frames: [chain.add(400_000)] })).toThrow(
      expect.objectContaining({ code: 'ErrQuota' }),
    )
  })

  it('opens again and again, and goes on where it stood when there is room', async () => {
    const world = await create()
    const { chain } = world
    let { disk } = world
    await commit(world, 3)
    for (let round = 0; round < 3; round++) {
      disk = disk.crash(() => true)
      disk.limitBytes(10_000)
      const device = disk.device(host)
      await device.acquire()
      const opened = await openWal({ host, device })
      expect(opened?.recovery.position).toEqual(chain.head)
      expect(await device.list()).toHaveLength(2)
      disk.limitBytes(1e9)
      opened?.wal.stage({ type: 'frames', frames: [chain.add(10)] })
      await opened?.wal.flush()
    }
  })
})

describe('a closed log', () => {
  it('refuses everything and may be closed again', async () => {
    const { wal, chain } = await create()
    await wal.close()
    await wal.close()
    expect(() => wal.stage({ type: 'frames', frames: [chain.add(1)] })).toThrow(
      expect.objectContaining({ code: 'ErrClosed' }),
    )
  })

  it('does not open with a cap that cannot be', async () => {
    for (const capBytes of [0, -1, 1.5, 2 ** 40]) {
      await expect(create({ capBytes })).rejects.toMatchObject({ code: 'ErrOption' })
    }
  })
})
