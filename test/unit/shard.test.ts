/** One local copy: commit, flush, seal, apply, checkpoint, install, import, recover, verify. */

import { describe, expect, it } from 'vitest'
import { ConstelliteError } from '../../src/base/failure.ts'
import { toSeq } from '../../src/base/ids.ts'
import { equalBytes } from '../../src/bytes/compare.ts'
import { signerFromSeed } from '../../src/crypto/signer-noble.ts'
import { verifySeal } from '../../src/frame/seal.ts'
import { createMemoryDevice } from '../../src/storage/memory.ts'
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
  runsOf,
  seedOf,
  throughWire,
} from './shard-fixtures.ts'

describe('a writer', () => {
  it('has a flushed genesis as its first frame', async () => {
    const { shard } = await openWriter()
    expect(shard.head.seq).toBe(1n)
    expect(shard.durable.seq).toBe(1n)
    expect(shard.role).toBe('writer')
    expect(shard.authority).toHaveLength(1)
  })

  it('makes one frame of one commit and none of a commit that changes no byte', async () => {
    const { shard } = await openWriter()
    await commit(shard, { 1: 7, 2: 8 })
    expect(shard.head.seq).toBe(2n)
    await commit(shard, { 2: 8 })
    expect(shard.head.seq).toBe(2n)
    expect(contents(shard)).toEqual([7, 8])
  })

  it('tells listeners of a commit only when it is durable', async () => {
    const { shard } = await openWriter()
    const heard: bigint[] = []
    shard.onAdvance(({ position }) => heard.push(position.seq))
    shard.commit({
      changes: new Map([[1, page(1)]]),
      pageCount: 1,
      pageSize: PAGE_SIZE,
      tables: [],
    })
    expect(heard).toEqual([])
    expect(shard.durable.seq).toBe(1n)
    await shard.flush()
    expect(heard).toEqual([2n])
    expect(shard.durable.seq).toBe(2n)
  })

  it('seals its durable head with a signature that verifies, and when idle without being asked', async () => {
    const { shard, host } = await openWriter()
    await commit(shard, { 1: 1 })
    await host.advance(1_000)
    expect(shard.newestSeal?.seq).toBe(2n)
    expect(verifySeal(shard.newestSeal!)).toBe(true)
  })

  it('seals the root after its own frame though later ones are staged', async () => {
    const { shard } = await openWriter()
    await commit(shard, { 1: 1 })
    const sealing = shard.seal()
    shard.commit({
      changes: new Map([[1, page(9)]]),
      pageCount: 1,
      pageSize: PAGE_SIZE,
      tables: [],
    })
    const seal = await sealing
    expect(seal?.seq).toBe(2n)
    await shard.flush()
    const { shard: copy } = await openFollower(shard)
    await catchUp(shard, copy)
    expect(contents(copy)).toEqual([9])
  })

  it('finds position and pages again after a restart, with and without a close', async () => {
    for (const isClosed of [true, false]) {
      const { shard, disk, host } = await openWriter()
      await commit(shard, { 1: 1, 2: 2, 3: 3 })
      await commit(shard, { 2: 22 }, 2)
      const { head } = shard
      if (isClosed) await shard.close()
      disk.owner = undefined
      const again = await openOn(createMemoryDevice(host, disk), host)
      expect(again.head.seq).toBe(head.seq)
      expect(equalBytes(again.head.checksum, head.checksum)).toBe(true)
      expect(contents(again)).toEqual([1, 22])
      await commit(again, { 1: 5 })
      expect(again.head.seq).toBe(head.seq + 1n)
      expect((await drive(host, again.verify())).pages).toBe('match')
    }
  })

  it('keeps a checkpointed state, its leaves and what came after', async () => {
    const { shard, disk, host } = await openWriter()
    await commit(shard, { 1: 1, 2: 2, 3: 3, 4: 4 })
    await shard.checkpoint()
    expect(shard.pages.dirtyPages()).toHaveLength(0)
    await commit(shard, { 3: 33 })
    await commit(shard, { 1: 11 }, 2)
    await commit(shard, { 5: 55 })
    disk.owner = undefined
    const again = await openOn(createMemoryDevice(host, disk), host)
    // Page 3 and 4 were cut off and came back unwritten: zeros.
    expect(contents(again)).toEqual([11, 2, 0, 0, 55])
    expect((await drive(host, again.verify())).pages).toBe('match')
    const { shard: copy } = await openFollower(again)
    await expect(catchUp(again, copy)).resolves.toBeUndefined()
  })

  it('keeps frames for a holder until it releases them, once for all', async () => {
    const { shard } = await openWriter()
    shard.hold('relay', toSeq(0))
    for (let number = 1; number <= 3; number++) await commit(shard, { 1: number })
    await shard.checkpoint()
    expect(shard.range()?.first).toBe(1n)
    await commit(shard, { 1: 4 })
    await shard.release('relay', shard.head.seq)
    // Named again, as at every start of a sync.
    shard.hold('relay', toSeq(0))
    await shard.checkpoint()
    expect(shard.range()).toBeUndefined()
    shard.hold('other', shard.head.seq)
    await commit(shard, { 1: 5 })
    const { seq } = shard.head
    await shard.checkpoint()
    expect(shard.range()?.first).toBeLessThanOrEqual(seq)
    await shard.keepHolders(['relay'])
    await shard.release('relay', seq)
    await commit(shard, { 1: 6 })
    await shard.checkpoint()
    expect(shard.range()?.first ?? 99n).toBeGreaterThan(seq)
  })

  it('refuses another key for a copy that has one', async () => {
    const { shard, disk, host } = await openWriter()
    await shard.close()
    disk.owner = undefined
    const opening = openOn(createMemoryDevice(host, disk), host, { seed: 3 })
    await expect(opening).rejects.toMatchObject({ code: 'ErrIdentity' })
  })
})

