/** Whatever a crash, a failed write or a failed flush leaves behind, the log opens with a prefix of what
 *  was staged that has everything that was flushed.  Every run prints its seed when it fails. */
import { describe, expect, it } from 'vitest'
import { isFailure } from '../../src/base/failure.ts'
import { type Seq, toSeq } from '../../src/base/ids.ts'
import { type Frame, positionOf } from '../../src/frame/frame.ts'
import type { Device } from '../../src/storage/device.ts'
import { createFaultyDisk, type FaultyDisk } from '../../src/storage/faulty.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { createRandom, type Random } from '../../src/testing/random.ts'
import { createWal, openWal, type Recovery, type Wal } from '../../src/wal/wal.ts'
import { createChain, markAt, START, seqs } from './wal-chain.ts'

const RUNS = Number(process.env['WAL_CRASH_RUNS'] ?? 120)
const FIRST_SEED = Number(process.env['WAL_CRASH_SEED'] ?? 1)
const STEPS = 40
const FAULTS = ['ErrPoisoned', 'ErrStorage', 'ErrQuota'] as const
const HOLDER = 'relay'

/** What the chain may be after a crash: as it was at the last answered flush, or after any record since. */
type Model = {
  allowed: (readonly Frame[])[]
  staged: readonly Frame[]
  /** Frames above this are held; what the holder released durably may be gone. */
  held: Seq | undefined
}

type World = {
  readonly random: Random
  readonly host: ReturnType<typeof createManualHost>
  readonly chain: ReturnType<typeof createChain>
  readonly model: Model
  disk: FaultyDisk
  device: Device
  wal: Wal
}

/** A transaction whose last frame is missing is not replayed. */
function whole(frames: readonly Frame[]): readonly Frame[] {
  let end = frames.length
  while (end > 0 && frames[end - 1]?.flags.continues) end -= 1
  return frames.slice(0, end)
}

function stageSomething(world: World): void {
  const { random, chain, wal, model } = world
  const before = chain.frames
  const frames: Frame[] = []
  const size = random.pick([10, 200, 700, 3000, 20_000])
  for (let left = random.below(3); left >= 0; left--) {
    const isOpen = left > 0 || random.chance(0.1)
    frames.push(chain.add(random.below(size), { continues: isOpen }))
  }
  try {
    wal.stage({ type: 'frames', frames })
  } catch (error) {
    // A full device refuses the commit and nothing else.
    if (!isFailure(error, 'ErrQuota')) throw error
    expect(wal.poisoned).toBeUndefined()
    chain.restore(before)
    return
  }
  note(model, chain.frames)
  if (random.chance(0.4)) wal.stage({ type: 'seal', seal: chain.seal() })
  if (random.chance(0.2)) {
    wal.stage({ type: 'requests', requests: [{ id: random.bytes(16), seq: chain.head.seq }] })
  }
}

function note(model: Model, frames: readonly Frame[]): void {
  model.staged = frames
  model.allowed.push(frames)
}

function settled({ model }: World): void {
  model.allowed = [model.staged]
}

async function step(world: World): Promise<void> {
  const { random, chain, wal, model } = world
  const dice = random.below(20)
  if (dice < 9) return stageSomething(world)
  if (dice < 15) {
    const flushed = wal.flush()
    // On a device that answers later these share the next flush.
    if (random.chance(0.3)) stageUnder(world, flushed)
    const next = [flushed, wal.flush(), wal.flush()]
    await until(world, Promise.all(next))
    return settled(world)
  }
  if (dice < 17) return checkpoint(world)
  if (dice < 18) {
    const base = Number(markSeq(world))
    const kept = whole(chain.frames.slice(0, base + random.below(chain.frames.length - base + 1)))
    const head = kept.at(-1)
    if (head === undefined || kept.length < base) return
    const position = positionOf(head)
    chain.rewind(position)
    note(model, chain.frames)
    await until(world, wal.truncateAfter(position))
    if (model.held !== undefined && model.held > position.seq) model.held = position.seq
    return settled(world)
  }
  if (model.held === undefined) {
    const from = wal.range()?.first
    if (from === undefined) return
    wal.hold(HOLDER, toSeq(from - 1n))
    await until(world, wal.flush())
    if (wal.stagedBytes === 0) settled(world)
    return
  }
  const last = wal.range()?.last ?? 0n
  const to = model.held + BigInt(random.below(Number(last - model.held) + 1))
  model.held = toSeq(to)
  await until(world, wal.release(HOLDER, toSeq(to)))
}

/** Stages while `pending` runs; when the log refuses, waits for what runs before that is thrown. */
function stageUnder(world: World, pending: Promise<void>): void {
  pending.catch(() => {})
  stageSomething(world)
}

/** Lets time pass until `promise` is settled, for disks that sync later. */
async function until<T>(world: World, promise: Promise<T>): Promise<T> {
  let isSettled = false
  const settle = (): void => {
    isSettled = true
  }
  promise.then(settle, settle)
  for (let turn = 0; turn < 1000 && !isSettled; turn++) await world.host.advance(1)
  if (!isSettled) throw new Error('it never settles')
  return promise
}

const marks = new WeakMap<World, Seq>()
const markSeq = (world: World): Seq => marks.get(world) ?? toSeq(0)

async function checkpoint(world: World): Promise<void> {
  const { random, wal, chain } = world
  await until(world, wal.flush())
  settled(world)
  const flushed = whole(chain.frames)
  const low = Number(markSeq(world))
  if (flushed.length <= low) return
  // Frames above the position, flushed or staged later, are replayed after the mark.
  const at = Math.max(low, flushed.length - random.below(3))
  const frame = whole(flushed.slice(0, at)).at(-1)
  if (frame === undefined || frame.seq < low) return
  marks.set(world, frame.seq)
  const begun = wal.beginSegment(markAt(positionOf(frame)))
  if (random.chance(0.5)) stageUnder(world, begun)
  await until(world, begun)
}

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
  if (match !== undefined && match.length > 0) restore(chain, match)
  marks.set(world, recovery.mark.position.seq)
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

function restore(chain: World['chain'], frames: readonly Frame[]): void {
  chain.restore(frames)
}

async function createWorld(seed: number, syncs: 'now' | 'later'): Promise<World> {
  const random = createRandom(seed)
  const host = createManualHost({ seed })
  const disk = createFaultyDisk(syncs === 'later' ? { syncDelayMs: 1 } : {})
  const device = disk.device(host)
  await device.acquire()
  const model: Model = { allowed: [[]], staged: [], held: undefined }
  const parts = { random, host, chain: createChain(), model, disk, device }
  const creating = createWal({ host, device, mark: markAt(START) })
  // Until it has a log, only the host is needed.
  const wal = await until({ ...parts, wal: undefined as unknown as Wal }, creating)
  return { ...parts, wal }
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
        settled(world)
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
  })
})
