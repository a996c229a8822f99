/** The log on a device: what was flushed is read back and found again; positions survive a restart. */
import { describe, expect, it } from 'vitest'
import { toSeq } from '../../src/base/ids.ts'
import type { Frame } from '../../src/frame/frame.ts'
import { createWal, openWal, type Recovery, type Wal } from '../../src/wal/wal.ts'
import {
  AUTHOR,
  type Chain,
  createChain,
  createStorage,
  START,
  type Storage,
  seqs,
} from './wal-chain.ts'

async function create(storage: Storage, options = {}): Promise<Wal> {
  const device = await storage.open()
  return createWal({ host: storage.host, device, mark: createChain().mark(START), options })
}

async function reopen(
  storage: Storage,
  options = {},
): Promise<{ readonly wal: Wal; readonly recovery: Recovery }> {
  const opened = await openWal({ host: storage.host, device: await storage.open(), options })
  if (opened === undefined) throw new Error('there is a log')
  return opened
}

function framesOf(recovery: Recovery): readonly Frame[] {
  return recovery.records.flatMap(({ record }) => (record.type === 'frames' ? record.frames : []))
}

/** Commits `count` frames, each in a group of its own. */
async function commit(wal: Wal, chain: Chain, count: number, size = 100): Promise<void> {
  for (let index = 0; index < count; index++) {
    wal.stage({ type: 'frames', frames: [chain.add(size)] })
    await wal.flush()
  }
}

describe('a log', () => {
  it('is not there before it is made, and is after', async () => {
    const storage = createStorage()
    expect(await openWal({ host: storage.host, device: await storage.open() })).toBeUndefined()
    await create(storage)
    const { recovery, wal } = await reopen(storage)
    expect(recovery.records).toEqual([])
    expect(recovery.mark).toMatchObject({ pageFile: 'pages-0', position: START, owner: 1 })
    expect(wal.range()).toBeUndefined()
  })

  it('gives back every flushed frame, sealed run by sealed run, and none that is only staged', async () => {
    const storage = createStorage()
    const wal = await create(storage)
    const chain = createChain()
    await commit(wal, chain, 5)
    wal.stage({ type: 'seal', seal: chain.seal() })
    await commit(wal, chain, 4)
    const seal = chain.seal()
    wal.stage({ type: 'seal', seal })
    wal.stage({ type: 'frames', frames: [chain.add(50)] })
    expect(wal.readFrame(toSeq(10))).toBeUndefined()
    // A seal of a flushed frame counts before its own record is flushed; one of a staged frame does not.
    wal.stage({ type: 'seal', seal: chain.seal() })
    expect(wal.sealAt(toSeq(10))).toEqual(seal)
    expect(wal.readRun(toSeq(1), 1_000_000)?.seal).toEqual(seal)
    await wal.flush()
    for (const frame of chain.frames) expect(wal.readFrame(frame.seq)).toEqual(frame)
    expect(wal.range()).toEqual({ first: 1n, last: 10n })
    expect(wal.sealAt(toSeq(9))).toEqual(seal)
    expect(wal.sealAt(toSeq(8))?.seq).toBe(5n)
    expect(wal.readRun(toSeq(3), 750)).toEqual({
      firstSeq: 3n,
      prev: chain.frames[1]?.checksum,
      frames: chain.frames.slice(2, 9),
      seal,
    })
    // Nothing sealed lies at or after seq 11, and a small size still answers the nearest seal.
    expect(wal.readRun(toSeq(11), 1_000_000)).toBeUndefined()
    expect(wal.readRun(toSeq(1), 1)?.seal.seq).toBe(5n)
    expect(wal.readRun(toSeq(6), 1)?.frames).toHaveLength(4)
  })

  it.each([true, false])(
    'goes on at its position after a restart (closed in order: %s)',
    async (closes) => {
      const storage = createStorage()
      const chain = createChain()
      let wal = await create(storage)
      for (let round = 0; round < 5; round++) {
        await commit(wal, chain, 3, 5000)
        wal.stage({ type: 'seal', seal: chain.seal() })
        await wal.flush()
        if (closes) await wal.close()
        const again = await reopen(storage)
        expect(framesOf(again.recovery)).toEqual(chain.frames)
        expect(again.recovery).toMatchObject({ tornBytes: 0, position: chain.head })
        expect(again.wal.owner).toBe(round + 2)
        wal = again.wal
        expect(seqs(wal.readRun(toSeq(1), 10_000_000)?.frames ?? [])).toEqual(seqs(chain.frames))
      }
      expect(storage.disk.files.size).toBeLessThanOrEqual(closes ? 1 : 6)
    },
  )

  it('keeps the place of every record when a tail is written again', async () => {
    const storage = createStorage()
    const chain = createChain()
    const wal = await create(storage)
    await commit(wal, chain, 2)
    const done = { id: new Uint8Array(16), seq: toSeq(2), outcome: { type: 'done' } } as const
    wal.stage({ type: 'requests', requests: [done] })
    const place = wal.stage({ type: 'frames', frames: [chain.add(10), chain.add(10)] })
    await wal.flush()
    const first = (await reopen(storage)).recovery.records
    const second = (await reopen(storage)).recovery.records
    expect(second).toEqual(first)
    expect(first.at(-1)?.place).toEqual(place)
    expect(first.map(({ record }) => record.type)).toEqual([
      'frames',
      'frames',
      'requests',
      'frames',
    ])
  })

  it('answers images as they were staged', async () => {
    const storage = createStorage()
    const wal = await create(storage)
    const asOf = wal.stage({ type: 'frames', frames: [createChain().add(10)] })
    const pages = [{ pgno: 7, bytes: new Uint8Array(4096).fill(3) }]
    wal.stage({ type: 'images', asOf, file: 'pages', pages })
    await wal.flush()
    const { recovery } = await reopen(storage)
    expect(recovery.records[1]?.record).toEqual({ type: 'images', asOf, file: 'pages', pages })
  })

  it('ends a run where another author takes over', async () => {
    const storage = createStorage()
    const wal = await create(storage)
    const chain = createChain()
    await commit(wal, chain, 2)
    wal.stage({ type: 'seal', seal: chain.seal() })
    const author = new Uint8Array(32).fill(0xb2)
    wal.stage({ type: 'frames', frames: [chain.add(10, { author })] })
    wal.stage({ type: 'seal', seal: chain.seal() })
    await wal.flush()
    expect(wal.readRun(toSeq(1), 1e6)?.seal).toMatchObject({ seq: 2n, author: AUTHOR })
    expect(wal.readRun(toSeq(3), 1e6)?.seal).toMatchObject({ seq: 3n, author })
  })
})

