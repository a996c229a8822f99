/** The page payload round-trips, is small, and refuses whatever does not fit (FORMATS §7). */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { orThrow } from '../../src/base/failure.ts'
import { createWriter } from '../../src/bytes/writer.ts'
import { lockBytePgno } from '../../src/pages/layout.ts'
import { applyPayload, decodePayload, encodePayloads } from '../../src/pages/payload.ts'
import { createRandom } from '../../src/testing/random.ts'
import { expectPages, PAGE_SIZE, pageOf, transact, transactions, zeros } from './pages-fixtures.ts'

const limits = { pageSize: PAGE_SIZE }

type Parts = {
  readonly log2?: number
  readonly pageCount?: number
  readonly entries: readonly { pgno: number; encoding: number; bytes: Uint8Array }[]
  readonly entryCount?: number
}

/** A payload by hand, so that a test can break each rule. */
function payloadOf({ log2 = 9, pageCount = 10, entries, entryCount }: Parts): Uint8Array {
  const writer = createWriter().u8(log2).varint(pageCount).varint(0)
  writer.varint(entryCount ?? entries.length)
  for (const { pgno, encoding, bytes } of entries) {
    writer.varint(pgno).u8(encoding).varint(bytes.byteLength).bytes(bytes)
  }
  return writer.finish()
}

function refusal(bytes: Uint8Array, pageSize = PAGE_SIZE): string {
  const result = decodePayload(bytes, { pageSize })
  return result.ok ? 'accepted' : `${result.failure.code} ${result.failure.message}`
}

function encodeOne(old: Uint8Array | undefined, image: Uint8Array): Uint8Array {
  const [section] = encodePayloads({
    changes: new Map([[1, image]]),
    oldImage: () => old,
    pageSize: image.byteLength,
    pageCount: 1,
    tables: [],
  })
  return section as Uint8Array
}

