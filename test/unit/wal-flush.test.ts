/** Flushing: callers share flushes, failures poison, a full device or a full log refuses and harms nothing;
 *  segments are kept for holders and recycled when nobody needs them. */
import { describe, expect, it } from 'vitest'
import { isFailure } from '../../src/base/failure.ts'
import { toSeq } from '../../src/base/ids.ts'
import { positionOf } from '../../src/frame/frame.ts'
import { createFaultyDisk, type FaultyDisk } from '../../src/storage/faulty.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { createWal, openWal, type Wal, type WalOptions } from '../../src/wal/wal.ts'
import { type Chain, createChain, createStorage, markAt, START, seqs } from './wal-chain.ts'

type World = { readonly wal: Wal; readonly chain: Chain; readonly disk: FaultyDisk }

const host = createManualHost()

async function create(options: WalOptions = {}, disk = createFaultyDisk()): Promise<World> {
  const device = disk.device(host)
  await device.acquire()
  const wal = await createWal({ host, device, mark: markAt(START), options })
  return { wal, chain: createChain(), disk }
}

/** The log as the disk holds it after power loss that loses everything not synced. */
async function afterPowerLoss({ disk }: World): Promise<Wal> {
  const device = disk.crash(() => false).device(host)
  await device.acquire()
  const opened = await openWal({ host, device })
  if (opened === undefined) throw new Error('there is a log')
  return opened.wal
}

async function commit({ wal, chain }: World, count: number, size = 100): Promise<void> {
  for (let index = 0; index < count; index++) {
    wal.stage({ type: 'frames', frames: [chain.add(size)] })
    await wal.flush()
  }
}

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

describe('a full log', () => {
  it('names the holder that keeps it full, and goes on when that one releases', async () => {
    const world = await create({ capBytes: 100_000 })
    const { wal, chain } = world
    wal.hold('archive', toSeq(1_000))
    wal.hold('wss://relay.example', toSeq(0))
    await commit(world, 10, 4000)
    await wal.beginSegment(markAt(chain.head))
    await commit(world, 10, 4000)
    const head = chain.head
    const frames = [chain.add(30_000)]
    expect(() => wal.stage({ type: 'frames', frames })).toThrow(
      expect.objectContaining({
        code: 'ErrWalFull',
        facts: {
          holder: 'wss://relay.example',
          holderSeq: 0n,
          capBytes: 100_000,
          logBytes: wal.logBytes,
        },
      }),
    )
    expect(wal.stagedBytes).toBe(0)
    // What a checkpoint needs passes the cap, or the log could never become smaller.
    wal.stage({ type: 'images', asOf: { group: 1n, index: 0 }, file: 'pages', pages: [] })
    await wal.release('wss://relay.example', toSeq(10))
    expect(wal.range()?.first).toBe(11n)
    expect(wal.logBytes).toBeLessThan(50_000)
    wal.stage({ type: 'frames', frames })
    await wal.flush()
    expect(head.seq + 1n).toBe(wal.range()?.last)
  })

  it('names the checkpoint when nobody but replay needs what is there', async () => {
    const world = await create({ capBytes: 20_000 })
    await commit(world, 4, 4000)
    const { chain, wal } = world
    expect(() => wal.stage({ type: 'frames', frames: [chain.add(9000)] })).toThrow(
      expect.objectContaining({ facts: expect.objectContaining({ holder: 'checkpoint' }) }),
    )
  })
})

