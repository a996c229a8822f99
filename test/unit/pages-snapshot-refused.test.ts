/** A snapshot that is not exactly the sealed pages brings nothing (FORMATS §11). */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ConstelliteError, isFailure } from '../../src/base/failure.ts'
import { concatBytes } from '../../src/bytes/compare.ts'
import { lockBytePgno, SNAPSHOT_HEADER_BYTES } from '../../src/pages/layout.ts'
import { readSnapshot } from '../../src/pages/snapshot.ts'
import { createPageTree, leafOf, zeroLeaf } from '../../src/pages/tree.ts'
import { type Model, PAGE_SIZE, pageOf, zeros } from './pages-fixtures.ts'
import { compressor, partsOf, small, take } from './pages-snapshot-fixtures.ts'

/** Header, leaves and the first chunk's header, each a copy of its own. */
async function piecesOf(
  model: Model,
): Promise<{ header: Uint8Array; leaves: Uint8Array; chunk: Uint8Array }> {
  const bytes = concatBytes(...(await partsOf(model)))
  const authorityBytes = new DataView(bytes.buffer).getUint32(SNAPSHOT_HEADER_BYTES - 4)
  const leavesAt = SNAPSHOT_HEADER_BYTES + authorityBytes
  const chunksAt = leavesAt + model.length * 32
  return {
    header: bytes.slice(0, leavesAt),
    leaves: bytes.slice(leavesAt, chunksAt),
    chunk: bytes.slice(chunksAt, chunksAt + 13),
  }
}

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
      // The seal's own fields but checksum and root: the sink judges those.
      return at < 10 || at >= 10 + 209 || (at >= 10 + 80 && at < 10 + 144)
    }
    for (let at = 0; at < bytes.byteLength; at += at < 480 ? 1 : 17) {
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
    const page = pageOf(1, pageSize)
    const leaves = new Uint8Array(pgno * 32)
    for (let at = 0; at < leaves.byteLength; at += 32) leaves.set(zeroLeaf(pageSize), at)
    leaves.set(leafOf(page), (pgno - 1) * 32)
    const { header, chunk } = await piecesOf([page])
    new DataView(header.buffer).setUint32(6, pgno)
    header.set(createPageTree({ pageSize, leaves }).root(), 10 + 112)
    new DataView(chunk.buffer).setUint32(1, pgno)
    const { failure } = await take([header, leaves, chunk, page])
    expect(failure?.code).toBe('ErrChecksum')
    expect(failure?.facts['pgno']).toBe(pgno)
  })

  it('with a chunk whose header breaks a rule, before its bytes are read', async () => {
    const pages = Array.from({ length: 20 }, (_, index) => pageOf(index, 65_536))
    const { header, leaves, chunk } = await piecesOf(pages)
    const refusal = async (codec: number, ...fields: number[]): Promise<string> => {
      const bytes = chunk.slice()
      const view = new DataView(bytes.buffer)
      view.setUint8(0, codec)
      for (const [index, field] of fields.entries()) view.setUint32(1 + index * 4, field)
      const { taken, failure } = await take([header, leaves, bytes, ...pages])
      expect(taken.pages.length).toBe(0)
      return `${failure?.code} ${failure?.message}`
    }
    const all = 20 * 65_536
    expect(await refusal(0, 1, all, all)).toMatch(/^ErrDecode .* too large/)
    expect(await refusal(2, 1, 65_536, 65_536)).toMatch(/^ErrDecode .* codec 2/)
    expect(await refusal(0, 0, 65_536, 65_536)).toMatch(/^ErrDecode .* past the last page/)
    expect(await refusal(0, 20, 131_072, 131_072)).toMatch(/^ErrDecode .* past the last page/)
    expect(await refusal(0, 1, 65_537, 65_537)).toMatch(/^ErrDecode .* whole number/)
    expect(await refusal(0, 1, 0, 0)).toMatch(/^ErrDecode .* whole number/)
    expect(await refusal(0, 1, 65_536, 65_535)).toMatch(/^ErrDecode .* size of a chunk/)
    expect(await refusal(1, 1, 65_536, 65_536)).toMatch(/^ErrDecode .* size of a chunk/)
    expect(await refusal(1, 1, 65_536, 2 ** 32 - 1)).toMatch(/^ErrDecode .* size of a chunk/)
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
    const head = (await partsOf(small))[0] as Uint8Array
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 900 }), async (bytes) => {
        const { failure } = await take([head.subarray(0, SNAPSHOT_HEADER_BYTES), bytes])
        expect(failure).toBeDefined()
      }),
      { numRuns: 100 },
    )
  })
})