describe('a page payload', () => {
  it('makes the old pages into the new ones, whatever the transactions', () => {
    fc.assert(
      fc.property(
        fc.array(transactions, { minLength: 1, maxLength: 12, size: 'max' }),
        (history) => {
          let writer: readonly Uint8Array[] = []
          let follower: readonly Uint8Array[] = []
          for (const step of history) {
            const { changes, next } = transact(writer, step)
            const before = follower
            const oldImage = (pgno: number): Uint8Array | undefined => before[pgno - 1]
            const pageCount = next.length
            const sections = encodePayloads(
              { changes, oldImage, pageSize: PAGE_SIZE, pageCount, tables: ['note'] },
              1200,
            )
            const images = new Map<number, Uint8Array>()
            for (const section of sections) {
              expect(section.byteLength).toBeLessThanOrEqual(1200)
              const payload = orThrow(decodePayload(section, limits))
              expect(payload.pageCount).toBe(pageCount)
              expect(payload.tables).toEqual(['note'])
              for (const [pgno, image] of orThrow(applyPayload(payload, oldImage))) {
                expect(images.has(pgno)).toBe(false)
                images.set(pgno, image)
              }
            }
            follower = next.map((_, index) => images.get(index + 1) ?? before[index] ?? zeros())
            expectPages(follower, next)
            writer = next
          }
        },
      ),
      { numRuns: 150 },
    )
  })

  it('leaves out a page whose bytes did not change, and a new page of zeros', () => {
    const same = encodeOne(pageOf(1), pageOf(1))
    expect(orThrow(decodePayload(same, limits)).entries).toEqual([])
    const fresh = encodeOne(undefined, zeros())
    expect(orThrow(decodePayload(fresh, limits)).entries).toEqual([])
  })

  it('ships a few changed bytes as runs and an unknown old page as the whole page', () => {
    const image = pageOf(1)
    image[100] = (image[100] as number) ^ 1
    image[300] = (image[300] as number) ^ 1
    // Header 4, entry header 4, and two runs of skip, length and one byte (the skip of 199 takes two).
    expect(encodeOne(pageOf(1), image).byteLength).toBe(4 + 3 + 3 + 4)
    const [full] = orThrow(decodePayload(encodeOne(undefined, image), limits)).entries
    expect(full?.encoding).toBe('full')
  })

  it('ships moved bytes as a block that refers to the old page', () => {
    const old = createRandom(1).bytes(PAGE_SIZE)
    const image = old.slice()
    image.copyWithin(60, 50, 400)
    const section = encodeOne(old, image)
    const payload = orThrow(decodePayload(section, limits))
    expect(payload.entries[0]?.encoding).toBe('lz4')
    expect(section.byteLength).toBeLessThan(60)
    const changes = orThrow(applyPayload(payload, () => old))
    expect(changes.get(1)).toEqual(image)
    expect(refusal(section)).toBe('accepted')
    // What the block refers to must be there.
    const without = applyPayload(payload, () => undefined)
    expect(without.ok ? '' : without.failure.code).toBe('ErrDecode')
  })

  it('ships the whole page where neither runs nor a block would be smaller', () => {
    const [entry] = orThrow(decodePayload(encodeOne(pageOf(1), pageOf(2)), limits)).entries
    expect(entry?.encoding).toBe('full')
  })

  it('joins two runs when the header between them would cost as much as the gap', () => {
    const runsOf = (first: number, second: number): Uint8Array | undefined => {
      const image = zeros()
      image[first] = 1
      image[second] = 1
      return orThrow(decodePayload(encodeOne(zeros(), image), limits)).entries[0]?.bytes
    }
    expect(runsOf(100, 104)).toEqual(Uint8Array.of(100, 1, 1, 3, 1, 1))
    expect(runsOf(100, 103)).toEqual(Uint8Array.of(100, 4, 1, 0, 0, 1))
  })

  it('finds every single changed byte at every offset, aligned or not', () => {
    for (let offset = 0; offset < PAGE_SIZE; offset++) {
      const image = zeros(PAGE_SIZE + 1).subarray(1)
      image[offset] = 7
      const payload = orThrow(decodePayload(encodeOne(zeros(), image), limits))
      const applied = orThrow(applyPayload(payload, () => zeros())).get(1) as Uint8Array
      expectPages([applied], [image])
    }
  })

  it('never writes the lock-byte page and refuses one that is written', () => {
    const pageSize = 65_536
    const pgno = lockBytePgno(pageSize)
    expect(pgno).toBe(16_385)
    const [section] = encodePayloads({
      changes: new Map([[pgno, pageOf(1, pageSize)]]),
      oldImage: () => undefined,
      pageSize,
      pageCount: pgno + 1,
      tables: [],
    })
    expect(orThrow(decodePayload(section as Uint8Array, { pageSize })).entries).toEqual([])
    const entries = [{ pgno, encoding: 0, bytes: pageOf(1, pageSize) }]
    const forged = payloadOf({ log2: 16, pageCount: pgno, entries })
    expect(refusal(forged, pageSize)).toContain('lock-byte')
  })

  it('says "unknown" rather than too many or too long table names', () => {
    for (const tables of [
      Array.from({ length: 257 }, (_, index) => `t${index}`),
      ['x'.repeat(1025)],
    ]) {
      const transaction = { changes: new Map(), oldImage: () => undefined, tables }
      const [section] = encodePayloads({ ...transaction, pageSize: PAGE_SIZE, pageCount: 1 })
      expect(orThrow(decodePayload(section as Uint8Array, limits)).tables).toEqual([])
    }
  })
})

