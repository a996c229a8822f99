/** Verify checks every seal that the log still holds, not the newest alone: its signature, and that its
 *  author is the one whom the chain names there. */

import { beforeEach, describe, expect, it } from 'vitest'
import { signerFromSeed } from '../../src/crypto/signer-noble.ts'
import { createSeal, type Seal } from '../../src/frame/seal.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { createMemoryDevice, type MemoryDisk } from '../../src/storage/memory.ts'
import type { ManualHost } from '../../src/testing/manual-host.ts'
import { openWal } from '../../src/wal/wal.ts'
import {
  catchUp,
  cloneDisk,
  commit,
  drive,
  openHeir,
  openOn,
  openWriter,
  seedOf,
  takeOver,
} from './shard-fixtures.ts'

let host: ManualHost
let disk: MemoryDisk
/** The seal that the writer made at seq 2. */
let honest: Seal

beforeEach(async () => {
  const bench = await openWriter()
  host = bench.host
  await commit(bench.shard, { 1: 1 })
  disk = cloneDisk(bench.disk)
  const seal = await bench.shard.seal()
  if (seal === undefined) throw new Error('the head was sealed')
  honest = seal
})

/** A copy whose log has this seal at the last frame of `disk`, and honest newer ones. */
async function openWith(seal: Seal): Promise<Shard> {
  const device = createMemoryDevice(host, disk)
  await device.acquire()
  const opened = await openWal({ host, device })
  opened?.wal.stage({ type: 'seal', seal })
  await opened?.wal.close()
  disk.owner = undefined
  const shard = await openOn(createMemoryDevice(host, disk), host)
  for (const fill of [2, 3]) {
    await commit(shard, { 1: fill })
    await shard.seal()
  }
  await shard.flush()
  return shard
}

function forge(seal: Seal): Seal {
  const signature = seal.signature.slice()
  signature[40] = (signature[40] as number) ^ 1
  return { ...seal, signature }
}

describe('verify', () => {
  it('counts every seal that the log still holds', async () => {
    const shard = await openWith(honest)
    const report = await drive(host, shard.verify())
    expect(report.pages).toBe('match')
    expect(report.chain).toEqual({ first: 1n, last: 4n, broken: undefined })
    expect(report.seals).toEqual({ checked: 3, broken: undefined })
  })

  it('names an earlier seal whose signature is broken', async () => {
    const shard = await openWith(forge(honest))
    const report = await drive(host, shard.verify())
    expect(report.pages).toBe('match')
    expect(report.seals.broken).toBe(2n)
    expect(report.chain.broken).toBe(1n)
  })

  it.each([3, 63, 64, 70])(
    'names the first forged seal behind %i good ones, which count',
    async (good) => {
      const bench = await openWriter()
      host = bench.host
      for (let fill = 0; fill < good; fill++) {
        await commit(bench.shard, { 1: fill })
        await bench.shard.seal()
      }
      await commit(bench.shard, { 1: 200 })
      disk = cloneDisk(bench.disk)
      const seal = await bench.shard.seal()
      const shard = await openWith(forge(seal ?? honest))
      const report = await drive(host, shard.verify())
      expect(report.seals).toEqual({ checked: good, broken: BigInt(good + 2) })
      expect(report.chain.broken).toBe(BigInt(good + 2))
    },
  )

  it('names an earlier seal of an author whom the chain does not name', async () => {
    const stranger = signerFromSeed(seedOf(9))
    const shard = await openWith(await createSeal(stranger, honest))
    const report = await drive(host, shard.verify())
    expect(report.seals.broken).toBe(2n)
    expect(report.chain.broken).toBe(1n)
  })

  it('names a forged seal rather than a stranger’s behind it', async () => {
    const first = await openWith(forge(honest))
    await commit(first, { 1: 9 })
    disk = cloneDisk(disk)
    const late = await first.seal()
    const shard = await openWith(await createSeal(signerFromSeed(seedOf(9)), late ?? honest))
    const report = await drive(host, shard.verify())
    expect(report.seals).toEqual({ checked: 0, broken: 2n })
    expect(report.chain.broken).toBe(1n)
  })

  it('takes the seals of every author that the chain named, each in its term', async () => {
    const shard = await openWith(honest)
    const { shard: heir, host: heirHost } = await openHeir(shard, 3)
    await takeOver(heir, { seed: 3 })
    await commit(heir, { 1: 7 })
    await heir.seal()
    await heir.flush()
    const { shard: copy, host: copyHost } = await openHeir(heir, 4)
    await catchUp(heir, copy)
    for (const [one, at] of [
      [heir, heirHost],
      [copy, copyHost],
    ] as const) {
      const report = await drive(at, one.verify())
      expect(report.chain).toEqual({ first: 1n, last: 6n, broken: undefined })
      expect(report.seals.broken).toBeUndefined()
      expect(report.seals.checked).toBeGreaterThan(1)
    }
  })
})
