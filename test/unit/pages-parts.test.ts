/** A stream of parts reads the same however it was cut, and promises of a header allocate nothing. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes, equalBytes } from '../../src/bytes/compare.ts'
import { createPartsReader, createPartsWriter } from '../../src/pages/parts.ts'
import { pageOf } from './pages-fixtures.ts'

async function* streamOf(parts: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* parts
}

describe('a parts reader', () => {
  it('gives fields of any size from parts of any size, empty ones too', async () => {
    const sizes = fc.array(fc.nat(40), { minLength: 1, maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(sizes, sizes, async (partSizes, fieldSizes) => {
        const bytes = pageOf(
          1,
          partSizes.reduce((sum, size) => sum + size, 0),
        )
        let at = 0
        const parts = partSizes.map((size) => {
          at += size
          return bytes.subarray(at - size, at)
        })
        const reader = createPartsReader(streamOf(parts))
        let start = 0
        for (const size of fieldSizes) {
          if (start + size > bytes.byteLength) {
            await expect(reader.take(size)).rejects.toThrow('past its end')
            return
          }
          expect(await reader.isAtEnd()).toBe(start === bytes.byteLength)
          expect(await reader.take(size)).toEqual(bytes.subarray(start, start + size))
          start += size
        }
      }),
      { numRuns: 200 },
    )
  })

  it('gathers a field of several MiB, and grows it only as its bytes arrive', async () => {
    const bytes = pageOf(3, 3_500_000)
    const parts = Array.from({ length: 36 }, (_, index) =>
      bytes.subarray(index * 100_000, (index + 1) * 100_000),
    )
    const reader = createPartsReader(streamOf(parts))
    expect(equalBytes(await reader.take(3_400_000), bytes.subarray(0, 3_400_000))).toBe(true)
    expect(equalBytes(await reader.take(100_000), bytes.subarray(3_400_000))).toBe(true)
    const promised = createPartsReader(streamOf([pageOf(1)]))
    // More than any array can have: only asking for it at once would be a RangeError.
    await expect(promised.take(2 ** 50)).rejects.toThrow('past its end')
  })
})

describe('a parts writer', () => {
  it('cuts into parts of exactly the size, the last one shorter, each its own', () => {
    const writer = createPartsWriter(1000)
    const bytes = pageOf(5, 4321)
    const parts = [
      ...writer.put(bytes.subarray(0, 10)),
      ...writer.put(bytes.subarray(10, 3000)),
      ...writer.put(bytes.subarray(3000)),
      ...writer.end(),
    ]
    expect(parts.map((part) => part.byteLength)).toEqual([1000, 1000, 1000, 1000, 321])
    expect(equalBytes(concatBytes(...parts), bytes)).toBe(true)
    expect([...writer.end()]).toEqual([])
  })
})