describe('a page payload that breaks a rule is ErrDecode', () => {
  const page = { pgno: 1, encoding: 0, bytes: pageOf(1) }
  const runs = (...bytes: number[]): Parts => ({
    entries: [{ pgno: 1, encoding: 1, bytes: Uint8Array.from(bytes) }],
  })
  const block = (...bytes: number[]): Parts => ({
    entries: [{ pgno: 1, encoding: 2, bytes: Uint8Array.from(bytes) }],
  })
  const cases: readonly [string, Parts, string][] = [
    ['a page size that SQLite lacks', { log2: 8, entries: [] }, '2^8'],
    ['another page size than the database has', { log2: 10, entries: [] }, '1024'],
    ['a page count over the limit', { pageCount: 2 ** 24 + 1, entries: [] }, 'limit'],
    ['more entries than bytes', { entries: [page], entryCount: 9999 }, 'limit'],
    ['more entries than pages', { pageCount: 1, entries: [page], entryCount: 2 }, 'limit'],
    ['page 0', { entries: [{ ...page, pgno: 0 }] }, 'ascend'],
    ['a page above the count', { pageCount: 1, entries: [{ ...page, pgno: 2 }] }, 'limit'],
    ['one page twice', { entries: [page, page] }, 'ascend'],
    ['pages out of order', { entries: [{ ...page, pgno: 2 }, page] }, 'ascend'],
    ['encoding 3', { entries: [{ ...page, encoding: 3 }] }, 'unknown encoding 3'],
    ['a block that is too short', block(0x10, 7), 'one page'],
    [
      'a block that reaches before the old page',
      block(0x0f, 1, 2, 255, 233, 0x50, 1, 2, 3, 4, 5),
      'one page',
    ],
    ['a short full page', { entries: [{ ...page, bytes: zeros(511) }] }, 'page size'],
    ['a long full page', { entries: [{ ...page, bytes: zeros(513) }] }, 'limit'],
    ['no run at all', runs(), 'no run'],
    ['an empty run', runs(5, 0), 'empty'],
    ['a run past the end of the page', runs(0xff, 0x03, 2, 1, 1), 'past the end'],
    ['a skip past the end of the page', runs(0xff, 0x03, 1, 1, 1, 1, 1), 'past the end'],
    ['runs that touch', runs(5, 1, 1, 0, 1, 1), 'touch'],
    ['a run without its bytes', runs(5, 2, 1), 'needs'],
  ]
  it.each(cases)('%s', (_, parts, message) => {
    expect(refusal(payloadOf(parts))).toMatch(/^ErrDecode /)
    expect(refusal(payloadOf(parts))).toContain(message)
  })

  it('bytes after its end, and any cut', () => {
    const good = payloadOf({ entries: [page] })
    expect(refusal(good)).toBe('accepted')
    expect(refusal(Uint8Array.of(...good, 0))).toContain('too many')
    for (let size = 0; size < good.byteLength; size++) {
      expect(refusal(good.subarray(0, size))).toMatch(/^ErrDecode /)
    }
  })

  it('runs for a page that has no old page', () => {
    const payload = orThrow(decodePayload(payloadOf(runs(5, 1, 1)), limits))
    const result = applyPayload(payload, () => undefined)
    expect(result.ok ? '' : result.failure.code).toBe('ErrDecode')
  })

  it('any mutation is refused or stays within its bounds, and never throws', () => {
    const entries = [page, { pgno: 3, encoding: 1, bytes: Uint8Array.of(9, 2, 1, 1, 30, 1, 5) }]
    const good = payloadOf({ entries })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.byteLength - 1), fc.nat(255)), {
          minLength: 1,
          maxLength: 4,
        }),
        (flips) => {
          const bytes = good.slice()
          for (const [at, value] of flips) bytes[at] = value
          const decoded = decodePayload(bytes, { pageSize: 0, pageCountMax: 100 })
          if (!decoded.ok) return
          const { pageSize, pageCount } = decoded.value
          const applied = orThrow(applyPayload(decoded.value, () => zeros(pageSize)))
          for (const [pgno, image] of applied) {
            expect(pgno >= 1 && pgno <= pageCount && pageCount <= 100).toBe(true)
            expect(image.byteLength).toBe(pageSize)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('random bytes never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodePayload(bytes, { pageSize: 0 })
      }),
      { numRuns: 1000 },
    )
  })
})
