/** A snapshot brings exactly the sealed pages, with bounded memory, or nothing (FORMATS §11). */

import { deflateRawSync, inflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ConstelliteError, isFailure, orThrow } from '../../src/base/failure.ts'
import type { Hlc } from '../../src/base/ids.ts'
import { concatBytes, equalBytes } from '../../src/bytes/compare.ts'
import { createSeal } from '../../src/frame/seal.ts'
import { lockBytePgno, SNAPSHOT_HEADER_BYTES } from '../../src/pages/layout.ts'
import {
  createSnapshot,
  readSnapshot,
  type SnapshotHeader,
  type SnapshotLimits,
} from '../../src/pages/snapshot.ts'
import type { Compressor } from '../../src/pages/snapshot-chunks.ts'
import { createPageTree } from '../../src/pages/tree.ts'
import { AUTHOR, framesAfter, genesisOf } from './frame-fixtures.ts'
import { type Model, PAGE_SIZE, pageOf, transact, transactions, zeros } from './pages-fixtures.ts'

const compressor: Compressor = {
  compress: async (bytes) => new Uint8Array(deflateRawSync(bytes)),
  decompress: async (bytes, sizeBytesMax) =>
    new Uint8Array(inflateRawSync(bytes, { maxOutputLength: sizeBytesMax })),
}

const genesis = genesisOf()
const [frame] = framesAfter(genesis, genesis.frame, 1)
if (frame === undefined) throw new Error('one frame was asked for')

type Taken = { header?: SnapshotHeader; pages: Uint8Array[]; largest: number }

async function partsOf(model: Model, compress?: Compressor): Promise<Uint8Array[]> {
  const pageSize = model[0]?.byteLength ?? 0
  const tree = createPageTree()
  tree.advance(new Map(model.map((page, index) => [index + 1, page])), model.length, pageSize)
  const seal = await createSeal(AUTHOR, {
    shard: genesis.shard,
    epoch: 0n,
    seq: frame!.seq,
    checksum: frame!.checksum,
    root: tree.root(),
  })
  const header = {
    shard: genesis.shard,
    pageSize,
    pageCount: model.length,
    hlc: 1234n as Hlc,
    seal,
    authority: [genesis.frame],
  }
  const parts: Uint8Array[] = []
  const snapshot = createSnapshot({
    header,
    leaves: tree.leaves(),
    readPage: (pgno, target) => target.set(model[pgno - 1] as Uint8Array),
    ...(compress === undefined ? {} : { compressor: compress }),
  })
  for await (const part of snapshot) parts.push(part)
  return parts
}

async function* streamOf(parts: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* parts
}

async function take(
  parts: Iterable<Uint8Array>,
  limits?: SnapshotLimits,
): Promise<{ taken: Taken; failure: ConstelliteError | undefined; root: Uint8Array | undefined }> {
  const taken: Taken = { pages: [], largest: 0 }
  const result = await readSnapshot(
    streamOf(parts),
    {
      header(header) {
        taken.header = header
      },
      pages(firstPgno, bytes) {
        const { pageSize } = taken.header as SnapshotHeader
        expect(firstPgno).toBe(taken.pages.length + 1)
        taken.largest = Math.max(taken.largest, bytes.byteLength)
        for (let at = 0; at < bytes.byteLength; at += pageSize) {
          taken.pages.push(bytes.slice(at, at + pageSize))
        }
      },
    },
    limits,
  )
  if (!result.ok) return { taken, failure: result.failure, root: undefined }
  return { taken, failure: undefined, root: result.value.tree.root() }
}

function cutAt(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const parts: Uint8Array[] = []
  let at = 0
  for (let index = 0; at < bytes.byteLength; index++) {
    const size = sizes[index % sizes.length] as number
    parts.push(bytes.subarray(at, at + size))
    at += size
  }
  return parts
}

const small: Model = [pageOf(1), zeros(), pageOf(3), pageOf(4), zeros()]

