/** Workload: what users do to the copies: transactions of a few pages, several in a group or none, folding,
 *  closing in order, and handing the shard over.
 *  Keeps: each transaction goes into the ledger before anybody can see it; turns are taken as the database
 *  takes them. */

import { failureOf } from '../../src/base/failure.ts'
import type { Position } from '../../src/base/ids.ts'
import { createTakeOver } from '../../src/database/take-over.ts'
import type { Shard } from '../../src/shard/shard.ts'
import type { Random } from '../../src/testing/random.ts'
import { beginSync, type Copy, endProcess, type Running } from './copy.ts'
import type { ShardPlan, World } from './world.ts'

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
    if (random.chance(0.3)) awaitShared(world, copy, target)
  })
}

/** A user who wants several holders to have it. */
function awaitShared(
  { random, coverage, observers, relayUrls }: World,
  copy: Copy,
  target: Position,
): void {
  const { running } = copy
  if (running === undefined) return
  const holders = 1 + random.below(relayUrls.length + 1)
  const tell = (): void => {
    if (!running.process.isAlive) return
    coverage.count(`shared with ${holders}`)
    observers.shared(copy, target, holders)
  }
  // The process ends first, or the sync is stopped.
  running.sync.untilShared(target, holders).then(tell, () => undefined)
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
  const rot = copy.isRotDue ? rotOne(world, shard, changes, pages) : undefined
  const position = commitRotten(shard, rot, {
    // The shard owns what it is given; the ledger keeps its own.
    changes: new Map([...changes].map(([pgno, image]) => [pgno, image.slice()])),
    pageCount: pages.length,
    pageSize: PAGE_SIZE,
    tables: ['t'],
  })
  if (position.seq === parent.seq) return
  world.coverage.count('commits')
  if (position.seq > parent.seq + 1n) world.coverage.count('commits of several frames')
  const entry = ledger.add(parent, position, pages)
  if (rot === undefined) return
  ledger.markRotten(entry, rot)
  copy.isRotDue = false
  world.coverage.count('bit-rot')
}

type Rot = { readonly pgno: number; readonly at: number; readonly mask: number }

/** One bit of a page in the writer's memory changes, and SQLite, which reads it there, writes the page again
 *  with it: what leaves is a difference that does not tell, under a root that does.  Undefined when no page
 *  lies in memory. */
function rotOne(
  { random }: World,
  shard: Shard,
  changes: Map<number, Uint8Array>,
  pages: Uint8Array[],
): Rot | undefined {
  const pgno = 1 + random.below(pages.length)
  const rot = { pgno, at: random.below(PAGE_SIZE), mask: 1 << random.below(8) }
  if (pgno > shard.pages.pageCount(shard.pages.version)) return undefined
  // A page in the file is read anew each time.
  const [before, again] = [shard.pages.image(pgno), shard.pages.image(pgno)]
  if (before !== again) return undefined
  const image = before.slice()
  image[rot.at] = (image[rot.at] ?? 0) ^ rot.mask
  // Another byte of the page is what the transaction is about.
  const other = (rot.at + 1 + random.below(PAGE_SIZE - 1)) % PAGE_SIZE
  image[other] = (image[other] ?? 0) ^ 0xff
  changes.set(pgno, image)
  pages[pgno - 1] = image
  return rot
}

/** A commit that is refused leaves nothing rotten. */
function commitRotten(
  shard: Shard,
  rot: Rot | undefined,
  transaction: Parameters<Shard['commit']>[0],
): Position {
  if (rot === undefined) return shard.commit(transaction)
  const page = shard.pages.image(rot.pgno)
  page[rot.at] = (page[rot.at] ?? 0) ^ rot.mask
  try {
    return shard.commit(transaction)
  } catch (error) {
    page[rot.at] = (page[rot.at] ?? 0) ^ rot.mask
    throw error
  }
}

function changePages(
  random: Random,
  before: readonly Uint8Array[],
  pagesMax: number,
): { readonly changes: Map<number, Uint8Array>; readonly pages: Uint8Array[] } {
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

/** The owner makes this follower the writer, as the database does it: in step with a relay first, or at a
 *  loss; sometimes its process starts again behind it.  One at a time of each shard: owners that sign two
 *  hand-overs of one epoch fork their shard, and know it. */
export async function handOver(world: World, copy: Copy): Promise<boolean> {
  const { facts, running } = copy
  const { random, coverage } = world
  const isPossible = running !== undefined && running.shard.author?.epoch === facts.epochMax
  if (!isPossible || isHeirBusy(facts.heir) || running.shard.head.seq === 0n) return false
  // One that was killed while it signed may have done it, or not: nobody else tries.
  const heir = { process: running.process, isSigning: false }
  facts.heir = heir
  facts.handOvers += 1
  const isLossy = random.chance(0.5)
  const isDone = await takeOver(world, copy, running, { isLossy, heir })
  // One that was killed meanwhile may have done it, and says so when it is open again.
  if (!running.process.isAlive) return false
  facts.heir = undefined
  if (!isDone) return false
  coverage.count(isLossy ? 'hand-over at a loss' : 'hand-over in step')
  coverage.count('hand-over')
  copy.role = 'writer'
  if (random.chance(0.5)) endProcess(world, copy, true)
  return true
}

function isHeirBusy(heir: ShardPlan['heir']): boolean {
  return heir !== undefined && (heir.isSigning || heir.process.isAlive)
}

async function takeOver(
  world: World,
  copy: Copy,
  running: Running,
  { isLossy, heir }: { readonly isLossy: boolean; readonly heir: NonNullable<ShardPlan['heir']> },
): Promise<boolean> {
  const { process, shard, turns } = running
  const take = createTakeOver({
    host: process.host,
    shard,
    executor: {
      alone(task) {
        heir.isSigning = true
        return turns.run(task)
      },
    },
    owner: copy.facts.owner,
    sync: () => running.sync,
    restartSync() {
      if (process.isAlive) running.sync = beginSync(world, copy, running)
    },
    // There is no SQLite over the pages.
    reopen: () => undefined,
  })
  try {
    const { cutOff } = await take({ key: undefined, isLossy })
    if (process.isAlive && !isLossy && cutOff > 0) {
      const failure = new Error(`a hand-over in step cut off ${cutOff} frames`)
      world.observers.refused(copy, failureOf(failure))
    }
    return process.isAlive
  } catch (error) {
    if (!process.isAlive) return false
    const failure = failureOf(error)
    // It is not in step, which it says before it signs anything.
    if (failure.code === 'ErrGap' && !isLossy) {
      copy.facts.handOvers -= 1
      world.coverage.count('hand-over refused')
    } else world.observers.refused(copy, failure)
    return false
  }
}
