/** Transactions larger than one frame: several frames that count as one, everywhere. */

import { describe, expect, it } from 'vitest'
import { ConstelliteError } from '../../src/base/failure.ts'
import type { Hlc } from '../../src/base/ids.ts'
import { isZero } from '../../src/bytes/compare.ts'
import { signerFromSeed } from '../../src/crypto/signer-noble.ts'
import { buildFrame, type Frame } from '../../src/frame/frame.ts'
import type { SealedRun } from '../../src/frame/run.ts'
import { createSeal } from '../../src/frame/seal.ts'
import { PAGE_COUNT_MAX } from '../../src/pages/layout.ts'
import { encodePayloads } from '../../src/pages/payload.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { createFaultyDisk } from '../../src/storage/faulty.ts'
import { createMemoryDevice, createMemoryDisk } from '../../src/storage/memory.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import {
  catchUp,
  commit,
  contents,
  drive,
  openFollower,
  openOn,
  openWriter,
  PAGE_SIZE,
  page,
  seedOf,
  snapshotBytes,
  stream,
  throughWire,
} from './shard-fixtures.ts'

/** Room for two pages in a frame. */
const SECTION_BYTES = 2 * PAGE_SIZE + 64

async function openSmall(disk = createMemoryDisk(), host = createManualHost()) {
  const options = { sectionBytesMax: SECTION_BYTES }
  return openOn(createMemoryDevice(host, disk), host, options)
}

/** Each run as short as the kept seals allow. */
async function shortRuns(writer: Shard): Promise<SealedRun[]> {
  await writer.seal()
  const runs: SealedRun[] = []
  for (let seq = 1n; ; ) {
    const run = writer.readRun(seq as Shard['head']['seq'], 1)
    if (run === undefined) return runs
    runs.push(run)
    seq = run.seal.seq + 1n
  }
}

const SEVEN = { 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 7 }

