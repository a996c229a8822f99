/** `npm run bench -- catch-up`: what the kernel saves inside a database: the same work with the WASM kernel
 *  and with the plain one, which does what all hashing, checking and verifying was before; LZ4 is new in
 *  both.  In memory, so that no disk counts, and in processor time, so that other processes do not. */

import { randomFillSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { nextSeq, toSeq } from '../../src/base/ids.ts'
import { createKernel } from '../../src/crypto/kernel.ts'
import type { Kernel } from '../../src/crypto/kernel-interface.ts'
import { createPlainKernel } from '../../src/crypto/kernel-plain.ts'
import { useKernel } from '../../src/crypto/kernel-slot.ts'
import { signerFromSeed } from '../../src/crypto/signer-kernel.ts'
import { decodeRun, encodeRun, type SealedRun } from '../../src/frame/run.ts'
import { findForgedSeal, type Seal, verifySeal } from '../../src/frame/seal.ts'
import { RUN_PAYLOAD_BYTES_MAX } from '../../src/replication/seal-feed.ts'
import { openShard } from '../../src/shard/open.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { createMemoryDevice, createMemoryDisk } from '../../src/storage/memory.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { processorNow } from './clock.ts'
import { noise } from './kernels-cases.ts'
import { type Line, measurePair } from './pairs.ts'

const PAGE_BYTES = 8192
const PAGES = 400
const FRAMES = 10_000
const FRAMES_A_SEAL = 64
const REPETITIONS = 3

export const randomBytes = (sizeBytes: number): Uint8Array =>
  randomFillSync(new Uint8Array(sizeBytes))

export async function catchUp(say: (line: Line) => void): Promise<void> {
  const binary = readFileSync(new URL('../../src/crypto/kernel.wasm', import.meta.url))
  const kernel = createKernel(new WebAssembly.Module(binary), randomBytes)
  useKernel(kernel)
  const plain = createPlainKernel('a bench')
  const writer = await openOn(undefined)
  const pages = Array.from({ length: PAGES }, (_, index) => noise(PAGE_BYTES, index))
  await commitAll(writer, pages)
  const pair = async (
    name: string,
    unit: string,
    note: string,
    work: () => Promise<number>,
  ): Promise<void> => {
    const side = (one: Kernel) => async () => {
      useKernel(one)
      return work()
    }
    const sides = { ours: side(kernel), peer: side(plain) }
    const facts = { case: name, unit, note, repetitions: REPETITIONS }
    say(await measurePair('catch-up', { ...facts, ...sides }))
  }
  await pair('a commit', 'µs', 'one changed page of 8 KiB, in memory, peer plain', async () => {
    const begin = processorNow()
    for (let count = 0; count < 1000; count++) await commitOne(writer, pages)
    return processorNow() - begin
  })
  await pair('a seal', 'µs', 'of 64 frames of 64 pages, signed from a seed, peer plain', () =>
    costOfSeals(writer, pages),
  )
  useKernel(kernel)
  const log = await openOn(undefined)
  await commitAll(log, pages)
  await commitFrames(log, pages)
  // As they are served, and as they arrive while a follower listens to a busy writer.
  for (const sizeBytesMax of [RUN_PAYLOAD_BYTES_MAX, 1]) {
    const runs = runsOf(log, sizeBytesMax)
    const name = `catch-up of ${FRAMES} frames in ${runs.length} runs`
    const note = 'decoded, verified, applied, in memory, peer plain'
    await pair(name, 'ms', note, () => costOfCatchUp(log, runs))
    useKernel(kernel)
    say(await sealsPair(runs.map((run) => run.seal)))
  }
}

/** What of a catch-up batches could save. */
function sealsPair(seals: readonly Seal[]): Promise<Line> {
  const timed = (work: () => boolean) => async (): Promise<number> => {
    const begin = processorNow()
    if (!work()) throw new Error('bench catch-up: a good seal was refused')
    return processorNow() - begin
  }
  return measurePair('catch-up', {
    case: `the ${seals.length} seals of that catch-up alone`,
    unit: 'ms',
    note: 'as one batch, peer one by one, as a follower checks them',
    repetitions: 2 * REPETITIONS + 1,
    ours: timed(() => findForgedSeal(seals) === undefined),
    peer: timed(() => seals.every(verifySeal)),
  })
}

/** A shard in memory: a writer's, or one that follows. */
export async function openOn(follow: Uint8Array | undefined): Promise<Shard> {
  // Nobody turns the clock here; what gives way to others goes on at once.
  const host = { ...createManualHost(), defer: (work: () => void): void => queueMicrotask(work) }
  const device = createMemoryDevice(host, createMemoryDisk())
  await device.acquire()
  const { shard } = await openShard({
    host,
    device,
    signer: signerFromSeed(noise(32, follow === undefined ? 1 : 2)),
    wal: { capBytes: 1 << 30 },
    create:
      follow === undefined
        ? {
            type: 'genesis',
            genesis: { name: 'bench', owner: signerFromSeed(noise(32, 3)).publicKey },
          }
        : { type: 'follow', shard: follow },
  })
  return shard
}

async function commitAll(shard: Shard, pages: readonly Uint8Array[]): Promise<void> {
  const changes = new Map(pages.map((page, index) => [index + 1, page.slice()]))
  shard.commit({ changes, pageCount: PAGES, pageSize: PAGE_BYTES, tables: [] })
  await shard.flush()
  await shard.seal()
}

let commits = 0

/** A hundred bytes in the middle of the next page, as a new row would be. */
async function commitOne(shard: Shard, pages: readonly Uint8Array[]): Promise<void> {
  commits += 1
  const index = commits % PAGES
  const page = pages[index] as Uint8Array
  page.set(noise(100, commits), 4000)
  const changes = new Map([[index + 1, page.slice()]])
  shard.commit({ changes, pageCount: PAGES, pageSize: PAGE_BYTES, tables: [] })
  await shard.flush()
}

async function costOfSeals(shard: Shard, pages: readonly Uint8Array[]): Promise<number> {
  let elapsed = 0
  for (let seal = 0; seal < 10; seal++) {
    await shard.seal()
    for (let frame = 0; frame < FRAMES_A_SEAL - 1; frame++) await commitOne(shard, pages)
    const begin = processorNow()
    await shard.seal()
    elapsed += processorNow() - begin
  }
  return (elapsed * 1000) / 10
}

/** Up to the last of them, a seal for every 64. */
async function commitFrames(writer: Shard, pages: readonly Uint8Array[]): Promise<void> {
  for (let frame = Number(writer.head.seq); frame < FRAMES; frame++) {
    await commitOne(writer, pages)
    if (frame % FRAMES_A_SEAL === 0) await writer.seal()
  }
  await writer.seal()
}

/** The whole log in runs of up to so many payload bytes, but at least up to the next seal. */
function runsOf(writer: Shard, sizeBytesMax: number): SealedRun[] {
  const runs: SealedRun[] = []
  for (let seq = toSeq(1n); ; ) {
    const run = writer.readRun(seq, sizeBytesMax)
    if (run === undefined) return runs
    runs.push(run)
    seq = nextSeq(run.seal.seq)
  }
}

async function costOfCatchUp(writer: Shard, runs: readonly SealedRun[]): Promise<number> {
  const sent = runs.map(encodeRun)
  const follower = await openOn(writer.id)
  const begin = processorNow()
  follower.adoptAuthority(writer.authority)
  for (const bytes of sent) {
    const run = decodeRun(bytes, follower.mayWrite)
    if (!run.ok) throw run.failure
    await follower.applyRun(run.value)
  }
  const elapsed = processorNow() - begin
  if (follower.head.seq !== writer.head.seq) throw new Error('bench catch-up: it did not catch up')
  return elapsed
}
