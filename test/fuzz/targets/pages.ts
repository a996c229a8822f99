/** Targets of the room `pages`, and of whoever applies what it decodes: payloads, snapshots, proofs. */

import { deflateRawSync } from 'node:zlib'
import { assert } from '../../../src/base/assert.ts'
import { orThrow } from '../../../src/base/failure.ts'
import { concatBytes, equalBytes } from '../../../src/bytes/compare.ts'
import { createWriter } from '../../../src/bytes/writer.ts'
import { compress, decompress } from '../../../src/crypto/hpke-compress.ts'
import { SNAPSHOT_CHUNK_HEADER_BYTES, SNAPSHOT_HEADER_BYTES } from '../../../src/pages/layout.ts'
import {
  applyPayload,
  decodePayload,
  encodePayloads,
  type PagePayload,
} from '../../../src/pages/payload.ts'
import { verifyPageProof } from '../../../src/pages/proof.ts'
import { createSnapshot, readSnapshot, type SnapshotHeader } from '../../../src/pages/snapshot.ts'
import { createPageTree } from '../../../src/pages/tree.ts'
import { createMemoryDevice, createMemoryDisk } from '../../../src/storage/memory.ts'
import { createManualHost } from '../../../src/testing/manual-host.ts'
import { createRandom } from '../../../src/testing/random.ts'
import { contents, drive, openOn, stream } from '../../unit/shard-fixtures.ts'
import { mustBeCanonical, mustHold, type ReshapeTools, type Target } from '../target.ts'
import type { World } from '../world.ts'

const PAGE_SIZE = 512
const PAGE_COUNT = 6
const SNAPSHOT_PAGES_MAX = 4096

function oldPages(): readonly Uint8Array[] {
  const random = createRandom(7)
  return Array.from({ length: PAGE_COUNT }, (_, index) =>
    index === 2 ? new Uint8Array(PAGE_SIZE) : random.bytes(PAGE_SIZE),
  )
}

function payloads(): readonly Uint8Array[] {
  const old = oldPages()
  const oldImage = (pgno: number): Uint8Array | undefined => old[pgno - 1]
  const text = new Uint8Array(PAGE_SIZE).map((_, at) => 97 + (at % 7))
  const near = (old[0] as Uint8Array).slice()
  near.set([9, 9, 9], 100)
  near.set([8], 300)
  const shifted = concatBytes((old[1] as Uint8Array).subarray(40), new Uint8Array(40))
  const noise = createRandom(11).bytes(PAGE_SIZE)
  const histories: (readonly (readonly [number, Uint8Array])[])[] = [
    [[1, near]],
    [
      [2, shifted],
      [3, text],
      [7, noise],
    ],
    [[4, noise]],
    [],
  ]
  return histories.flatMap((changes) => {
    const pageCount = Math.max(PAGE_COUNT, ...changes.map(([pgno]) => pgno))
    const tables = changes.length > 1 ? ['note', 'tag'] : []
    const transaction = {
      changes: new Map(changes),
      oldImage,
      pageSize: PAGE_SIZE,
      pageCount,
      tables,
    }
    return encodePayloads(transaction)
  })
}

const payload: Target = {
  name: 'page payload',
  reaches: ['pages/payload.ts decodePayload', 'pages/payload.ts applyPayload'],
  seeds: payloads,
  decoder() {
    const old = oldPages()
    const oldImage = (pgno: number): Uint8Array | undefined => old[pgno - 1]
    return (input) => {
      const decoded = orThrow(decodePayload(input, { pageSize: PAGE_SIZE }))
      const images = orThrow(applyPayload(decoded, oldImage))
      mustHold(images.size === decoded.entries.length, 'each entry gives one page')
      for (const [pgno, image] of images) {
        mustHold(pgno >= 1 && pgno <= decoded.pageCount, 'a page is inside the database')
        mustHold(image.byteLength === PAGE_SIZE, 'an image is one page')
      }
      return describePayload(decoded)
    }
  },
}

function describePayload({ entries, tables }: PagePayload): string {
  return `${entries
    .map(({ encoding }) => encoding)
    .join(' ')
    .slice(0, 40)} ${tables.length > 0}`
}

async function snapshotSeeds({ shard, runs }: World): Promise<readonly Uint8Array[]> {
  const pages = oldPages()
  const tree = createPageTree()
  const changes = new Map(pages.map((page, index) => [index + 1, page]))
  tree.advance(changes, pages.length, PAGE_SIZE)
  const [{ seal, frames }] = runs as unknown as [World['runs'][number]]
  const head = frames.at(-1)
  assert(head !== undefined, 'a run has at least one frame')
  const header: SnapshotHeader = {
    shard: seal.shard,
    pageSize: PAGE_SIZE,
    pageCount: pages.length,
    seal: { ...seal, root: tree.root() },
    head,
    authority: [],
  }
  const readPage = (pgno: number, target: Uint8Array): void =>
    target.set(pages[pgno - 1] as Uint8Array)
  const parts: Uint8Array[] = []
  const source = { header, leaves: tree.leaves(), readPage }
  const packed = {
    compress: async (bytes: Uint8Array) => new Uint8Array(deflateRawSync(bytes)),
    decompress,
  }
  for await (const part of createSnapshot({ ...source, compressor: packed })) parts.push(part)
  const plain: Uint8Array[] = []
  for await (const part of createSnapshot(source)) plain.push(part)
  return [shard.snapshot, concatBytes(...parts), concatBytes(...plain)]
}