describe('a transaction of several frames', () => {
  it('continues in all but the last, and every part has a seal without a root', async () => {
    const writer = await openSmall()
    await commit(writer, SEVEN)
    expect(writer.head.seq).toBe(5n)
    const runs = await shortRuns(writer)
    const shape = runs.map(({ seal, frames }) => ({
      seq: seal.seq,
      continues: frames.at(-1)?.flags.continues,
      isRootless: isZero(seal.root),
    }))
    expect(shape).toEqual([
      { seq: 2n, continues: true, isRootless: true },
      { seq: 3n, continues: true, isRootless: true },
      { seq: 4n, continues: true, isRootless: true },
      { seq: 5n, continues: false, isRootless: false },
    ])
  })

  it('is shown by a follower whole or not at all, and asked again after a restart in the middle', async () => {
    const writer = await openSmall()
    await commit(writer, SEVEN)
    const runs = await shortRuns(writer)
    const { shard: copy, disk, host } = await openFollower(writer)
    for (const run of runs.slice(0, 3)) await copy.applyRun(throughWire(copy, run))
    expect(copy.head.seq).toBe(0n)
    expect(copy.received.seq).toBe(4n)
    expect(contents(copy)).toEqual([])
    disk.owner = undefined
    const { shard: again } = await openFollower(writer, host, disk)
    expect(again.received.seq).toBe(0n)
    for (const run of runs) await again.applyRun(throughWire(again, run))
    expect(contents(again)).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(again.head.seq).toBe(5n)
    disk.owner = undefined
    const { shard: third } = await openFollower(writer, host, disk)
    expect(contents(third)).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect((await drive(host, third.verify())).pages).toBe('match')
  })

  it('takes repeated parts as duplicates and another part at their place as a fork', async () => {
    const writer = await openSmall()
    await commit(writer, SEVEN)
    const runs = await shortRuns(writer)
    const { shard: copy } = await openFollower(writer)
    for (const run of runs.slice(0, 2)) await copy.applyRun(throughWire(copy, run))
    expect(await copy.applyRun(throughWire(copy, runs[1]!))).toBe('duplicate')
    const rival = runs[1]!.frames.at(-1)!
    const forked = await sealedRun(writer, [
      reframe(rival, [payloadOf({ 1: 99 }, 7)], { continues: true }),
    ])
    await expect(copy.applyRun(forked)).rejects.toMatchObject({ code: 'ErrForked' })
  })

  it('reads pages as they were before it, also where it changed them in an earlier frame', async () => {
    const writer = await openSmall()
    await commit(writer, SEVEN)
    const { shard: copy, disk, host } = await openFollower(writer)
    await catchUp(writer, copy)
    for (let turn = 0; turn < 3; turn++) {
      const changes = new Map<number, Uint8Array>()
      for (let pgno = 1; pgno <= 7; pgno++) {
        const image = writer.pages.image(pgno).slice()
        for (let at = 0; at < 400; at++) image[(at + turn * 31) % PAGE_SIZE] = pgno * 10 + turn
        changes.set(pgno, image)
      }
      writer.commit({ changes, pageCount: 7, pageSize: PAGE_SIZE, tables: ['t'] })
    }
    await writer.flush()
    await catchUp(writer, copy)
    expect(copy.newestSeal?.root).toEqual(writer.newestSeal?.root)
    disk.owner = undefined
    const { shard: again } = await openFollower(writer, host, disk)
    expect((await drive(host, again.verify())).pages).toBe('match')
    expect(again.pages.image(3)).toEqual(writer.pages.image(3))
  })

  it('leaves nothing behind when power is lost before its flush', async () => {
    for (let keep = 0; keep < 2; keep++) {
      const host = createManualHost()
      const disk = createFaultyDisk()
      const writer = await openOn(disk.device(host), host, { sectionBytesMax: SECTION_BYTES })
      await drive(host, commit(writer, { 1: 9 }))
      const changes = new Map(Object.values(SEVEN).map((fill) => [fill, page(fill)] as const))
      disk.failSync(1)
      writer.commit({ changes, pageCount: 7, pageSize: PAGE_SIZE, tables: [] })
      await expect(drive(host, writer.flush())).rejects.toMatchObject({ code: 'ErrPoisoned' })
      let asked = 0
      const crashed = disk.crash(() => asked++ % 2 === keep)
      const again = await openOn(crashed.device(host), host)
      expect([2n, 6n]).toContain(again.head.seq)
      expect(contents(again)).toEqual(again.head.seq === 2n ? [9] : [1, 2, 3, 4, 5, 6, 7])
      expect((await drive(host, again.verify())).pages).toBe('match')
    }
  })

  it('that is half here is not in the copy’s snapshot, and gives way to one', async () => {
    const writer = await openSmall()
    await commit(writer, { 1: 8 })
    const { shard: copy } = await openFollower(writer)
    await catchUp(writer, copy)
    await commit(writer, SEVEN)
    const runs = await shortRuns(writer)
    for (const run of runs.slice(1, 3)) await copy.applyRun(throughWire(copy, run))
    expect(copy.received.seq).toBe(4n)
    const { shard: third } = await openFollower(writer, createManualHost({ seed: 4 }))
    await third.install(stream(await snapshotBytes(copy)))
    expect(contents(third)).toEqual([8])
    await copy.install(stream(await snapshotBytes(writer)))
    expect(copy.received.seq).toBe(writer.head.seq)
    expect(contents(copy)).toEqual([1, 2, 3, 4, 5, 6, 7])
  })
})

