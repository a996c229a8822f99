/** Repair: a damaged log goes on from the newest sealed state that is left and that the pages give, or nothing
 *  changes; what is given up is kept. */

import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { ConstelliteError } from '../../src/base/failure.ts'
import { signerFromSeed } from '../../src/crypto/signer-noble.ts'
import { openShard } from '../../src/shard/open.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { createMemoryDevice, createMemoryDisk, type MemoryDisk } from '../../src/storage/memory.ts'
import { createManualHost, type ManualHost } from '../../src/testing/manual-host.ts'
import { createRandom } from '../../src/testing/random.ts'
import { groupsOf } from '../support/rewrite-log.ts'
import {
  catchUp,
  cloneDisk,
  commit,
  contents,
  drive,
  OWNER,
  openFollower,
  openOn,
  openWriter,
  seedOf,
} from './shard-fixtures.ts'

type Opened = Awaited<ReturnType<typeof openShard>>

async function repair(
  disk: MemoryDisk,
  options: { readonly seed?: number; readonly follow?: Uint8Array } = {},
): Promise<Opened & { readonly host: ManualHost }> {
  disk.owner = undefined
  const host = createManualHost({ seed: 7 })
  const device = createMemoryDevice(host, disk)
  await device.acquire()
  const { seed = 1, follow } = options
  const opening = openShard({
    host,
    device,
    signer: signerFromSeed(seedOf(seed)),
    repair: true,
    create:
      follow === undefined
        ? { type: 'genesis', genesis: { name: 'test', owner: OWNER.publicKey } }
        : { type: 'follow', shard: follow },
  })
  return { ...(await drive(host, opening)), host }
}

async function refusal(opening: Promise<unknown>): Promise<string> {
  return opening.then(
    () => 'opened',
    (error: ConstelliteError) => error.code,
  )
}

async function openPlainly(disk: MemoryDisk, follow?: Uint8Array): Promise<Shard> {
  disk.owner = undefined
  const host = createManualHost({ seed: 8 })
  const options = follow === undefined ? {} : { follow, seed: 2 }
  return drive(host, openOn(createMemoryDevice(host, disk), host, options))
}

function bytesOf(disk: MemoryDisk, name: string): Uint8Array {
  const file = disk.files.get(name)
  const bytes = new Uint8Array(file?.size ?? 0)
  file?.read(0, bytes)
  return bytes
}

/** Names and contents of all files, short enough to compare often. */
function imageOf(disk: MemoryDisk): readonly string[] {
  return [...disk.files.keys()]
    .sort()
    .map((name) => `${name} ${createHash('sha1').update(bytesOf(disk, name)).digest('hex')}`)
}

function flip(disk: MemoryDisk, name: string, at: number): void {
  const byte = bytesOf(disk, name)[at] as number
  disk.files.get(name)?.write(at, Uint8Array.of(byte ^ 1))
}

/** A writer with a sealed frame for each of these, and its disk as a crash would leave it. */
async function writerOf(fills: readonly number[]) {
  const bench = await openWriter()
  for (const fill of fills) {
    await commit(bench.shard, { 1: fill, 2: fill })
    await bench.shard.seal()
  }
  await bench.shard.flush()
  return { ...bench, disk: cloneDisk(bench.disk), live: bench.disk }
}

/** Flips a byte in the group that holds the frame of `fill`. */
function damageFrame(disk: MemoryDisk, fill: number): void {
  const bytes = bytesOf(disk, 'log-0')
  const group = groupsOf(bytes).find(({ bodyAt, bodyEnd }) => {
    const body = bytes.subarray(bodyAt, bodyEnd)
    return body.some((_, at) => body.subarray(at, at + 40).every((byte) => byte === fill))
  })
  if (group === undefined) throw new Error('a group holds the frame')
  flip(disk, 'log-0', group.bodyAt + 9)
}

describe('a log in which something flushed is damaged', () => {
  it('is refused, and repaired to what is before the damage, and what was lost is kept', async () => {
    const { disk } = await writerOf([201, 202, 203, 204, 205])
    damageFrame(disk, 203)
    const damaged = bytesOf(disk, 'log-0')
    expect(await refusal(openPlainly(disk))).toBe('ErrCorrupt')
    const { shard, repaired, host } = await repair(disk)
    expect(repaired).toEqual({ seq: 3n, frames: 3, file: 'damaged-1.log' })
    expect(shard.head.seq).toBe(3n)
    expect(contents(shard)).toEqual([202, 202])
    const kept = bytesOf(disk, 'damaged-1.log')
    expect(kept.subarray(2 + 5 + 8, 2 + 5 + 8 + damaged.byteLength)).toEqual(damaged)
    await commit(shard, { 1: 50 })
    const report = await drive(host, shard.verify())
    expect([report.pages, report.chain.broken, report.seals.broken]).toEqual([
      'match',
      undefined,
      undefined,
    ])
    await drive(host, shard.close())
    expect(contents(await openPlainly(disk))).toEqual([50, 202])
    expect(bytesOf(disk, 'damaged-1.log')).toEqual(kept)
  })

  it('is left as it is where nothing is damaged', async () => {
    const { disk } = await writerOf([1, 2])
    const { shard, repaired } = await repair(disk)
    expect(repaired).toBeUndefined()
    expect(contents(shard)).toEqual([2, 2])
    expect([...disk.files.keys()].some((name) => name.startsWith('damaged'))).toBe(false)
  })

  it('keeps the frames before the damage that no seal covers', async () => {
    const { shard, host, live } = await writerOf([201])
    await commit(shard, { 1: 202 })
    await commit(shard, { 1: 203 })
    await commit(shard, { 1: 204 })
    const disk = cloneDisk(live)
    damageFrame(disk, 203)
    const again = await repair(disk)
    expect(again.repaired?.seq).toBe(3n)
    expect(contents(again.shard)).toEqual([202, 201])
    expect((await again.shard.seal())?.seq).toBe(3n)
    expect((await drive(again.host, again.shard.verify())).pages).toBe('match')
    await host.advance(100)
  })
})