describe('segments', () => {
  it('are recycled at once without holders, in files that are used again', async () => {
    const storage = createStorage()
    const device = await storage.open()
    const wal = await createWal({ host, device, mark: markAt(START) })
    const chain = createChain()
    for (let round = 0; round < 12; round++) {
      for (let index = 0; index < 5; index++) {
        wal.stage({ type: 'frames', frames: [chain.add(2000)] })
        await wal.flush()
      }
      await wal.beginSegment(markAt(chain.head))
      expect(wal.range()).toBeUndefined()
      expect(wal.logBytes).toBe(wal.segmentBytes)
    }
    expect(storage.disk.files.size).toBeLessThanOrEqual(3)
    const { length } = await device.list()
    expect(length).toBe(storage.disk.files.size)
  })

  it('stay while a holder needs them, also after a restart, and go in order', async () => {
    const world = await create()
    const { wal, chain } = world
    wal.hold('relay', toSeq(0))
    for (let round = 0; round < 4; round++) {
      await commit(world, 5)
      wal.stage({ type: 'seal', seal: chain.seal() })
      await wal.beginSegment(markAt(chain.head))
    }
    expect(wal.range()).toEqual({ first: 1n, last: 20n })
    await wal.release('relay', toSeq(7))
    expect(wal.range()).toEqual({ first: 6n, last: 20n })
    // A watermark never falls.
    await wal.release('relay', toSeq(2))
    expect(wal.holders).toEqual([{ name: 'relay', seq: 7n }])
    const again = await afterPowerLoss(world)
    expect(again.holders).toEqual([{ name: 'relay', seq: 7n }])
    expect(again.range()).toEqual({ first: 6n, last: 20n })
    expect(seqs(again.readRun(toSeq(8), 1e6)?.frames ?? [])).toEqual(
      Array.from({ length: 13 }, (_, index) => index + 8),
    )
    await again.drop('relay')
    expect(again.range()).toBeUndefined()
    expect(again.holders).toEqual([])
  })

  it('begin with what was staged or flushed after their mark was made', async () => {
    const disk = createFaultyDisk({ syncDelayMs: 5 })
    const creating = create({}, disk)
    await host.advance(20)
    const { wal, chain } = await creating
    const commitLater = async (): Promise<void> => {
      wal.stage({ type: 'frames', frames: [chain.add(20)] })
      await wal.flush()
    }
    for (let index = 0; index < 3; index++) {
      const committed = commitLater()
      await host.advance(5)
      await committed
    }
    const second = chain.frames[1]
    if (second === undefined) throw new Error('three frames were committed')
    // The page file holds two frames; the third is flushed already, the fourth comes while it begins.
    const begun = wal.beginSegment(markAt(positionOf(second)))
    const fourth = commitLater()
    await host.advance(30)
    await Promise.all([begun, fourth])
    const device = disk.crash(() => false).device(host)
    await device.acquire()
    const opening = openWal({ host, device })
    await host.advance(50)
    const opened = await opening
    expect(opened?.recovery.mark.position.seq).toBe(2n)
    expect(opened?.recovery.position.seq).toBe(4n)
  })

  it('of an installed snapshot void what was before it', async () => {
    const world = await create()
    const { wal, chain } = world
    wal.hold('relay', toSeq(0))
    await commit(world, 5)
    const position = { seq: toSeq(90), checksum: new Uint8Array(32).fill(9) }
    await wal.beginSegment({
      ...markAt(position),
      installed: { position, root: position.checksum },
    })
    expect(wal.range()).toBeUndefined()
    expect(chain.head.seq).toBe(5n)
    const again = await afterPowerLoss(world)
    expect(again.range()).toBeUndefined()
    expect(again.flushedGroup).toBe(wal.flushedGroup)
  })

  it('take more records than one group numbers', async () => {
    const world = await create()
    const { wal, chain } = world
    const places = []
    for (let index = 0; index < 65_536; index++) {
      places.push(wal.stage({ type: 'requests', requests: [] }))
    }
    const place = wal.stage({ type: 'frames', frames: [chain.add(20)] })
    expect(places.at(-1)?.group).toBe(place.group)
    expect(place).toEqual({ group: (places[0]?.group ?? 0n) + 1n, index: 1 })
    await wal.flush()
    const device = world.disk.crash(() => false).device(host)
    await device.acquire()
    const opened = await openWal({ host, device })
    expect(opened?.recovery.records.at(-1)?.place).toEqual(place)
    expect(opened?.recovery.records).toHaveLength(65_537)
  })
})

describe('holders', () => {
  it('are limited in number and in the length of their names', async () => {
    const { wal } = await create()
    for (let index = 0; index < 64; index++) wal.hold(`relay ${index}`, toSeq(0))
    expect(() => wal.hold('one more', toSeq(0))).toThrow(
      expect.objectContaining({ code: 'ErrTooLarge' }),
    )
    expect(() => wal.hold('relay 3', toSeq(4))).not.toThrow()
    await wal.drop('relay 3')
    expect(() => wal.hold('x'.repeat(600), toSeq(0))).toThrow()
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
