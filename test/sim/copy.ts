/** Copy: a node that holds one copy of a shard, as a writer or a follower: a disk, a key, and one process
 *  after another, each with the real shard and the real sync over it.
 *  Keeps: nothing is told of a process that was killed; commits, flushes and adopted frames take turns, as
 *  the database's executor has it. */

import { failureOf } from '../../src/base/failure.ts'
import { toSeq } from '../../src/base/ids.ts'
import { createMutex, type Mutex } from '../../src/base/mutex.ts'
import type { Signer } from '../../src/crypto/signer.ts'
import { startSync } from '../../src/replication/start-sync.ts'
import type { Sync } from '../../src/replication/sync.ts'
import { openShard } from '../../src/shard/open.ts'
import type { Shard, ShardRole } from '../../src/shard/shard.ts'
import type { CopyFacts } from './observer.ts'
import type { SimProcess } from './process.ts'
import { createSimDisk, type SimDisk } from './sim-disk.ts'
import { type ShardPlan, startProcess, type World } from './world.ts'

export type Copy = CopyFacts & {
  readonly facts: ShardPlan
  readonly signer: Signer
  readonly disk: SimDisk
  readonly wall: { skewMs: number }
  /** What it is to be when its process starts: a hand-over changes it. */
  role: ShardRole
  process: SimProcess | undefined
  /** Open and in sync, or halted and waiting to be read. */
  running: Running | undefined
  /** It gave up for good: opening it again changes nothing. */
  isStopped: boolean
  /** A bit of its memory is about to change. */
  isRotDue: boolean
}

export type Running = {
  readonly process: SimProcess
  readonly shard: Shard
  /** Another one after a hand-over was tried. */
  sync: Sync
  readonly turns: Mutex
}

export function createCopy(
  world: World,
  options: {
    readonly name: string
    readonly facts: ShardPlan
    readonly signer: Signer
    readonly role: ShardRole
  },
): Copy {
  const disk = createSimDisk(options.name, world.scenario.syncDelayMs)
  return {
    ...options,
    disk,
    wall: { skewMs: 0 },
    process: undefined,
    running: undefined,
    isStopped: false,
    isRotDue: false,
    get isDeviceFaulty() {
      return disk.isFaulty
    },
  }
}

/** Starts a process; answers at once, whatever becomes of it. */
export function startCopy(world: World, copy: Copy): void {
  const { facts } = copy
  if (copy.process?.isAlive) return
  const process = startProcess(world, copy.name, copy.wall)
  copy.process = process
  copy.running = undefined
  run(world, copy, process).catch((error: unknown) => {
    if (!process.isAlive) return
    const failure = failureOf(error)
    world.observers.openFailed(copy, failure)
    // Its pages are not the ones that it sealed: only a new copy is of use.
    if (failure.code === 'ErrCorrupt' && facts.ledger.rottenSeq !== undefined) copy.isStopped = true
    endProcess(world, copy, true)
  })
}

/** Kills the process, if there is one; its peers hear of it, or not. */
export function endProcess(world: World, copy: Copy, isTold: boolean): void {
  const { process } = copy
  copy.running = undefined
  copy.process = undefined
  if (process === undefined) return
  process.kill()
  world.network.drop(process, isTold)
  copy.disk.abandon()
}

async function run(world: World, copy: Copy, process: SimProcess): Promise<void> {
  const { facts, signer, disk } = copy
  const { scenario, observers } = world
  const { host } = process
  const device = disk.device(process)
  await device.acquire()
  const { shard, isNew } = await openShard({
    host,
    device,
    signer,
    wal: { capBytes: scenario.logCapBytes, commitBytesMax: 0 },
    sectionBytesMax: scenario.sectionBytesMax,
    create:
      copy.role === 'writer' && facts.id === undefined
        ? {
            type: 'genesis',
            genesis: { name: `shard ${facts.index}`, owner: facts.owner.publicKey },
          }
        : { type: 'follow', shard: facts.id ?? new Uint8Array(32) },
  })
  if (!process.isAlive) return
  if (facts.id === undefined) {
    facts.id = shard.id
    if (shard.head.seq > 0n) facts.ledger.begin(shard.head)
  }
  noteHandOver(copy, shard)
  world.timeline.note(`${copy.name} opens at ${shard.head.seq}${isNew ? ', new' : ''}`)
  observers.opened(copy, shard)
  observe(world, copy, { process, shard })
  const turns = createMutex()
  const base = { process, shard, turns }
  copy.running = { ...base, sync: beginSync(world, copy, base) }
}

/** In the role that the shard has now. */
export function beginSync(
  world: World,
  { signer }: Copy,
  { process, shard, turns }: Omit<Running, 'sync'>,
): Sync {
  return startSync({
    host: process.host,
    shard,
    role: shard.role,
    signer,
    transports: world.relayUrls.map((url) => world.network.transport(url, process)),
    exclusively: (task) => turns.run(task),
  })
}

function observe(world: World, copy: Copy, running: Pick<Running, 'process' | 'shard'>): void {
  const { observers, timeline } = world
  const { process, shard } = running
  shard.onAdvance(({ origin }) => {
    if (!process.isAlive) return
    timeline.note(`${copy.name} ${origin} ${shard.head.seq}`)
    noteHandOver(copy, shard)
    observers.advanced(copy, shard, origin)
  })
  shard.onHalt((failure) => {
    if (!process.isAlive) return
    timeline.note(`${copy.name} halts: ${failure.code}`)
    observers.halted(copy, failure)
  })
}

/** The frame by which this copy took the shard over goes into the ledger when it is first seen. */
function noteHandOver({ facts }: Copy, shard: Shard): void {
  const { ledger } = facts
  if (facts.handOvers === 0 || shard.role !== 'writer') return
  if (shard.head.seq === 0n || ledger.find(shard.head) !== undefined) return
  const frame = shard.readFrame(shard.head.seq)
  const before = frame && ledger.find({ seq: toSeq(frame.seq - 1n), checksum: frame.prev })
  if (frame === undefined || frame.kind !== 'control' || before === undefined) return
  ledger.handOver(before, shard.head, frame.epoch)
  if (frame.epoch > facts.epochMax) facts.epochMax = frame.epoch
}
