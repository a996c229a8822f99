/** A snapshot brings exactly the sealed pages, in parts and pieces of bounded size (FORMATS §11). */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/bytes/compare.ts'
import { stubOf } from '../../src/frame/frame.ts'
import {
  expectPages,
  type Model,
  PAGE_SIZE,
  pageOf,
  transact,
  transactions,
  zeros,
} from './pages-fixtures.ts'
import { compressor, frame, genesis, partsOf, small, take } from './pages-snapshot-fixtures.ts'

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
          expectPages(taken.pages, model)
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
    expect(taken.header).toMatchObject({ pageSize: PAGE_SIZE, pageCount: 5, head: stubOf(frame) })
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
    expectPages(taken.pages, model)
  })

  it('is smaller compressed, and refused where nothing can inflate it', async () => {
    const repeated = Array.from({ length: 20 }, () => pageOf(1))
    const plain = concatBytes(...(await partsOf(repeated)))
    const parts = await partsOf(repeated, compressor)
    expect(concatBytes(...parts).byteLength).toBeLessThan(plain.byteLength / 4)
    expect((await take(parts)).failure?.code).toBe('ErrUnavailable')
  })
})