/** The newest segment is lost, and the one before it is kept for a relay: the page file is ahead of it. */
async function losingFold() {
  const bench = await openWriter()
  const { shard, host } = bench
  shard.hold('relay', shard.head.seq)
  await commit(shard, { 1: 1, 2: 2 })
  await shard.seal()
  await commit(shard, { 1: 3 })
  await drive(host, shard.checkpoint())
  await commit(shard, { 1: 4 })
  await shard.seal()
  await shard.flush()
  const disk = cloneDisk(bench.disk)
  const newest = ['log-0', 'log-1'].find((name) => bytesOf(disk, name)[31] === 2)
  if (newest === undefined) throw new Error('two segments are kept')
  return { ...bench, disk, newest }
}

describe('a log whose page file may hold what was lost', () => {
  it('is refused by a repair too, with nothing changed, where the pages are not the sealed ones', async () => {
    const { disk, newest } = await losingFold()
    // The images of the fold are lost with everything after the first seal.
    const older = newest === 'log-0' ? 'log-1' : 'log-0'
    flip(disk, newest, 20)
    const groups = groupsOf(bytesOf(disk, older))
    flip(disk, older, (groups[2]?.bodyAt ?? 0) + 9)
    const before = imageOf(disk)
    expect(await refusal(repair(disk))).toBe('ErrCorrupt')
    expect(imageOf(disk)).toEqual(before)
    expect(await refusal(openPlainly(disk))).toBe('ErrCorrupt')
  })

  it('begins anew where it follows, and keeps the damaged log', async () => {
    const { shard: writer } = await writerOf([1, 2, 3])
    const copyDisk = createMemoryDisk('copy')
    const { shard: copy, host } = await openFollower(writer, undefined, copyDisk)
    await catchUp(writer, copy)
    await drive(host, copy.checkpoint())
    for (const fill of [4, 5, 6]) {
      await commit(writer, { 1: fill })
      await catchUp(writer, copy)
    }
    const disk = cloneDisk(copyDisk)
    const log = [...disk.files.keys()].filter((name) => name.startsWith('log-'))
    const newest = log.find((name) => groupsOf(bytesOf(disk, name)).length > 2)
    if (newest === undefined) throw new Error('a segment has the last frames')
    const damaged = bytesOf(disk, newest)
    flip(disk, newest, (groupsOf(damaged)[1]?.bodyAt ?? 0) + 9)
    // The page file has what a frame wrote that is lost now.
    disk.files.get('pages-0')?.write(0, new Uint8Array(512).fill(6))
    expect(await refusal(openPlainly(disk, writer.id))).toBe('ErrCorrupt')
    const before = imageOf(disk)
    expect(await refusal(repair(disk, { seed: 2 }))).toBe('ErrCorrupt')
    expect(imageOf(disk)).toEqual(before)
    const { shard: again, repaired } = await repair(disk, { seed: 2, follow: writer.id })
    expect(repaired).toEqual({ seq: 0n, frames: 7, file: 'damaged-1.log' })
    again.adoptAuthority(writer.authority)
    await again.install(await writer.snapshot())
    expect(again.head).toEqual(writer.head)
    expect(contents(again)).toEqual(contents(writer))
    expect(bytesOf(disk, 'damaged-1.log').byteLength).toBeGreaterThan(damaged.byteLength)
  })
})

describe('a byte that is flipped anywhere in a log, and sometimes in the pages', () => {
  it('leaves a state that the writer sealed, or a refusal with nothing changed (80 seeds)', async () => {
    const bench = await openWriter()
    const { shard, host } = bench
    shard.hold('relay', shard.head.seq)
    const states = new Map<bigint, readonly (number | string)[]>([[1n, []]])
    for (let fill = 1; fill <= 12; fill++) {
      const { seq } = await commit(shard, { [1 + (fill % 3)]: fill, 4: fill })
      if (fill % 2 === 0) await shard.seal()
      states.set(seq, contents(shard))
      if (fill === 6) await drive(host, shard.checkpoint())
    }
    const outcomes = { opened: 0, refused: 0 }
    for (let seed = 1; seed <= 80; seed++) {
      const random = createRandom(seed)
      const disk = cloneDisk(bench.disk)
      const names = [...disk.files.keys()].filter((name) => name.startsWith('log-'))
      const name = random.pick(names)
      // And sometimes in the page file, which a repair must not believe either.
      if (seed % 4 === 0) flip(disk, 'pages-0', random.below(bytesOf(disk, 'pages-0').byteLength))
      flip(disk, name, random.below(groupsOf(bytesOf(disk, name)).at(-1)?.endAt ?? 64))
      const before = imageOf(disk)
      try {
        const { shard: again, repaired } = await repair(disk)
        expect(contents(again), `seed ${seed}`).toEqual(states.get(again.head.seq))
        if (repaired === undefined) continue
        expect(repaired.seq, `seed ${seed}`).toBe(again.head.seq)
        outcomes.opened += 1
      } catch (error) {
        expect(await refusal(Promise.reject(error)), `seed ${seed}`).toBe('ErrCorrupt')
        expect(imageOf(disk), `seed ${seed}`).toEqual(before)
        outcomes.refused += 1
      }
    }
    expect(outcomes.opened).toBeGreaterThan(5)
    expect(outcomes.refused).toBeGreaterThan(0)
  })
})