describe('cutting a superseded tail', () => {
  it('takes the frames out for readers and for the next start, and goes on beside them', async () => {
    const storage = createStorage()
    const wal = await create(storage)
    const chain = createChain()
    await commit(wal, chain, 3)
    const kept = chain.head
    await commit(wal, chain, 3)
    wal.stage({ type: 'seal', seal: chain.seal() })
    await wal.truncateAfter(kept)
    expect(wal.range()).toEqual({ first: 1n, last: 3n })
    expect(wal.readFrame(toSeq(4))).toBeUndefined()
    expect(wal.sealAt(toSeq(9))).toBeUndefined()
    expect(framesOf((await reopen(storage)).recovery)).toEqual(chain.frames.slice(0, 3))
    const { wal: again } = await reopen(storage)
    chain.rewind(kept)
    await commit(again, chain, 4)
    again.stage({ type: 'seal', seal: chain.seal() })
    await again.flush()
    expect(again.readRun(toSeq(1), 1e6)?.frames).toEqual(chain.frames)
    expect(framesOf((await reopen(storage)).recovery)).toEqual(chain.frames)
  })

  it('also happens at open, to a transaction whose last frame is missing', async () => {
    for (const closes of [true, false]) {
      const storage = createStorage()
      const wal = await create(storage)
      const chain = createChain()
      await commit(wal, chain, 2)
      const kept = chain.head
      wal.stage({ type: 'frames', frames: [chain.add(10, { continues: true })] })
      await wal.flush()
      if (closes) await wal.close()
      const { recovery, wal: again } = await reopen(storage)
      expect(recovery.position).toEqual(kept)
      expect(again.range()?.last).toBe(2n)
      chain.rewind(kept)
      await commit(again, chain, 1)
      expect(framesOf((await reopen(storage)).recovery)).toEqual(chain.frames)
    }
  })
})