describe('a follower', () => {
  it('has the same pages and root after applying runs, and goes on after a restart', async () => {
    const { shard: writer } = await openWriter()
    await commit(writer, { 1: 1, 2: 2 })
    const { shard: copy, disk, host } = await openFollower(writer)
    await catchUp(writer, copy)
    expect(contents(copy)).toEqual([1, 2])
    expect(copy.role).toBe('follower')
    disk.owner = undefined
    const { shard: again } = await openFollower(writer, host, disk)
    expect(again.head.seq).toBe(writer.head.seq)
    await commit(writer, { 2: 20, 3: 30 })
    await catchUp(writer, again)
    expect(contents(again)).toEqual([1, 20, 30])
    expect(equalBytes(again.newestSeal!.root, writer.newestSeal!.root)).toBe(true)
  })

  it('cannot commit', async () => {
    const { shard: writer } = await openWriter()
    const { shard: copy } = await openFollower(writer)
    const write = () =>
      copy.commit({
        changes: new Map([[1, page(1)]]),
        pageCount: 1,
        pageSize: PAGE_SIZE,
        tables: [],
      })
    expect(write).toThrow(ConstelliteError)
  })

  it('answers a repeated run with duplicate and a late one with ErrGap, changing nothing', async () => {
    const { shard: writer } = await openWriter()
    const { shard: copy } = await openFollower(writer)
    await commit(writer, { 1: 1 })
    const first = await runsOf(writer)
    await commit(writer, { 1: 2 })
    const second = await runsOf(writer, 3n)
    await commit(writer, { 1: 3 })
    const third = await runsOf(writer, 4n)
    for (const run of first) await copy.applyRun(throughWire(copy, run))
    expect(await copy.applyRun(throughWire(copy, first[0]!))).toBe('duplicate')
    await expect(copy.applyRun(throughWire(copy, third[0]!))).rejects.toMatchObject({
      code: 'ErrGap',
    })
    expect(contents(copy)).toEqual([1])
    for (const run of [...second, ...third]) await copy.applyRun(throughWire(copy, run))
    expect(contents(copy)).toEqual([3])
  })

  it('halts with ErrDiverged when its pages are not the sealed ones', async () => {
    const { shard: writer } = await openWriter()
    const { shard: copy } = await openFollower(writer)
    await commit(writer, { 1: 1, 2: 2 })
    await catchUp(writer, copy)
    // Damage a page behind the copy's back, then let the writer change another.
    copy.pages.image(2)[0] = 99
    await commit(writer, { 1: 5, 2: 6 })
    const [run] = await runsOf(writer, copy.received.seq + 1n)
    const broken = { ...run!, seal: { ...run!.seal, root: new Uint8Array(32).fill(3) } }
    await expect(copy.applyRun(broken)).rejects.toMatchObject({ code: 'ErrDiverged' })
    expect(copy.halted?.code).toBe('ErrDiverged')
    await expect(copy.applyRun(run!)).rejects.toMatchObject({ code: 'ErrDiverged' })
  })

  it('installs a snapshot atomically and goes on with the tail', async () => {
    const { shard: writer } = await openWriter()
    await commit(writer, { 1: 1, 2: 2, 3: 3 })
    await commit(writer, { 2: 22 })
    const { shard: copy, disk, host } = await openFollower(writer)
    await copy.install(await writer.snapshot())
    expect(contents(copy)).toEqual([1, 22, 3])
    expect(copy.head.seq).toBe(writer.head.seq)
    await commit(writer, { 3: 33 })
    await catchUp(writer, copy)
    expect(contents(copy)).toEqual([1, 22, 33])
    disk.owner = undefined
    const { shard: again } = await openFollower(writer, host, disk)
    expect(contents(again)).toEqual([1, 22, 33])
    expect((await drive(host, again.verify())).pages).toBe('match')
  })

  it('keeps its state when a snapshot is damaged anywhere', async () => {
    const { shard: writer } = await openWriter()
    await commit(writer, { 1: 1, 2: 2 })
    const parts: Uint8Array[] = []
    for await (const part of await writer.snapshot()) parts.push(part.slice())
    const whole = Buffer.concat(parts)
    for (let at = 0; at < whole.length; at += 13) {
      const { shard: copy } = await openFollower(writer)
      const damaged = Uint8Array.from(whole)
      damaged[at]! ^= 1
      const read = async function* () {
        yield damaged
      }
      await expect(copy.install(read()), `byte ${at}`).rejects.toBeInstanceOf(ConstelliteError)
      expect(copy.head.seq).toBe(0n)
    }
  })
})

