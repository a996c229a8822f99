/** Shards on memory or faulty disks, moved by hand: what the shard and replication tests share. */

import type { Position, Seq } from '../../src/base/ids.ts'
import { nextSeq, toSeq } from '../../src/base/ids.ts'
import { concatBytes } from '../../src/bytes/compare.ts'
import { tickHlc } from '../../src/clock/hlc.ts'
import type { Signer } from '../../src/crypto/signer.ts'
import { signerFromSeed } from '../../src/crypto/signer-noble.ts'
import { createHandOver } from '../../src/frame/hand-over.ts'
import { decodeRun, encodeRun, type SealedRun } from '../../src/frame/run.ts'
import { createSeal } from '../../src/frame/seal.ts'
import { type OpenShardOptions, openShard } from '../../src/shard/open.ts'
import type { Shard } from '../../src/shard/shard.ts'
import type { Device } from '../../src/storage/device.ts'
import { createMemoryDevice, createMemoryDisk, type MemoryDisk } from '../../src/storage/memory.ts'
import { createManualHost, type ManualHost } from '../../src/testing/manual-host.ts'

export const PAGE_SIZE = 512
export const RUN_BYTES = 1_048_576

export function seedOf(byte: number): Uint8Array {
  return new Uint8Array(32).fill(byte)
}

export type Bench = {
  readonly host: ManualHost
  readonly disk: MemoryDisk
  readonly shard: Shard
}

export const OWNER: Signer = signerFromSeed(seedOf(200))

export async function openOn(
  device: Device,
  host: ManualHost,
  options: {
    readonly seed?: number
    readonly follow?: Uint8Array
  } & Pick<OpenShardOptions, 'wal' | 'repair' | 'sectionBytesMax'> = {},
): Promise<Shard> {
  await device.acquire()
  const { seed = 1, follow, ...rest } = options
  const { shard } = await openShard({
    ...rest,
    host,
    device,
    signer: signerFromSeed(seedOf(seed)),
    create:
      follow === undefined
        ? { type: 'genesis', genesis: { name: 'test', owner: OWNER.publicKey } }
        : { type: 'follow', shard: follow },
  })
  return shard
}

export async function openWriter(
  host: ManualHost = createManualHost(),
  disk: MemoryDisk = createMemoryDisk(),
): Promise<Bench> {
  return { host, disk, shard: await openOn(createMemoryDevice(host, disk), host) }
}

export async function openFollower(
  writer: Shard,
  host: ManualHost = createManualHost({ seed: 2 }),
  disk: MemoryDisk = createMemoryDisk('copy'),
  seed = 2,
): Promise<Bench> {
  const shard = await openOn(createMemoryDevice(host, disk), host, { seed, follow: writer.id })
  if (shard.head.seq === 0n) shard.adoptAuthority(writer.authority)
  return { host, disk, shard }
}

export function page(fill: number): Uint8Array {
  return new Uint8Array(PAGE_SIZE).fill(fill)
}

/** Commits pages given as pgno → fill byte; flushes unless told not to. */
export async function commit(
  shard: Shard,
  fills: Readonly<Record<number, number>>,
  pageCount?: number,
): Promise<Position> {
  const before = shard.pages.pageCount(shard.pages.version)
  const changes = new Map(
    Object.entries(fills).map(([pgno, fill]) => [Number(pgno), page(fill)] as const),
  )
  const position = shard.commit({
    changes,
    pageCount: pageCount ?? Math.max(before, ...changes.keys()),
    pageSize: PAGE_SIZE,
    tables: ['t'],
  })
  await shard.flush()
  return position
}

/** Seals, and answers every run from `from` on. */
export async function runsOf(shard: Shard, from: bigint = 1n): Promise<SealedRun[]> {
  await shard.seal()
  const runs: SealedRun[] = []
  for (let seq: Seq = toSeq(from); ; ) {
    const run = shard.readRun(seq, RUN_BYTES)
    if (run === undefined) return runs
    runs.push(run)
    seq = toSeq(run.seal.seq + 1n)
  }
}

/** Sends everything that the follower lacks, through the wire form. */
export async function catchUp(writer: Shard, follower: Shard): Promise<void> {
  for (const run of await runsOf(writer, follower.received.seq + 1n)) {
    await follower.applyRun(throughWire(follower, run))
  }
}

export function throughWire(follower: Shard, run: SealedRun): SealedRun {
  const decoded = decodeRun(encodeRun(run), follower.mayWrite)
  if (!decoded.ok) throw decoded.failure
  return decoded.value
}

/** Page count and fill byte of every page: what a test compares. */
export function contents(shard: Shard): (number | string)[] {
  const { pages } = shard
  const count = pages.pageCount(pages.version)
  return Array.from({ length: count }, (_, index) => {
    const image = pages.image(index + 1)
    const fill = image[0] as number
    return image.every((byte) => byte === fill) ? fill : 'mixed'
  })
}

/** Awaits what waits for deferred callbacks of its host, and for its time where nothing else is left. */
export async function drive<T>(host: ManualHost, promise: Promise<T>): Promise<T> {
  let isDone = false
  const done = promise.finally(() => {
    isDone = true
  })
  done.catch(() => undefined)
  await host.settle()
  while (!isDone) await host.advance(1)
  return done
}

/** A follower with a key of its own, caught up. */
export async function openHeir(
  writer: Shard,
  seed: number,
  host: ManualHost = createManualHost({ seed }),
): Promise<Bench> {
  const bench = await openFollower(writer, host, createMemoryDisk(`copy ${seed}`), seed)
  await catchUp(writer, bench.shard)
  return bench
}

/** Makes a copy the writer: a hand-over at its head, signed by the owner and sealed by the copy's key
 *  `seed`.  Answers the run that says so to others. */
export async function takeOver(
  copy: Shard,
  options: { readonly seed?: number; readonly epoch?: bigint } = {},
): Promise<SealedRun> {
  const run = await handOverRun(copy, options)
  await copy.applyRun(throughWire(copy, run))
  return run
}

/** The run without applying it. */
export async function handOverRun(
  copy: Shard,
  options: { readonly seed?: number; readonly epoch?: bigint; readonly owner?: Signer } = {},
): Promise<SealedRun> {
  const { seed = 2, epoch = 1n, owner = OWNER } = options
  const signer = signerFromSeed(seedOf(seed))
  const { head, id, newestSeal } = copy
  const frame = await createHandOver({
    shard: id,
    epoch,
    author: signer.publicKey,
    fromSeq: nextSeq(head.seq),
    prev: head.checksum,
    hlc: tickHlc(0, copy.headHlc),
    signer: owner,
  })
  const { seq, checksum } = frame
  const root = newestSeal?.root ?? new Uint8Array(32)
  const seal = await createSeal(signer, { shard: id, epoch, seq, checksum, root })
  return { firstSeq: seq, prev: frame.prev, frames: [frame], seal }
}

/** All parts of a snapshot as one. */
export async function snapshotBytes(shard: Shard): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of await shard.snapshot()) parts.push(part.slice())
  return concatBytes(...parts)
}

export async function* stream(...parts: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* parts
}

/** The disk as a backup would have it. */
export function cloneDisk(disk: MemoryDisk): MemoryDisk {
  const files = new Map([...disk.files].map(([name, file]) => [name, file.clone()]))
  return { ...disk, files, owner: undefined }
}