const snapshot: Target = {
  name: 'snapshot',
  reaches: ['pages/snapshot.ts refusalOf'],
  seeds: snapshotSeeds,
  reshape: reshapeSnapshot,
  // A chunk of 1 MiB and the leaves of the limit below.
  allocatesBytesMax: 4 * 1_048_576,
  testRuns: 1000,
  decoder: () => async (input) => {
    let header: SnapshotHeader | undefined
    let next = 1
    const sink = {
      header(read: SnapshotHeader) {
        header = read
      },
      pages(firstPgno: number, bytes: Uint8Array) {
        mustHold(firstPgno === next, 'pages come in order, each once')
        next += bytes.byteLength / (header?.pageSize ?? 1)
      },
    }
    const compressor = { compress, decompress }
    const limits = { pageCountMax: SNAPSHOT_PAGES_MAX, compressor }
    const read = orThrow(await readSnapshot(stream(input), sink, limits))
    mustHold(next === read.pageCount + 1, 'every page was handed on')
    mustHold(equalBytes(read.tree.root(), read.seal.root), 'the root is the sealed one')
    return `${read.pageSize} bytes, authority ${read.authority.length}`
  },
}

/** Leaves and root fit whatever the pages are; one chunk is changed inside its size. */
function reshapeSnapshot(input: Uint8Array, { random, mutate }: ReshapeTools): Uint8Array {
  if (input.byteLength < SNAPSHOT_HEADER_BYTES) return mutate(input)
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  const leavesAt = SNAPSHOT_HEADER_BYTES + view.getUint32(SNAPSHOT_HEADER_BYTES - 4)
  const chunksAt = leavesAt + 32 * view.getUint32(6)
  if (chunksAt + SNAPSHOT_CHUNK_HEADER_BYTES > input.byteLength) return mutate(input)
  if (random.chance(0.3)) {
    const authority = mutate(input.subarray(SNAPSHOT_HEADER_BYTES, leavesAt))
    const size = createWriter(4).u32(authority.byteLength).view()
    const start = input.subarray(0, SNAPSHOT_HEADER_BYTES - 4)
    return concatBytes(start, size, authority, input.subarray(leavesAt))
  }
  const headerEnd = chunksAt + SNAPSHOT_CHUNK_HEADER_BYTES
  if (random.chance(0.5)) {
    const chunkHeader = mutate(input.subarray(chunksAt, headerEnd))
    return concatBytes(input.subarray(0, chunksAt), chunkHeader, input.subarray(headerEnd))
  }
  const bytes = mutate(input.subarray(headerEnd))
  const sized = input.slice(chunksAt, headerEnd)
  new DataView(sized.buffer).setUint32(9, bytes.byteLength)
  return concatBytes(input.subarray(0, chunksAt), sized, bytes)
}

/** A follower with nothing takes it whole, or is as it was. */
const install: Target = {
  name: 'snapshot install',
  reaches: [],
  seeds: ({ shard }) => [shard.snapshot],
  reshape: reshapeSnapshot,
  allocatesBytesMax: 8 * 1_048_576,
  testRuns: 200,
  shares: 2,
  decoder({ shard: { writer } }) {
    const expected = contents(writer.shard).join()
    return async (input) => {
      const host = createManualHost()
      const device = createMemoryDevice(host, createMemoryDisk())
      const follower = await openOn(device, host, { seed: 9, follow: writer.shard.id })
      try {
        await drive(host, follower.install(stream(input)))
        mustHold(follower.head.seq === writer.shard.head.seq, 'only the sealed head is taken')
        mustHold(
          equalBytes(follower.head.checksum, writer.shard.head.checksum),
          'only the sealed frame is taken',
        )
        mustHold(contents(follower).join() === expected, 'only the sealed pages are taken')
        return 'as its writer sealed it'
      } finally {
        await drive(host, follower.close())
        await device.close()
      }
    }
  },
}

/** Page number u8, page count u8, then the page and the siblings. */
const proof: Target = {
  name: 'page proof',
  reaches: ['pages/proof.ts verifyPageProof'],
  seeds() {
    const { pages, tree } = proofTree()
    return pages.map((page, index) => {
      const siblings = tree.siblings(index + 1)
      return concatBytes(Uint8Array.of(index + 1, PAGE_COUNT), page, ...siblings)
    })
  },
  decoder() {
    const { pages, tree } = proofTree()
    const root = tree.root()
    return (input) => {
      const [pgno = 0, pageCount = 0] = input
      const page = input.slice(2, 2 + PAGE_SIZE)
      const siblings: Uint8Array[] = []
      for (let at = 2 + PAGE_SIZE; at < input.byteLength; at += 32) {
        siblings.push(input.slice(at, at + 32))
      }
      if (!verifyPageProof(root, page, { pageSize: PAGE_SIZE, pageCount, pgno, siblings })) {
        return 'no proof'
      }
      mustHold(pageCount === PAGE_COUNT, 'a proof is about the whole database')
      mustBeCanonical(pages[pgno - 1] ?? new Uint8Array(0), page)
      return `page ${pgno}`
    }
  },
}

function proofTree(): { pages: readonly Uint8Array[]; tree: ReturnType<typeof createPageTree> } {
  const pages = oldPages()
  const tree = createPageTree()
  tree.advance(new Map(pages.map((page, index) => [index + 1, page])), pages.length, PAGE_SIZE)
  return { pages, tree }
}

export const pagesTargets: readonly Target[] = [payload, snapshot, install, proof]