describe('a fork', () => {
  it('halts a follower with both seals, and adoption mends a restored backup', async () => {
    const { shard: writer, disk, host } = await openWriter()
    await commit(writer, { 1: 1 })
    await writer.seal()
    await writer.flush()
    const backup = {
      ...disk,
      files: new Map([...disk.files].map(([name, bytes]) => [name, bytes.clone()])),
    }
    backup.owner = undefined
    await commit(writer, { 1: 2 })
    const newer = await runsOf(writer, 3n)
    const restored = await openOn(createMemoryDevice(host, backup), host)
    expect(restored.head.seq).toBe(2n)
    for (const run of newer) await restored.applyRun(throughWire(restored, run))
    expect(contents(restored)).toEqual([2])
    expect(restored.role).toBe('writer')
    await commit(writer, { 1: 3 })
    await commit(restored, { 1: 4 })
    const { shard: copy } = await openFollower(writer)
    await catchUp(writer, copy)
    const [other] = await runsOf(restored, 4n)
    await expect(copy.applyRun(throughWire(copy, other!))).rejects.toMatchObject({
      code: 'ErrForked',
    })
    expect(copy.halted?.facts['ours']).toBeInstanceOf(Uint8Array)
    expect(copy.halted?.facts['theirs']).toBeInstanceOf(Uint8Array)
    expect(signerFromSeed(seedOf(1)).publicKey).toEqual(writer.ownAuthor)
    expect(toSeq(4)).toBe(copy.head.seq)
  })
})
