/** Proves: a transient file reads as one array of bytes whatever mix of memory and spill file holds it,
 *  and gives every block back. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  createBlockPool,
  createTransientFile,
  TRANSIENT_BLOCK_BYTES,
} from '../../src/sqlite/transient-file.ts'
import { createMemoryFile } from './sqlite-fixtures.ts'

type Step =
  | { readonly type: 'write'; readonly file: number; readonly at: number; readonly size: number }
  | { readonly type: 'truncate'; readonly file: number; readonly size: number }

const SIZE_MAX = TRANSIENT_BLOCK_BYTES * 3
const place = fc.oneof(
  fc.nat(SIZE_MAX),
  fc.constantFrom(0, TRANSIENT_BLOCK_BYTES - 1, TRANSIENT_BLOCK_BYTES, TRANSIENT_BLOCK_BYTES + 1),
)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant('write'), file: fc.nat(1), at: place, size: place }),
  fc.record({ type: fc.constant('truncate'), file: fc.nat(1), size: place }),
)

test('random writes and truncations equal those on a plain array, in memory and spilled', async () => {
  const spill = await createMemoryFile()
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), fc.nat(4), (steps, blocks) => {
      const pool = createBlockPool({ memoryBytesMax: blocks * TRANSIENT_BLOCK_BYTES, spill })
      const files = [createTransientFile(pool), createTransientFile(pool)]
      const models: Uint8Array[] = [new Uint8Array(0), new Uint8Array(0)]
      for (const [turn, next] of steps.entries()) {
        const file = files[next.file] as (typeof files)[number]
        const model = models[next.file] as Uint8Array
        const end = next.type === 'truncate' ? next.size : next.at + next.size
        const size = next.type === 'truncate' || next.size === 0 ? end : Math.max(end, model.length)
        const grown = new Uint8Array(size)
        grown.set(model.subarray(0, size))
        if (next.type === 'truncate') file.truncate(next.size)
        else {
          const bytes = new Uint8Array(next.size).fill(turn + 1)
          file.write(next.at, bytes)
          grown.set(bytes, next.at)
        }
        models[next.file] = next.type === 'write' && next.size === 0 ? pad(model, next.at) : grown
      }
      for (const [index, file] of files.entries()) {
        const model = models[index] as Uint8Array
        const into = new Uint8Array(model.length + 10).fill(0xee)
        expect(file.sizeBytes).toBe(model.length)
        expect(file.read(0, into)).toBe(false)
        expect(Buffer.compare(into, pad(model, model.length + 10))).toBe(0)
        file.close()
      }
      expect(pool.memoryBytes + pool.spilledBytes).toBe(0)
      expect(spill.size()).toBe(0)
      pool.close()
    }),
    { numRuns: 60 },
  )
})

/** The array, with zeros up to `size`. */
function pad(bytes: Uint8Array, size: number): Uint8Array {
  if (bytes.length >= size) return bytes
  const padded = new Uint8Array(size)
  padded.set(bytes)
  return padded
}

test('a pool without a spill file refuses past its limit and gives room back', () => {
  const pool = createBlockPool({ memoryBytesMax: TRANSIENT_BLOCK_BYTES, spill: undefined })
  const first = createTransientFile(pool)
  const second = createTransientFile(pool)
  first.write(0, new Uint8Array(10))
  expect(() => second.write(0, new Uint8Array(10))).toThrow(
    expect.objectContaining({ code: 'ErrQuota' }),
  )
  first.close()
  second.write(0, new Uint8Array(10))
  expect(pool.memoryBytes).toBe(TRANSIENT_BLOCK_BYTES)
})
