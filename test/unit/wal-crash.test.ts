/** Whatever a crash, a failed write or a failed flush leaves behind, the log opens with a prefix of what
 *  was staged that has everything that was flushed.  Every run prints its seed when it fails. */
import { describe, expect, it } from 'vitest'
import { isFailure } from '../../src/base/failure.ts'
import { toSeq } from '../../src/base/ids.ts'
import type { Frame } from '../../src/frame/frame.ts'
import { openWal, type Recovery, type Wal } from '../../src/wal/wal.ts'
import { seqs } from './wal-chain.ts'
import { createWorld, HOLDER, step, until, type World, whole } from './wal-crash-steps.ts'

const RUNS = Number(process.env['WAL_CRASH_RUNS'] ?? 50)
const FIRST_SEED = Number(process.env['WAL_CRASH_SEED'] ?? 1)
const STEPS = 40
const FAULTS = ['ErrPoisoned', 'ErrStorage', 'ErrQuota'] as const
/** Opens what is on the disk, checks it, and goes on from there. */
async function reopen(world: World): Promise<void> {
  world.device = world.disk.device(world.host)
  await world.device.acquire()
  const { disk, random } = world
  // Opening writes too, and may fail or lose power itself.
  if (random.chance(0.15)) disk.failSync(1 + random.below(3))
  disk.limitBytes(random.chance(0.1) ? 2000 + random.below(400_000) : Number.MAX_SAFE_INTEGER)
  if (random.chance(0.1)) disk.failWrite(1 + random.below(4), random.below(600))
  const opened = await until(world, openWal({ host: world.host, device: world.device }))
  if (opened === undefined) throw new Error('the log is gone')
  check(world, opened.recovery, opened.wal)
  world.wal = opened.wal
}

function check(world: World, recovery: Recovery, wal: Wal): void {
  const { model, chain } = world
  const base = Number(recovery.mark.position.seq)
  const found = recovery.records.flatMap(({ record }) =>
    record.type === 'frames' ? record.frames : [],
  )
  const candidates = model.allowed.map(whole)
  const match = candidates.find(
    (frames) => frames.length === base + found.length && sameFrom(frames, base, found),
  )
  expect(
    match,
    `recovered ${base} and ${seqs(found)}; allowed ${candidates.map((it) => it.length)}`,
  ).toBeDefined()
  expect(Number(recovery.position.seq)).toBe(base + found.length)
  chain.rewind(recovery.position)
  if (match !== undefined && match.length > 0) chain.restore(match)
  model.markSeq = recovery.mark.position.seq
  model.staged = chain.frames
  model.allowed = [chain.frames]
  checkReadable(world, wal)
}

/** Everything that the holder still needs, and all that the log says it has, can be read. */
function checkReadable({ model, chain }: World, wal: Wal): void {
  const range = wal.range()
  const last = BigInt(chain.frames.length)
  const isHeld = wal.holders.some(({ name }) => name === HOLDER)
  if (!isHeld) model.held = undefined
  if (range === undefined) {
    if (isHeld && model.held !== undefined) expect(model.held).toBeGreaterThanOrEqual(last)
    return
  }
  expect(range.last).toBe(last)
  if (isHeld && model.held !== undefined) {
    const watermark = wal.holders[0]?.seq ?? 0n
    expect(watermark).toBeLessThanOrEqual(model.held > last ? last : model.held)
    expect(range.first).toBeLessThanOrEqual(watermark + 1n)
    model.held = toSeq(watermark)
  }
  for (let seq = range.first; seq <= range.last; seq = toSeq(seq + 1n)) {
    expect(wal.readFrame(seq)?.checksum).toEqual(chain.frames[Number(seq) - 1]?.checksum)
  }
  const run = wal.readRun(range.first, 1e9)
  if (run !== undefined) expect(run.frames.at(-1)?.checksum).toEqual(run.seal.checksum)
}

function sameFrom(frames: readonly Frame[], base: number, found: readonly Frame[]): boolean {
  return found.every((frame, index) => same(frame, frames[base + index]))
}

function same(left: Frame, right: Frame | undefined): boolean {
  return right !== undefined && Buffer.from(left.checksum).equals(right.checksum)
}

/** Power loss: of what was not synced, each sector, size and name stays or goes. */
async function crash(world: World): Promise<void> {
  const { random } = world
  const share = random.pick([0, 0.1, 0.5, 0.9, 1])
  world.disk = world.disk.crash(() => random.chance(share))
  await reopen(world)
}

/** The process ends and its device is freed, but the machine goes on. */
async function kill(world: World): Promise<void> {
  await world.device.close()
  await reopen(world)
}

async function run(seed: number): Promise<void> {
  const world = await createWorld(seed, seed % 3 === 0 ? 'later' : 'now')
  const { random } = world
  for (let turn = 0; turn < STEPS; turn++) {
    if (random.chance(0.05))
      random.chance(0.5) ? world.disk.failSync(1) : world.disk.failWrite(1, random.below(600))
    try {
      await step(world)
      if (random.chance(0.15)) await crash(world)
      else if (random.chance(0.1)) await kill(world)
      else if (random.chance(0.05)) {
        await until(world, world.wal.close())
        world.model.allowed = [world.model.staged]
        await kill(world)
      }
    } catch (error) {
      // What fails is the device; the log must then refuse everything, and open again as promised.
      if (!FAULTS.some((code) => isFailure(error, code))) throw error
      await recoverFrom(world)
    }
  }
  world.disk = world.disk.crash(() => world.random.chance(0.5))
  await recoverFrom(world)
}

async function recoverFrom(world: World): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return world.random.chance(0.5) ? await crash(world) : await kill(world)
    } catch (error) {
      if (tries > 50 || !FAULTS.some((code) => isFailure(error, code))) throw error
    }
  }
}

describe('a log on a device that loses power and fails', () => {
  it(`opens with all that was flushed and nothing that was not staged, over ${RUNS} runs`, async () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
      try {
        await run(seed)
      } catch (error) {
        throw new Error(`seed ${seed} (WAL_CRASH_SEED): ${String(error)}`, { cause: error })
      }
    }
  }, 120_000)
})
