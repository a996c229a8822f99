/** Hand-over: the chain itself names a new author, and every copy obeys. */

import { beforeEach, describe, expect, it } from 'vitest'
import { type Hlc, toSeq } from '../../src/base/ids.ts'
import { signerFromSeed } from '../../src/crypto/signer-noble.ts'
import { buildFrame } from '../../src/frame/frame.ts'
import { decodeRun, encodeRun } from '../../src/frame/run.ts'
import { isFatal } from '../../src/replication/ordered-apply.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { createMemoryDevice, createMemoryDisk, type MemoryDisk } from '../../src/storage/memory.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import {
  catchUp,
  commit,
  contents,
  drive,
  handOverRun,
  openFollower,
  openHeir,
  openOn,
  openWriter,
  runsOf,
  seedOf,
  snapshotBytes,
  stream,
  takeOver,
  throughWire,
} from './shard-fixtures.ts'

let writer: Shard
let heir: Shard
let heirDisk: MemoryDisk
let copy: Shard
let copyDisk: MemoryDisk

beforeEach(async () => {
  writer = (await openWriter()).shard
  await commit(writer, { 1: 1, 2: 2 })
  const bench = await openHeir(writer, 3)
  heir = bench.shard
  heirDisk = bench.disk
  copyDisk = createMemoryDisk('copy')
  copy = (await openFollower(writer, createManualHost({ seed: 2 }), copyDisk)).shard
  await catchUp(writer, copy)
})

describe('a hand-over at the head', () => {
  it('makes its author the writer, whom followers obey, also after restarts', async () => {
    await takeOver(heir, { seed: 3 })
    expect(heir.role).toBe('writer')
    await commit(heir, { 2: 20 })
    await catchUp(heir, copy)
    expect(contents(copy)).toEqual([1, 20])
    expect(copy.author?.epoch).toBe(1n)
    heirDisk.owner = undefined
    const host = createManualHost({ seed: 3 })
    const again = await openOn(createMemoryDevice(host, heirDisk), host, {
      seed: 3,
      follow: writer.id,
    })
    expect(again.role).toBe('writer')
    await commit(again, { 1: 10 })
    copyDisk.owner = undefined
    const { shard: copyAgain } = await openFollower(writer, createManualHost(), copyDisk)
    await catchUp(again, copyAgain)
    expect(contents(copyAgain)).toEqual([10, 20])
  })

  it.each([
    ['in the chain', 0],
    ['below what it wrote since', 2],
  ])('halts the old writer with ErrSuperseded: %s', async (_, beyond) => {
    const run = await takeOver(heir, { seed: 3 })
    for (let number = 0; number < beyond; number++) await commit(writer, { 1: 50 + number })
    const applying = writer.applyRun(throughWire(writer, run))
    await expect(applying).rejects.toMatchObject({ code: 'ErrSuperseded' })
    expect(writer.halted?.code).toBe('ErrSuperseded')
    expect(() =>
      writer.commit({ changes: new Map(), pageCount: 9, pageSize: 512, tables: [] }),
    ).toThrow(expect.objectContaining({ code: 'ErrSuperseded' }))
  })

  it('halts the old writer also when it only hears of it in a list of authors', async () => {
    await takeOver(heir, { seed: 3 })
    expect(() => writer.adoptAuthority(heir.authority)).toThrow(
      expect.objectContaining({ code: 'ErrSuperseded' }),
    )
    expect(writer.halted?.code).toBe('ErrSuperseded')
  })

  it('leaves later runs of the old writer refused, without halting who gets them', async () => {
    await copy.applyRun(throughWire(copy, await takeOver(heir, { seed: 3 })))
    await commit(writer, { 1: 66 })
    const [late] = await runsOf(writer, 3n)
    const decoded = decodeRun(encodeRun(late!), copy.mayWrite)
    const failure = decoded.ok ? undefined : decoded.failure
    expect(failure?.code).toBe('ErrSuperseded')
    expect(isFatal(copy, failure)).toBe(false)
    expect(copy.halted).toBeUndefined()
  })
})

