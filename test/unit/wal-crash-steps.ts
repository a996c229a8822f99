/** What a crash run does with a log, and what the log may hold after each step. */

import { expect } from 'vitest'
import { isFailure } from '../../src/base/failure.ts'
import { type Seq, toSeq } from '../../src/base/ids.ts'
import { type Frame, positionOf } from '../../src/frame/frame.ts'
import type { Device } from '../../src/storage/device.ts'
import { createFaultyDisk, type FaultyDisk } from '../../src/storage/faulty.ts'
import { createManualHost, type ManualHost } from '../../src/testing/manual-host.ts'
import { createRandom, type Random } from '../../src/testing/random.ts'
import { createWal, type Wal } from '../../src/wal/wal.ts'
import { type Chain, createChain, markAt, START } from './wal-chain.ts'

export const HOLDER: string = 'relay'

/** What the chain may be after a crash: as it was at the last answered flush, or after any record since. */
export type Model = {
  allowed: (readonly Frame[])[]
  staged: readonly Frame[]
  /** Frames above this are held; what the holder released durably may be gone. */
  held: Seq | undefined
  /** Position of the newest start mark. */
  markSeq: Seq
}

export type World = {
  readonly random: Random
  readonly host: ManualHost
  readonly chain: Chain
  readonly model: Model
  disk: FaultyDisk
  device: Device
  wal: Wal
}

/** A transaction whose last frame is missing is not replayed. */
export function whole(frames: readonly Frame[]): readonly Frame[] {
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
    const done = { id: random.bytes(16), seq: chain.head.seq, outcome: { type: 'done' } } as const
    wal.stage({ type: 'requests', requests: [done] })
  }
}

function note(model: Model, frames: readonly Frame[]): void {
  model.staged = frames
  model.allowed.push(frames)
}

function settled({ model }: World): void {
  model.allowed = [model.staged]
}

export async function step(world: World): Promise<void> {
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
    const base = Number(model.markSeq)
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
export async function until<T>(world: World, promise: Promise<T>): Promise<T> {
  let isSettled = false
  const settle = (): void => {
    isSettled = true
  }
  promise.then(settle, settle)
  for (let turn = 0; turn < 1000 && !isSettled; turn++) await world.host.advance(1)
  if (!isSettled) throw new Error('it never settles')
  return promise
}

async function checkpoint(world: World): Promise<void> {
  const { random, wal, chain, model } = world
  await until(world, wal.flush())
  settled(world)
  const flushed = whole(chain.frames)
  const low = Number(model.markSeq)
  if (flushed.length <= low) return
  // Frames above the position, flushed or staged later, are replayed after the mark.
  const at = Math.max(low, flushed.length - random.below(3))
  const frame = whole(flushed.slice(0, at)).at(-1)
  if (frame === undefined || frame.seq < low) return
  model.markSeq = frame.seq
  const begun = wal.beginSegment(markAt(positionOf(frame)))
  if (random.chance(0.5)) stageUnder(world, begun)
  await until(world, begun)
}

export async function createWorld(seed: number, syncs: 'now' | 'later'): Promise<World> {
  const random = createRandom(seed)
  const host = createManualHost({ seed })
  const disk = createFaultyDisk(syncs === 'later' ? { syncDelayMs: 1 } : {})
  const device = disk.device(host)
  await device.acquire()
  const model: Model = { allowed: [[]], staged: [], held: undefined, markSeq: toSeq(0) }
  const parts = { random, host, chain: createChain(), model, disk, device }
  const creating = createWal({ host, device, mark: markAt(START) })
  // Until it has a log, only the host is needed.
  const wal = await until({ ...parts, wal: undefined as unknown as Wal }, creating)
  return { ...parts, wal }
}
