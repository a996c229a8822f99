/** Taking over: a follower becomes the writer by the owner's key; the writer that it supersedes stops, keeps
 *  what it wrote beyond the hand-over in a file that anybody can verify, and may follow from then on. */

import { beforeEach, describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/bytes/compare.ts'
import { formatHex } from '../../src/bytes/text.ts'
import { signerFromSeed } from '../../src/crypto/signer-noble.ts'
import { readRunFile } from '../../src/frame/run-file.ts'
import { readSnapshot } from '../../src/pages/snapshot.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { createMemoryDevice, createMemoryDisk, type MemoryDisk } from '../../src/storage/memory.ts'
import { createManualHost, type ManualHost } from '../../src/testing/manual-host.ts'
import {
  catchUp,
  cloneDisk,
  commit,
  contents,
  drive,
  OWNER,
  openFollower,
  openHeir,
  openOn,
  openWriter,
  PAGE_SIZE,
  page,
  runsOf,
  seedOf,
  snapshotBytes,
  stream,
  throughWire,
} from './shard-fixtures.ts'

let host: ManualHost
let disk: MemoryDisk
let writer: Shard
let heir: Shard

beforeEach(async () => {
  const bench = await openWriter()
  host = bench.host
  disk = bench.disk
  writer = bench.shard
  await commit(writer, { 1: 1, 2: 2 })
  heir = (await openHeir(writer, 3)).shard
})

async function readAll(shard: Shard, file: unknown): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of shard.readKept(String(file))) pieces.push(piece)
  return concatBytes(...pieces)
}

/** What is named after the head that the writer lost. */
function keptName(kind = 'runs'): string {
  return `superseded-1-${formatHex(writer.head.checksum).slice(0, 8)}.${kind}`
}

/** Shows the writer the new chain's first run. */
async function supersede(shard: Shard = writer): Promise<void> {
  const [run] = await runsOf(heir, heir.author!.epoch === 1n ? 3n : heir.head.seq)
  await expect(shard.applyRun(throughWire(shard, run!))).rejects.toMatchObject({
    code: 'ErrSuperseded',
  })
}

async function reopen(options: { readonly follow?: Uint8Array } = {}): Promise<Shard> {
  disk.owner = undefined
  return drive(host, openOn(createMemoryDevice(host, disk), host, { seed: 1, ...options }))
}

describe('takeOver', () => {
  it('makes a follower the writer at its head, at once and after a restart', async () => {
    const copyDisk = createMemoryDisk('other')
    const { shard: copy } = await openFollower(writer, createManualHost(), copyDisk, 4)
    await catchUp(writer, copy)
    await copy.takeOver(OWNER)
    expect(copy.role).toBe('writer')
    expect(copy.head.seq).toBe(3n)
    expect(copy.author).toEqual({ key: copy.ownAuthor, epoch: 1n })
    await commit(copy, { 1: 9 })
    const { shard: follower } = await openFollower(writer, createManualHost(), undefined, 5)
    await catchUp(writer, follower)
    await catchUp(copy, follower)
    expect(contents(follower)).toEqual([9, 2])
    copyDisk.owner = undefined
    const again = await openOn(createMemoryDevice(host, copyDisk), host, {
      seed: 4,
      follow: writer.id,
    })
    expect(again.role).toBe('writer')
    await commit(again, { 1: 10 })
    expect(contents(again)).toEqual([10, 2])
  })

  it('refuses a key that is neither the owner’s nor the recovery key', async () => {
    await expect(heir.takeOver(signerFromSeed(seedOf(9)))).rejects.toMatchObject({
      code: 'ErrIdentity',
    })
    expect(heir.role).toBe('follower')
    expect(heir.head.seq).toBe(2n)
  })

  it('refuses the writer, a copy that holds nothing, and one that has halted', async () => {
    await expect(writer.takeOver(OWNER)).rejects.toMatchObject({ code: 'ErrRefused' })
    const { shard: empty } = await openFollower(writer, createManualHost(), undefined, 5)
    await expect(empty.takeOver(OWNER)).rejects.toMatchObject({ code: 'ErrUnavailable' })
    await heir.takeOver(OWNER)
    await supersede()
    await expect(writer.takeOver(OWNER)).rejects.toMatchObject({ code: 'ErrSuperseded' })
  })

  it('takes an epoch above every one that it was told of', async () => {
    const { shard: rival } = await openHeir(writer, 4)
    await rival.takeOver(OWNER)
    // Told by a relay's list of authors, before its frames came.
    heir.adoptAuthority(rival.authority)
    await heir.takeOver(OWNER)
    expect(heir.author?.epoch).toBe(2n)
    expect(() => rival.adoptAuthority(heir.authority)).toThrow(
      expect.objectContaining({ code: 'ErrSuperseded' }),
    )
  })

  it('cuts off a transaction that has not wholly arrived', async () => {
    const rig = createManualHost()
    const big = await openOn(createMemoryDevice(rig, createMemoryDisk('big')), rig, {
      sectionBytesMax: 700,
    })
    await commit(big, { 1: 1 })
    const { shard: copy } = await openFollower(big, createManualHost(), undefined, 6)
    await catchUp(big, copy)
    const random = Uint8Array.from({ length: PAGE_SIZE }, (_, index) => (index * 97) % 251)
    const changes = new Map([1, 2, 3].map((pgno) => [pgno, random.map((byte) => byte ^ pgno)]))
    big.commit({ changes, pageCount: 3, pageSize: PAGE_SIZE, tables: ['t'] })
    await big.flush()
    await big.seal()
    const part = big.readRun((copy.head.seq + 1n) as Shard['head']['seq'], 1)
    await copy.applyRun(throughWire(copy, part!))
    expect(copy.received.seq).toBeGreaterThan(copy.head.seq)
    const { seq } = copy.head
    await copy.takeOver(OWNER)
    expect(copy.head.seq).toBe(seq + 1n)
    expect(copy.received.seq).toBe(copy.head.seq)
    expect(contents(copy)).toEqual([1])
  })
})

