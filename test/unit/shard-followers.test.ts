/** Two followers that get runs and snapshots in any order, twice, late or not at all, and that lose power
 *  in between: each always shows exactly what the writer had at the follower's own head.
 *  Each case is a seed; a failing one prints it. */

import { describe, expect, it } from 'vitest'
import { isFailure } from '../../src/base/failure.ts'
import { toSeq } from '../../src/base/ids.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { createFaultyDisk, type FaultyDisk } from '../../src/storage/faulty.ts'
import { createMemoryDevice, createMemoryDisk } from '../../src/storage/memory.ts'
import { createManualHost, type ManualHost } from '../../src/testing/manual-host.ts'
import { createRandom, type Random } from '../../src/testing/random.ts'
import {
  contents,
  drive,
  openOn,
  PAGE_SIZE,
  page,
  runsOf,
  snapshotBytes,
  stream,
  throughWire,
} from './shard-fixtures.ts'

const SEEDS = 40
const STEPS = 60
const SECTION_BYTES = 2 * PAGE_SIZE + 64

type Follower = {
  readonly host: ManualHost
  disk: FaultyDisk
  shard: Shard
  readonly id: Uint8Array
}

type Run = {
  readonly random: Random
  readonly host: ManualHost
  readonly writer: Shard
  readonly followers: readonly Follower[]
  /** What the writer showed at each of its heads. */
  readonly shown: Map<bigint, string>
  readonly snapshots: Uint8Array[]
}

async function begin(seed: number): Promise<Run> {
  const random = createRandom(seed)
  const host = createManualHost({ seed })
  const device = createMemoryDevice(host, createMemoryDisk())
  const writer = await openOn(device, host, { sectionBytesMax: SECTION_BYTES })
  const followers: Follower[] = []
  for (let number = 2; number <= 3; number++) {
    const follower = { host: createManualHost({ seed: seed + number }), id: writer.id }
    const delay = seed % 2 === 0 ? { syncDelayMs: 3 } : {}
    const disk = createFaultyDisk({ name: `copy ${number}`, ...delay })
    followers.push({ ...follower, disk, shard: await openCopy(disk, follower) })
  }
  const shown = new Map([
    [0n, '[]'],
    [1n, '[]'],
  ])
  return { random, host, writer, followers, shown, snapshots: [] }
}

async function openCopy(
  disk: FaultyDisk,
  { host, id }: Pick<Follower, 'host' | 'id'>,
): Promise<Shard> {
  return drive(host, openOn(disk.device(host), host, { seed: 2, follow: id }))
}

function commitRandom({ random, writer, shown }: Run): void {
  const before = writer.pages.pageCount(writer.pages.version)
  const pageCount = Math.max(1, before + random.below(7) - 3)
  const changes = new Map<number, Uint8Array>()
  for (let index = random.below(7); index >= 0; index--) {
    changes.set(1 + random.below(pageCount), page(random.below(256)))
  }
  writer.commit({ changes, pageCount, pageSize: PAGE_SIZE, tables: ['t'] })
  shown.set(writer.head.seq, JSON.stringify(contents(writer)))
}

async function stepWriter(run: Run): Promise<void> {
  const { random, host, writer } = run
  commitRandom(run)
  if (random.below(2) === 0) await drive(host, writer.flush())
  if (random.below(3) === 0) await drive(host, writer.seal())
  if (random.below(12) === 0) await drive(host, writer.checkpoint())
  if (random.below(8) === 0) {
    run.snapshots.push(await drive(host, snapshotBytes(writer)))
    run.shown.set(writer.head.seq, JSON.stringify(contents(writer)))
  }
}

/** Every run that the writer can serve from a seq on which it may begin, in pieces of any size. */
async function stepFollower(run: Run, follower: Follower): Promise<void> {
  const { random, host, writer, snapshots } = run
  const { shard } = follower
  const choice = random.below(10)
  if (choice < 6) {
    const from = Math.max(1, Number(shard.received.seq) + 1 - (random.below(4) === 0 ? 3 : 0))
    const ahead = random.below(6) === 0 ? random.below(4) : 0
    if (shard.authority.length === 0) shard.adoptAuthority(writer.authority)
    const [first] = await drive(host, runsOf(writer, BigInt(from + ahead)))
    if (first !== undefined) await tolerate(follower, shard.applyRun(throughWire(shard, first)))
  } else if (choice === 6 && snapshots.length > 0) {
    if (random.below(3) === 0) follower.disk.failWrite(1 + random.below(6), random.below(600))
    await tolerate(follower, shard.install(stream(random.pick(snapshots))))
  } else if (choice === 7) {
    await tolerate(follower, shard.checkpoint())
  } else if (choice >= 8) {
    if (random.below(3) === 0) {
      follower.disk.failWrite(1 + random.below(4), random.below(600))
      await tolerate(follower, shard.checkpoint())
    }
    follower.disk = follower.disk.crash(() => random.below(2) === 0)
    follower.shard = await openCopy(follower.disk, follower)
  }
}

/** A refusal is an answer; a halt is one only where the disk was told to fail. */
async function tolerate({ host, shard }: Follower, work: Promise<unknown>): Promise<void> {
  try {
    await drive(host, work)
  } catch (error) {
    if (!isFailure(error)) throw error
    const { code } = error
    if (!['ErrGap', 'ErrProtocol', 'ErrStorage', 'ErrPoisoned'].includes(code)) throw error
    if (shard.halted !== undefined) {
      expect(['ErrPoisoned', 'ErrStorage']).toContain(shard.halted.code)
    }
  }
}

async function runSeed(seed: number): Promise<void> {
  const run = await begin(seed)
  const { random, host, writer, followers, shown } = run
  for (let step = 0; step < STEPS; step++) {
    const where = `seed ${seed} step ${step}`
    try {
      if (random.below(3) === 0) await stepWriter(run)
      else await stepFollower(run, random.pick(followers))
    } catch (error) {
      throw new Error(where, { cause: error })
    }
    for (const { shard } of followers) {
      expect(JSON.stringify(contents(shard)), where).toBe(shown.get(shard.head.seq))
    }
  }
  await drive(host, writer.flush())
  const last = await drive(host, snapshotBytes(writer))
  for (const follower of followers) {
    follower.disk = follower.disk.crash(() => false)
    follower.shard = await openCopy(follower.disk, follower)
    const { shard } = follower
    if (shard.head.seq < writer.head.seq) await drive(follower.host, shard.install(stream(last)))
    expect(contents(shard), `seed ${seed}`).toEqual(contents(writer))
    expect((await drive(follower.host, shard.verify())).pages, `seed ${seed}`).toBe('match')
    expect(shard.head.seq).toBe(toSeq(writer.head.seq))
  }
}

describe('two followers under every interleaving', () => {
  it(`are always a prefix of the writer (${SEEDS} seeds)`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) await runSeed(seed)
  }, 60_000)
})