describe('a snapshot', () => {
  it('brings every page, however it was cut and compressed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(transactions, { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (history, sizes, isCompressed) => {
          let model: Model = []
          for (const transaction of history) model = transact(model, transaction).next
          const bytes = concatBytes(
            ...(await partsOf(model, isCompressed ? compressor : undefined)),
          )
          const { taken, failure, root } = await take(cutAt(bytes, sizes), { compressor })
          expect(failure).toBeUndefined()
          expect(taken.pages).toEqual(model)
          expect(root).toEqual(taken.header?.seal.root)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('has its header before any page, with seal and authority whole', async () => {
    const { taken } = await take(await partsOf(small))
    expect(taken.header?.authority.map(({ checksum }) => checksum)).toEqual([
      genesis.frame.checksum,
    ])
    expect(taken.header).toMatchObject({ pageSize: PAGE_SIZE, pageCount: 5, hlc: 1234n })
    expect(taken.header?.seal.checksum).toEqual(frame.checksum)
  })

  it('of a database without pages is a header', async () => {
    const parts = await partsOf([])
    const { taken, failure } = await take(parts)
    expect(failure).toBeUndefined()
    expect(taken.header).toMatchObject({ pageSize: 0, pageCount: 0 })
    const { failure: refusal } = await take([...parts, zeros(13)])
    expect(refusal?.code).toBe('ErrDecode')
  })

  it('has parts and pieces of at most 1 MiB, and leaves zeros out', async () => {
    const pageSize = 65_536
    const model = Array.from({ length: 40 }, (_, index) =>
      index % 20 === 7 ? zeros(pageSize) : pageOf(index & 3, pageSize),
    )
    const parts = await partsOf(model)
    expect(Math.max(...parts.map((part) => part.byteLength))).toBe(1 << 20)
    const sizeBytes = parts.reduce((sum, part) => sum + part.byteLength, 0)
    expect(sizeBytes).toBeLessThan(38 * pageSize + 10_000)
    const { taken, failure } = await take(parts)
    expect(failure).toBeUndefined()
    expect(taken.largest).toBe(1 << 20)
    expect(taken.pages.every((page, index) => equalBytes(page, model[index]!))).toBe(true)
  })

  it('is smaller compressed, and refused where nothing can inflate it', async () => {
    const repeated = Array.from({ length: 20 }, () => pageOf(1))
    const plain = concatBytes(...(await partsOf(repeated)))
    const parts = await partsOf(repeated, compressor)
    expect(concatBytes(...parts).byteLength).toBeLessThan(plain.byteLength / 4)
    expect((await take(parts)).failure?.code).toBe('ErrUnavailable')
  })
})

describe('a snapshot is refused', () => {
  it('cut short', async () => {
    const bytes = concatBytes(...(await partsOf(small)))
    for (let size = 0; size < bytes.byteLength; size += size < 300 ? 1 : 13) {
      const { failure } = await take([bytes.subarray(0, size)])
      expect(failure, `${size} of ${bytes.byteLength}`).toBeDefined()
    }
  })

  it('with a byte flipped, but for what its seal does not cover', async () => {
    const bytes = concatBytes(...(await partsOf(small)))
    const honest = (await take([bytes])).taken
    const isCovered = (at: number): boolean => {
      // hlc, and the seal's own fields but its root: the sink judges those.
      if (at >= 5 && at < 13) return false
      return at < 18 || at >= SNAPSHOT_HEADER_BYTES - 4 || (at >= 18 + 112 && at < 18 + 144)
    }
    for (let at = 0; at < bytes.byteLength; at += at < 300 ? 1 : 7) {
      const flipped = bytes.slice()
      flipped[at] = (flipped[at] as number) ^ (1 << (at % 8))
      const { taken, failure } = await take([flipped])
      if (isCovered(at)) expect(failure, `byte ${at}`).toBeDefined()
      else if (failure === undefined) {
        expect(taken.pages).toEqual(honest.pages)
        expect(taken.header).not.toEqual(honest.header)
      }
    }
  })

  it('with its chunks in another order, one twice, or one left out', async () => {
    const bytes = concatBytes(...(await partsOf(small)))
    const one = PAGE_SIZE + 13
    const end = bytes.byteLength
    const [body, first, second] = [
      bytes.subarray(0, end - one - PAGE_SIZE - one),
      bytes.subarray(end - one - PAGE_SIZE - one, end - one - PAGE_SIZE),
      bytes.subarray(end - one - PAGE_SIZE),
    ] as const
    expect((await take([body, first, second])).failure).toBeUndefined()
    expect((await take([body, second, first])).failure?.code).toBe('ErrChecksum')
    expect((await take([body, first, first, second])).failure?.code).toBe('ErrDecode')
    expect((await take([body, first, second, second])).failure?.code).toBe('ErrDecode')
    expect((await take([body, second])).failure?.code).toBe('ErrChecksum')
    expect((await take([body, first])).failure?.code).toBe('ErrChecksum')
  })

  it('with leaves that are not the sealed ones, before any page is handed on', async () => {
    const bytes = concatBytes(...(await partsOf(small)))
    const leavesAt = bytes.byteLength - 3 * PAGE_SIZE - 2 * 13 - 5 * 32
    bytes[leavesAt] = (bytes[leavesAt] as number) ^ 1
    const { taken, failure } = await take([bytes])
    expect(failure?.code).toBe('ErrChecksum')
    expect(taken.pages).toEqual([])
  })

  it('with a lock-byte page that is not zeros, even where the seal covers it', async () => {
    const pageSize = 65_536
    const pgno = lockBytePgno(pageSize)
    const tree = createPageTree()
    tree.advance(new Map(), pgno, pageSize)
    const leaves = tree.leaves()
    leaves.set(zeros(32), (pgno - 1) * 32)
    const forged = createPageTree({ pageSize, leaves })
    const [head, ...rest] = await partsOf([pageOf(1, pageSize)])
    const bytes = concatBytes(head as Uint8Array, ...rest)
    const header = bytes.slice(0, bytes.byteLength - pageSize - 13 - 32)
    new DataView(header.buffer).setUint32(14, pgno)
    header.set(forged.root(), 18 + 112)
    const { failure } = await take([header, leaves])
    expect(failure?.code).toBe('ErrChecksum')
    expect(failure?.facts['pgno']).toBe(pgno)
  })

  it('when a chunk inflates to more or less than it says', async () => {
    for (const size of [PAGE_SIZE - 1, PAGE_SIZE * 3]) {
      const lying = { ...compressor, decompress: async () => zeros(size) }
      const parts = await partsOf([pageOf(1).fill(7), pageOf(2).fill(7)], compressor)
      expect((await take(parts, { compressor: lying })).failure?.code).toBe('ErrDecode')
    }
  })

  it('over the page count that the reader takes, before anything is kept for it', async () => {
    const { taken, failure } = await take(await partsOf(small), { pageCountMax: 4 })
    expect(failure?.code).toBe('ErrDecode')
    expect(taken.header).toBeUndefined()
  })

  it('by its sink, with nothing taken and the source told to stop', async () => {
    let isStopped = false
    const parts = await partsOf(small)
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield* parts
        yield zeros(1)
      } finally {
        isStopped = true
      }
    }
    const refusal = (await take([])).failure as ConstelliteError
    const result = await readSnapshot(source(), {
      header() {
        throw refusal
      },
      pages: () => expect.unreachable(),
    })
    expect(result).toEqual({ ok: false, failure: refusal })
    expect(isStopped).toBe(true)
  })

  it('with an error of its source passed on as it is', async () => {
    // biome-ignore lint/correctness/useYield: this source fails before its first part.
    async function* source(): AsyncGenerator<Uint8Array> {
      throw new Error('the connection broke')
    }
    const reading = readSnapshot(source(), { header() {}, pages() {} })
    await expect(reading).rejects.toThrow('the connection broke')
  })

  it('with random bytes, always as ErrDecode', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
        const { failure } = await take([bytes])
        expect(isFailure(failure, 'ErrDecode')).toBe(true)
      }),
      { numRuns: 100 },
    )
    const head = orThrow({ ok: true, value: (await partsOf(small))[0] as Uint8Array })
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 900 }), async (bytes) => {
        const { failure } = await take([head.subarray(0, SNAPSHOT_HEADER_BYTES), bytes])
        expect(failure).toBeDefined()
      }),
      { numRuns: 100 },
    )
  })
})