describe('a hand-over below a follower’s head', () => {
  beforeEach(async () => {
    await commit(writer, { 1: 3 })
    await catchUp(writer, copy)
  })

  it.each([
    ['lower', 0],
    ['equal', 1],
    ['higher', 3],
  ])('moves it back by a snapshot only, whose seq is %s than its head', async (_, more) => {
    await commit(writer, { 1: 4 })
    await catchUp(writer, copy)
    const run = await takeOver(heir, { seed: 3 })
    await expect(copy.applyRun(throughWire(copy, run))).rejects.toMatchObject({
      code: 'ErrUnavailable',
      facts: { seq: 3n, rewind: true },
    })
    expect(contents(copy)).toEqual([4, 2])
    for (let number = 0; number < more; number++) await commit(heir, { 2: 70 + number })
    expect(copy.adoptAuthority(heir.authority)).toEqual({ type: 'rewind', seq: 3n })
    const installed = await copy.install(stream(await snapshotBytes(heir)))
    expect(installed.isRewound).toBe(true)
    expect(contents(copy)).toEqual(contents(heir))
    // Nothing of the other history is left to be compared or served.
    for (let seq = 1; seq <= 4; seq++) expect(copy.readFrame(toSeq(seq))).toBeUndefined()
    await commit(heir, { 2: 80 })
    await catchUp(heir, copy)
    expect(contents(copy)).toEqual([1, 80])
    copyDisk.owner = undefined
    const host = createManualHost({ seed: 2 })
    const { shard: again } = await openFollower(heir, host, copyDisk)
    expect(contents(again)).toEqual([1, 80])
    expect((await drive(host, again.verify())).pages).toBe('match')
  })
})

describe('two hand-overs of one epoch', () => {
  it('halt whoever sees both, with both as evidence', async () => {
    const { shard: rival } = await openHeir(writer, 4)
    await copy.applyRun(throughWire(copy, await takeOver(heir, { seed: 3 })))
    const second = await takeOver(rival, { seed: 4 })
    const decoded = decodeRun(encodeRun(second), copy.mayWrite)
    const failure = decoded.ok ? undefined : decoded.failure
    expect(failure?.code).toBe('ErrForked')
    expect(isFatal(copy, failure)).toBe(true)
    for (const side of ['ours', 'theirs']) {
      expect(failure?.facts[side]).toBeInstanceOf(Uint8Array)
    }
    expect(() => copy.adoptAuthority(rival.authority)).toThrow(
      expect.objectContaining({ code: 'ErrForked' }),
    )
    expect(copy.halted?.code).toBe('ErrForked')
  })

  it('are no fork when the owner did not sign the second', async () => {
    const { shard: rival } = await openHeir(writer, 4)
    await copy.applyRun(throughWire(copy, await takeOver(heir, { seed: 3 })))
    const forged = await handOverRun(rival, { seed: 4, owner: signerFromSeed(seedOf(66)) })
    const decoded = decodeRun(encodeRun(forged), copy.mayWrite)
    const failure = decoded.ok ? undefined : decoded.failure
    expect(failure?.code).toBe('ErrAuthor')
    expect(isFatal(copy, failure)).toBe(false)
  })

  it('that differ in their clock alone are told apart by the chain', async () => {
    const run = await handOverRun(heir, { seed: 3 })
    const frame = run.frames[0]!
    const { kind, shard, author, epoch, seq, prev } = frame
    const section = frame.sections?.[0]
    const sections = section !== undefined && 'bytes' in section ? [section.bytes] : []
    const hlc = (frame.hlc + 7n) as Hlc
    const tampered = buildFrame({ kind, shard, author, epoch, seq, prev, hlc, sections })
    const host = createManualHost({ seed: 8 })
    const late = await openOn(createMemoryDevice(host, createMemoryDisk('late')), host, {
      seed: 8,
      follow: writer.id,
    })
    late.adoptAuthority([writer.authority[0]!, tampered])
    await catchUp(writer, late)
    expect(late.head.seq).toBe(2n)
    await heir.applyRun(throughWire(heir, run))
    await commit(heir, { 1: 9 })
    await catchUp(heir, late)
    expect(contents(late)).toEqual([9, 2])
    expect(late.authority[1]?.checksum).toEqual(frame.checksum)
  })
})