describe('a superseded writer', () => {
  it('keeps what it wrote beyond in a file that verifies with nothing else', async () => {
    await heir.takeOver(OWNER)
    for (let number = 0; number < 3; number++) await commit(writer, { 1: 50 + number })
    await supersede()
    const facts = writer.halted?.facts
    expect(facts).toMatchObject({ seq: 3n, epoch: 1n, file: keptName() })
    expect(writer.halted?.hint).toContain(keptName())
    const file = readRunFile(await readAll(writer, facts?.['file']))
    if (!file.ok) throw file.failure
    const frames = file.value.runs.flatMap((run) => run.frames)
    expect(frames.map((frame) => frame.seq)).toEqual([3n, 4n, 5n])
    expect(frames.at(-1)?.checksum).toEqual(writer.head.checksum)
    expect(contents(writer)).toEqual([52, 2])
    await expect(readAll(writer, 'pages-0')).rejects.toMatchObject({ code: 'ErrUnavailable' })
  })

  it('keeps what was committed and not yet flushed when it heard of it', async () => {
    await heir.takeOver(OWNER)
    const changes = new Map([[1, page(77)]])
    writer.commit({ changes, pageCount: 2, pageSize: PAGE_SIZE, tables: ['t'] })
    expect(() => writer.adoptAuthority(heir.authority)).toThrow(/handed over/)
    const file = readRunFile(await readAll(writer, writer.halted?.facts['file']))
    expect(file.ok && file.value.runs.at(-1)?.seal.seq).toBe(3n)
    expect(writer.durable).toEqual(writer.head)
  })

  it('names no file when it wrote nothing beyond', async () => {
    await heir.takeOver(OWNER)
    await supersede()
    expect(writer.halted?.facts['file']).toBeUndefined()
    expect([...disk.files.keys()].filter((name) => name.startsWith('superseded'))).toEqual([])
  })

  it('keeps the whole image where its log has the frames no longer', async () => {
    await heir.takeOver(OWNER)
    await commit(writer, { 1: 60 })
    await writer.checkpoint()
    await commit(writer, { 1: 61 })
    expect(writer.range()?.first).toBe(4n)
    await supersede()
    expect(writer.halted?.facts['file']).toBe(keptName('snapshot'))
    const bytes = await readAll(writer, keptName('snapshot'))
    const pages: number[] = []
    const read = await readSnapshot(stream(bytes), {
      header: () => undefined,
      pages: (_, image) => void pages.push(image[0]!, image[PAGE_SIZE]!),
    })
    expect(read.ok && read.value.seal.seq).toBe(4n)
    expect(pages).toEqual([61, 2])
  })

  it('writes the file at the next opening when a crash came before it', async () => {
    await heir.takeOver(OWNER)
    await commit(writer, { 1: 60 })
    await supersede()
    const whole = await readAll(writer, keptName())
    const kept = disk.files.get(keptName())!
    kept.truncate(0)
    kept.write(10, new Uint8Array(7).fill(9))
    const again = await reopen()
    expect(again.halted?.facts['file']).toBe(keptName())
    expect(await readAll(again, keptName())).toEqual(whole)
    expect(contents(again)).toEqual([60, 2])
  })

  it.each([
    ['beyond the hand-over, by a snapshot', 2],
    ['at the hand-over, by frames', 0],
  ])('follows the new writer after a restart: %s', async (_, beyond) => {
    await heir.takeOver(OWNER)
    await commit(heir, { 2: 20 })
    for (let number = 0; number < beyond; number++) await commit(writer, { 1: 70 + number })
    await supersede()
    const follower = await reopen({ follow: writer.id })
    expect(follower.halted).toBeUndefined()
    expect(follower.role).toBe('follower')
    const news = follower.adoptAuthority(heir.authority)
    if (beyond > 0) {
      expect(news).toEqual({ type: 'rewind', seq: 3n })
      expect(await follower.install(stream(await snapshotBytes(heir)))).toEqual({ isRewound: true })
    }
    await catchUp(heir, follower)
    expect(contents(follower)).toEqual([1, 20])
    await follower.close()
    // The halt is of the past now, whatever it is opened with.
    const again = await reopen()
    expect(again.halted).toBeUndefined()
    expect(again.role).toBe('follower')
    const names = [...disk.files.keys()].filter((name) => name.startsWith('superseded'))
    expect(names).toEqual(beyond > 0 ? [keptName()] : [])
    await again.takeOver(OWNER)
    expect(again.author?.epoch).toBe(2n)
    const third = await reopen()
    expect([third.role, third.halted]).toEqual(['writer', undefined])
  })

  it('stays stopped when it followed and closed before it came to the hand-over', async () => {
    await heir.takeOver(OWNER)
    await commit(writer, { 1: 70 })
    await supersede()
    const follower = await reopen({ follow: writer.id })
    await follower.close()
    const again = await reopen()
    expect(again.halted?.code).toBe('ErrSuperseded')
  })

  it('stops again when it took over again and was superseded once more', async () => {
    await heir.takeOver(OWNER)
    await supersede()
    const again = await reopen({ follow: writer.id })
    await catchUp(heir, again)
    await again.takeOver(OWNER)
    const { shard: next } = await openFollower(writer, createManualHost(), undefined, 4)
    for (const from of [heir, again]) await catchUp(from, next)
    await next.takeOver(OWNER)
    expect(() => again.adoptAuthority(next.authority)).toThrow(/handed over/)
    expect(again.halted?.facts['epoch']).toBe(3n)
    const third = await reopen()
    expect(third.halted).toMatchObject({ code: 'ErrSuperseded', facts: { epoch: 3n } })
  })

  it('takes own frames from before the hand-over as a follower, and stays one', async () => {
    // Yesterday's backup of the writer, which learns of the hand-over before it has them.
    const backup = cloneDisk(disk)
    await commit(writer, { 1: 5 })
    await catchUp(writer, heir)
    await heir.takeOver(OWNER)
    backup.owner = undefined
    const restored = await openOn(createMemoryDevice(host, backup), host, { seed: 1 })
    expect(() => restored.adoptAuthority(heir.authority)).toThrow(/handed over/)
    await drive(host, restored.close())
    backup.owner = undefined
    const follower = await openOn(createMemoryDevice(host, backup), host, {
      seed: 1,
      follow: writer.id,
    })
    await catchUp(writer, follower)
    expect(follower.role).toBe('follower')
    await catchUp(heir, follower)
    expect(follower.head).toEqual(heir.head)
  })
})
