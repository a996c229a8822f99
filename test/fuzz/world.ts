/** World: what real code made, for targets to begin with: a small chain with every kind of frame, a shard
 *  that wrote, folded and changed hands, its disks, and both kernels.
 *  Keeps: the same bytes at every run, so that a failing input means the same tomorrow. */

import { randomBytes } from 'node:crypto'
import { type Hlc, toSeq } from '../../src/base/ids.ts'
import type { Kernel } from '../../src/crypto/kernel-interface.ts'
import { loadKernelNode } from '../../src/crypto/kernel-load-node.ts'
import { createPlainKernel } from '../../src/crypto/kernel-plain.ts'
import { useKernel } from '../../src/crypto/kernel-slot.ts'
import { type Frame, partOf, stubOf } from '../../src/frame/frame.ts'
import type { Genesis } from '../../src/frame/genesis.ts'
import { createHandOver } from '../../src/frame/hand-over.ts'
import { encodeRun, type SealedRun } from '../../src/frame/run.ts'
import type { Shard } from '../../src/shard/shard.ts'
import type { Device, DeviceFile } from '../../src/storage/device.ts'
import { createMemoryDevice, createMemoryDisk, type MemoryDisk } from '../../src/storage/memory.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import {
  AUTHOR,
  frameAfter,
  framesAfter,
  genesisOf,
  OWNER,
  SECOND,
  sealRun,
  ZEROS,
} from '../unit/frame-fixtures.ts'
import {
  type Bench,
  catchUp,
  cloneDisk,
  commit,
  openFollower,
  openOn,
  runsOf,
  snapshotBytes,
  takeOver,
} from '../unit/shard-fixtures.ts'

export type World = {
  readonly kernels: { readonly wasm: Kernel; readonly plain: Kernel }
  readonly genesis: Genesis
  /** Every kind and form of frame. */
  readonly frames: readonly Frame[]
  readonly handOver: Frame
  /** Of the chain above. */
  readonly runs: readonly SealedRun[]
  readonly shard: ShardWorld
  /** A folder of its own. */
  readonly folder: string
}

export type ShardWorld = {
  readonly writer: Bench
  readonly runs: readonly SealedRun[]
  readonly encodedRuns: readonly Uint8Array[]
  readonly snapshot: Uint8Array
  /** As crashes and closes at several moments left them, with the seed of the author's key. */
  readonly disks: readonly { readonly disk: MemoryDisk; readonly seed: number }[]
}

export async function createWorld(folder: string): Promise<World> {
  const random = (sizeBytes: number): Uint8Array => new Uint8Array(randomBytes(sizeBytes))
  const wasm = await loadKernelNode(random)
  useKernel(wasm)
  const genesis = genesisOf()
  const handOver = await handOverAfter(genesis)
  return {
    kernels: { wasm, plain: createPlainKernel('beside the other') },
    genesis,
    frames: framesOf(genesis, handOver),
    handOver,
    runs: await runsOfChain(genesis, handOver),
    shard: await createShardWorld(),
    folder,
  }
}

function framesOf(genesis: Genesis, handOver: Frame): readonly Frame[] {
  const parts = [Uint8Array.of(1, 2, 3), new Uint8Array(0), new Uint8Array(40).fill(7)]
  const salt = new Uint8Array(16).fill(0x5a)
  const salted = frameAfter(genesis, genesis.frame, { kind: 'effects', sections: parts, salt })
  const entry = frameAfter(genesis, salted, { kind: 'entry', flags: { continues: true } })
  return [
    genesis.frame,
    handOver,
    salted,
    entry,
    stubOf(salted),
    partOf(salted, (index) => index === 2),
    ...framesAfter(genesis, entry, 2),
  ]
}

function handOverAfter(genesis: Genesis): Promise<Frame> {
  return createHandOver({
    shard: genesis.shard,
    epoch: 1n,
    author: SECOND.publicKey,
    fromSeq: frameAfter(genesis, genesis.frame).seq,
    prev: genesis.frame.checksum,
    hlc: (genesis.frame.hlc + 5n) as Hlc,
    signer: OWNER,
  })
}

async function runsOfChain(genesis: Genesis, handOver: Frame): Promise<readonly SealedRun[]> {
  const [first, second, third] = framesAfter(genesis, genesis.frame, 3) as [Frame, Frame, Frame]
  const open = frameAfter(genesis, third, { flags: { continues: true } })
  const heir = frameAfter(genesis, handOver, { sections: [new Uint8Array(30).fill(3)] })
  return [
    await sealRun(genesis, [genesis.frame], AUTHOR),
    await sealRun(genesis, [genesis.frame, first, second], AUTHOR),
    await sealRun(genesis, [third], AUTHOR),
    await sealRun(genesis, [open], AUTHOR, ZEROS),
    await sealRun(genesis, [handOver, heir], SECOND),
    await sealRun(genesis, [first, stubOf(second)], AUTHOR),
  ]
}

async function createShardWorld(): Promise<ShardWorld> {
  const disks: { disk: MemoryDisk; seed: number }[] = []
  const host = createManualHost()
  const disk = createMemoryDisk()
  let isFolding = false
  const device = watched(createMemoryDevice(host, disk), () => {
    if (isFolding) disks.push({ disk: cloneDisk(disk), seed: 1 })
  })
  const shard = await openOn(device, host)
  const writer: Bench = { host, disk, shard }
  // Held, so that folding keeps the frames for followers.
  shard.hold('relay', toSeq(0))
  await commitSome(shard)
  disks.push({ disk: cloneDisk(disk), seed: 1 })
  await shard.seal()
  isFolding = true
  await shard.checkpoint()
  isFolding = false
  await commit(shard, { 2: 0x22, 5: 0x55 })
  disks.push({ disk: cloneDisk(disk), seed: 1 })
  const follower = await openFollower(shard)
  await catchUp(shard, follower.shard)
  disks.push({ disk: cloneDisk(follower.disk), seed: 2 })
  await takeOver(follower.shard)
  await commit(follower.shard, { 1: 0x66 })
  disks.push({ disk: cloneDisk(follower.disk), seed: 2 })
  const runs = await runsOf(shard)
  disks.push({ disk: createMemoryDisk('empty'), seed: 1 })
  return {
    writer,
    runs,
    encodedRuns: runs.map(encodeRun),
    snapshot: await snapshotBytes(shard),
    disks,
  }
}

/** Calls `onSync` before each sync: what a crash at that moment leaves. */
function watched(device: Device, onSync: () => void): Device {
  const open = async (names: readonly string[]): Promise<readonly DeviceFile[]> =>
    (await device.open(names)).map((file) => ({
      ...file,
      sync() {
        onSync()
        return file.sync()
      },
    }))
  return Object.create(device, { open: { value: open } })
}

async function commitSome(shard: Shard): Promise<void> {
  await commit(shard, { 1: 0x11, 2: 0x12, 3: 0x13 })
  await commit(shard, { 3: 0x31 })
  await commit(shard, { 1: 0x41, 4: 0x44 })
  await commit(shard, { 2: 0x51 }, 3)
}