/** Frames that a broken author makes: valid seals over a payload that breaks FORMATS §7. */
describe('a transaction that breaks the format is refused, with nothing changed', () => {
  const AUTHOR = signerFromSeed(seedOf(1))

  async function refusal(payloads: readonly Uint8Array[], lastContinues = false) {
    const { shard: writer } = await openWriter()
    const { shard: copy } = await openFollower(writer)
    await catchUp(writer, copy)
    let before = writer.authority[0] as Frame
    const frames = payloads.map((payload, index) => {
      const continues = index < payloads.length - 1 || lastContinues
      before = buildFrame({
        kind: 'pages',
        flags: { continues },
        shard: writer.id,
        author: AUTHOR.publicKey,
        epoch: 0n,
        seq: (before.seq + 1n) as Frame['seq'],
        prev: before.checksum,
        hlc: (before.hlc + 1n) as Hlc,
        sections: [payload],
      })
      return before
    })
    const run = await sealedRun(writer, frames)
    const error = await copy.applyRun(run).catch((reason: unknown) => reason)
    expect(copy.head.seq).toBe(1n)
    expect(copy.received.seq).toBe(1n)
    expect(copy.halted).toBeUndefined()
    return error
  }

  it('names two page counts', async () => {
    const error = await refusal([payloadOf({ 1: 1 }, 3), payloadOf({ 2: 2 }, 4)])
    expect(error).toBeInstanceOf(ConstelliteError)
    expect(error).toMatchObject({ code: 'ErrProtocol' })
  })

  it('writes a page twice', async () => {
    const error = await refusal([payloadOf({ 1: 1, 2: 2 }, 3), payloadOf({ 2: 3, 3: 3 }, 3)])
    expect(error).toMatchObject({ code: 'ErrProtocol' })
  })

  it('has more sections than one', async () => {
    const { shard: writer } = await openWriter()
    const { shard: copy } = await openFollower(writer)
    await catchUp(writer, copy)
    const genesis = writer.authority[0] as Frame
    const frame = buildFrame({
      kind: 'pages',
      shard: writer.id,
      author: AUTHOR.publicKey,
      epoch: 0n,
      seq: (genesis.seq + 1n) as Frame['seq'],
      prev: genesis.checksum,
      hlc: (genesis.hlc + 1n) as Hlc,
      sections: [payloadOf({ 1: 1 }, 1), payloadOf({ 1: 2 }, 1)],
    })
    const run = await sealedRun(writer, [frame])
    await expect(copy.applyRun(run)).rejects.toMatchObject({ code: 'ErrProtocol' })
  })
})

describe('a database of too many pages', () => {
  it('is refused at the commit, with nothing changed', async () => {
    const { shard } = await openWriter()
    const tooMany = () =>
      shard.commit({
        changes: new Map([[1, page(1)]]),
        pageCount: PAGE_COUNT_MAX + 1,
        pageSize: PAGE_SIZE,
        tables: [],
      })
    expect(tooMany).toThrow(expect.objectContaining({ code: 'ErrTooLarge' }))
    expect(shard.head.seq).toBe(1n)
    await commit(shard, { 1: 1 })
    expect(contents(shard)).toEqual([1])
  })
})

function payloadOf(fills: Readonly<Record<number, number>>, pageCount: number): Uint8Array {
  const changes = new Map(
    Object.entries(fills).map(([pgno, fill]) => [Number(pgno), page(fill)] as const),
  )
  const [payload] = encodePayloads({
    changes,
    oldImage: () => undefined,
    pageSize: PAGE_SIZE,
    pageCount,
    tables: [],
  })
  return payload as Uint8Array
}

function reframe(frame: Frame, sections: Uint8Array[], flags: Partial<Frame['flags']>): Frame {
  const { kind, shard, author, epoch, seq, prev, hlc } = frame
  return buildFrame({ kind, shard, author, epoch, seq, prev, hlc, sections, flags })
}

async function sealedRun(writer: Shard, frames: readonly Frame[]): Promise<SealedRun> {
  const first = frames[0] as Frame
  const { seq, checksum, epoch, flags } = frames.at(-1) as Frame
  const seal = await createSeal(signerFromSeed(seedOf(1)), {
    shard: writer.id,
    epoch,
    seq,
    checksum,
    root: new Uint8Array(32).fill(flags.continues ? 0 : 5),
  })
  return { firstSeq: first.seq, prev: first.prev, frames, seal }
}
