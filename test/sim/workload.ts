/** Workload: what users do to the copies: transactions of a few pages, several in a group or none, folding,
 *  closing in order, and handing the shard over.
 *  Keeps: each transaction goes into the ledger before anybody can see it; turns are taken as the database
 *  takes them. */

import { failureOf } from '../../src/base/failure.ts'
import type { Shard } from '../../src/shard/shard.ts'
import type { Random } from '../../src/testing/random.ts'
import { type Copy, endProcess, type Running } from './copy.ts'
import type { World } from './world.ts'

export const PAGE_SIZE = 512
const COMMITS_MAX = 4

export function isWriting({ running }: Copy): boolean {
  return running?.shard.role === 'writer' && running.shard.halted === undefined
}

/** A group of transactions, flushed most of the time.  Resolves whatever becomes of them; answers whether
 *  they are durable. */
export function writeGroup(world: World, copy: Copy, isFlushed = true): Promise<boolean> {
  const { random, coverage } = world
  const commits = 1 + random.below(COMMITS_MAX)
  return inTurn(world, copy, async ({ shard, process }) => {
    for (let count = 0; count < commits; count++) commitOnce(world, copy, shard)
    if (!isFlushed) return
    const target = shard.head
    await shard.flush()
    if (!process.isAlive) return
    coverage.count('groups flushed')
    world.observers.durable(copy, target)
  })
}

export function foldLog(world: World, copy: Copy): Promise<boolean> {
  return inTurn(world, copy, async ({ shard }) => {
    await shard.checkpoint()
    world.coverage.count('checkpoints')
  })
}

/** Stops in order; the node is down afterwards. */
export async function closeCopy(world: World, copy: Copy): Promise<void> {
  const { running } = copy
  if (running === undefined) return
  await running.sync.stop()
  await inTurn(world, copy, async ({ shard, process }) => {
    await shard.close()
    if (process.isAlive) world.coverage.count('closed in order')
  })
  if (running.process.isAlive) endProcess(world, copy, true)
}

/** Runs a task in the copy's turn; a failure is told, unless the process is gone. */
async function inTurn(
  world: World,
  copy: Copy,
  task: (running: Running) => Promise<void>,
): Promise<boolean> {
  const { running } = copy
  if (running === undefined) return false
  const { process, turns } = running
  try {
    await turns.run(() => task(running))
    return process.isAlive
  } catch (error) {
    if (process.isAlive) world.observers.refused(copy, failureOf(error))
    return false
  }
}

function commitOnce(world: World, copy: Copy, shard: Shard): void {
  const { ledger } = copy.facts
  const parent = ledger.find(shard.head)
  // What a copy shows that nobody committed is what check-prefix.ts tells.
  if (parent === undefined) return
  const { changes, pages } = changePages(world.random, parent.pages, world.scenario.pagesMax)
  const position = shard.commit({
    changes,
    pageCount: pages.length,
    pageSize: PAGE_SIZE,
    tables: ['t'],
  })
  if (position.seq === parent.seq) return
  world.coverage.count('commits')
  if (position.seq > parent.seq + 1n) world.coverage.count('commits of several frames')
  ledger.add(parent, position, pages)
}

function changePages(
  random: Random,
  before: readonly Uint8Array[],
  pagesMax: number,
): { readonly changes: ReadonlyMap<number, Uint8Array>; readonly pages: readonly Uint8Array[] } {
  const isShrinking = before.length > 2 && random.chance(0.1)
  const pageCount = isShrinking
    ? 1 + random.below(before.length)
    : Math.min(pagesMax, Math.max(1, before.length + random.below(3)))
  const pages = Array.from(
    { length: pageCount },
    (_, index) => before[index] ?? new Uint8Array(PAGE_SIZE),
  )
  const changes = new Map<number, Uint8Array>()
  for (let count = random.below(3); count >= 0; count--) {
    const index = random.below(pageCount)
    const image = changeImage(random, pages[index] ?? new Uint8Array(PAGE_SIZE))
    pages[index] = image
    changes.set(index + 1, image)
  }
  return { changes, pages }
}

/** A few bytes, or all of them: deltas and whole pages. */
function changeImage(random: Random, before: Uint8Array): Uint8Array {
  const image = before.slice()
  const from = random.below(PAGE_SIZE)
  const sizeBytes = random.chance(0.3) ? PAGE_SIZE - from : 1 + random.below(16)
  image.set(random.bytes(Math.min(sizeBytes, PAGE_SIZE - from)), from)
  return image
}

/** The owner makes this follower the writer; its process starts again as one.  One at a time of each shard:
 *  owners that sign two hand-overs of one epoch fork their shard, and know it. */
export async function handOver(world: World, copy: Copy): Promise<boolean> {
  const { facts, running } = copy
  const isPossible = running !== undefined && running.shard.author?.epoch === facts.epochMax
  if (!isPossible || facts.heir !== undefined || running.shard.head.seq === 0n) return false
  facts.heir = copy
  facts.handOvers += 1
  const isDone = await inTurn(world, copy, ({ shard }) => shard.takeOver(facts.owner))
  // One that was killed meanwhile may have done it, and says so when it is open again.
  if (!running.process.isAlive) return false
  facts.heir = undefined
  if (!isDone) return false
  world.coverage.count('hand-over')
  copy.role = 'writer'
  endProcess(world, copy, true)
  return true
}
