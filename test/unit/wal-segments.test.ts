/** Segments: kept for holders and replay, recycled when nobody needs them; a full log names who keeps it so. */
import { describe, expect, it } from 'vitest'
import { toSeq } from '../../src/base/ids.ts'
import { positionOf } from '../../src/frame/frame.ts'
import { createFaultyDisk } from '../../src/storage/faulty.ts'
import { createWal, openWal } from '../../src/wal/wal.ts'
import { createChain, createStorage, markAt, START, seqs } from './wal-chain.ts'
import { afterPowerLoss, commit, create, host } from './wal-disk.ts'

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

  it('replay what is no frame too, when it was flushed before they began', async () => {
    const world = await create()
    const { wal, chain } = world
    await commit(world, 2)
    const begun = wal.beginSegment(markAt(chain.head))
    const id = new Uint8Array(16).fill(1)
    const requests = [{ id, seq: toSeq(2), outcome: { type: 'done' } }] as const
    const place = wal.stage({ type: 'requests', requests })
    await wal.flush()
    await begun
    const device = world.disk.crash(() => false).device(host)
    await device.acquire()
    const opened = await openWal({ host, device })
    expect(opened?.recovery.mark.position.seq).toBe(2n)
    expect(opened?.recovery.records).toEqual([{ place, record: { type: 'requests', requests } }])
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

describe('a transaction larger than the cap', () => {
  it('is taken where the log keeps little otherwise, and not where a holder keeps it from shrinking', async () => {
    const world = await create({ capBytes: 20_000, commitBytesMax: 60_000 })
    const { wal, chain } = world
    await commit(world, 1, 50_000)
    await wal.beginSegment(chain.mark())
    await commit(world, 1, 50_000)
    wal.hold('relay', chain.head.seq)
    await commit(world, 1, 1000).catch(() => undefined)
    expect(() => wal.stage({ type: 'frames', frames: [chain.add(50_000)] })).toThrow(
      expect.objectContaining({ code: 'ErrWalFull' }),
    )
  })

  it('is refused for good when no log can take it', async () => {
    const { wal, chain } = await create({ capBytes: 20_000, commitBytesMax: 60_000 })
    expect(() => wal.stage({ type: 'frames', frames: [chain.add(70_000)] })).toThrow(
      expect.objectContaining({ code: 'ErrTooLarge', retry: 'never' }),
    )
  })
})
