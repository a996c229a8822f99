/** The record of a suspended session comes back as it was, and any other bytes are refused or are a record. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SEQ_MAX, toSeq } from '../../src/base/ids.ts'
import {
  decodeSuspended,
  encodeSuspended,
  SUSPENDED_BYTES_MAX,
  SUSPENDED_SUBJECTS_MAX,
  type SuspendedSession,
  type SuspendedSubject,
} from '../../src/relay/suspended-session.ts'

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
const u64 = fc.bigInt({ min: 0n, max: SEQ_MAX })
const pair = fc.tuple(u64, u64).map(([a, b]) => (a < b ? [a, b] : [b, a]) as [bigint, bigint])

const subject: fc.Arbitrary<SuspendedSubject> = fc.record({
  shard: bytes32,
  needsAuthority: fc.boolean(),
  isWatching: fc.boolean(),
  told: fc.option(
    fc.record({
      epoch: u64,
      author: bytes32,
      first: u64.map(toSeq),
      position: fc.record({ seq: u64.map(toSeq), checksum: bytes32 }),
    }),
    { nil: undefined },
  ),
  live: fc.option(fc.record({ cursor: u64.map(toSeq), epoch: u64 }), { nil: undefined }),
})

const session: fc.Arbitrary<SuspendedSession> = fc.record({
  peer: fc.record({
    role: fc.constantFrom('writer' as const, 'follower' as const),
    publicKey: bytes32,
    outbox: fc.tuple(pair, fc.nat()).map(([[takenBytes, sentBytes], partId]) => ({
      sentBytes,
      takenBytes,
      partId,
    })),
    inbox: pair.map(([reportedBytes, consumedBytes]) => ({ consumedBytes, reportedBytes })),
    receivedAtMs: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  }),
  subjects: fc.uniqueArray(subject, { maxLength: 13, selector: ({ shard }) => shard.join() }),
})

function encoded(value: SuspendedSession): Uint8Array {
  const bytes = encodeSuspended(value)
  if (bytes === undefined) throw new Error('it did not fit')
  return bytes
}

describe('a suspended session', () => {
  it('comes back as it was, within the size that a socket may carry', () => {
    fc.assert(
      fc.property(session, (value) => {
        const bytes = encoded(value)
        expect(bytes.byteLength).toBeLessThanOrEqual(SUSPENDED_BYTES_MAX)
        expect(decodeSuspended(bytes)).toEqual({ ok: true, value })
      }),
    )
  })

  it('is not kept when it does not fit', () => {
    const [value] = fc.sample(session, { numRuns: 1, seed: 7 }) as [SuspendedSession]
    const plain = (index: number): SuspendedSubject => ({
      shard: new Uint8Array(32).fill(index),
      needsAuthority: false,
      isWatching: true,
      told: undefined,
      live: undefined,
    })
    const withCount = (count: number): SuspendedSession => ({
      ...value,
      subjects: Array.from({ length: count }, (_, index) => plain(index)),
    })
    expect(encodeSuspended(withCount(57))?.byteLength).toBeLessThanOrEqual(SUSPENDED_BYTES_MAX)
    expect(encodeSuspended(withCount(58))).toBeUndefined()
    expect(encodeSuspended(withCount(SUSPENDED_SUBJECTS_MAX + 1))).toBeUndefined()
  })

  it('is refused when it is cut anywhere, or has a byte more', () => {
    fc.assert(
      fc.property(session, (value) => {
        const bytes = encoded(value)
        for (let size = 0; size < bytes.byteLength; size++) {
          expect(decodeSuspended(bytes.subarray(0, size)).ok).toBe(false)
        }
        expect(decodeSuspended(Uint8Array.of(...bytes, 0)).ok).toBe(false)
      }),
      { numRuns: 20 },
    )
  })

  it('is refused with another version, an unknown role or flag, or counters that cannot be', () => {
    const value: SuspendedSession = {
      peer: {
        role: 'writer',
        publicKey: new Uint8Array(32).fill(5),
        outbox: { sentBytes: 9n, takenBytes: 8n, partId: 1 },
        inbox: { consumedBytes: 7n, reportedBytes: 6n },
        receivedAtMs: 5,
      },
      subjects: [
        {
          shard: new Uint8Array(32).fill(1),
          needsAuthority: true,
          isWatching: false,
          told: undefined,
          live: undefined,
        },
      ],
    }
    const good = encoded(value)
    const refused = (at: number, byte: number): boolean => {
      const bytes = good.slice()
      bytes[at] = byte
      return !decodeSuspended(bytes).ok
    }
    expect(decodeSuspended(good).ok).toBe(true)
    expect(refused(0, 2)).toBe(true)
    expect(refused(1, 3)).toBe(true)
    expect(refused(1, 4)).toBe(true)
    // More taken than sent, more reported than consumed, no time at all, too many subjects, a new flag.
    expect(refused(1 + 1 + 32 + 8 + 7, 10)).toBe(true)
    expect(refused(1 + 1 + 32 + 8 + 8 + 4 + 8 + 7, 8)).toBe(true)
    expect(refused(1 + 1 + 32 + 8 + 8 + 4 + 8 + 8, 255)).toBe(true)
    expect(refused(78, 65)).toBe(true)
    expect(refused(79 + 32, 16)).toBe(true)
    const twice = { ...value, subjects: [...value.subjects, ...value.subjects] }
    expect(decodeSuspended(encoded(twice)).ok).toBe(false)
  })

  it('never throws, hangs or grows beyond its limit, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2100 }), (bytes) => {
        const decoded = decodeSuspended(bytes)
        if (decoded.ok) expect(encodeSuspended(decoded.value)).toEqual(bytes)
      }),
      { numRuns: 500 },
    )
    fc.assert(
      fc.property(session, fc.nat(), fc.nat({ max: 255 }), (value, at, byte) => {
        const bytes = encoded(value)
        bytes[at % bytes.byteLength] = byte
        const decoded = decodeSuspended(bytes)
        if (decoded.ok) expect(encodeSuspended(decoded.value)).toEqual(bytes)
      }),
      { numRuns: 500 },
    )
  })
})
