/** Control operations come back as they were, each in one encoding; what is no operation is refused. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { succeed } from '../../src/base/failure.ts'
import type { Seq } from '../../src/base/ids.ts'
import { verify } from '../../src/crypto/verify.ts'
import {
  closePreimage,
  controlOf,
  decodeControl,
  encodeControl,
  grantPreimage,
} from '../../src/frame/control.ts'
import { stubOf } from '../../src/frame/frame.ts'
import type { ControlOperation, GrantFields } from '../../src/frame/operations.ts'
import type { Roster } from '../../src/frame/roster.ts'
import { frameAfter, genesisOf, OWNER, ROOT } from './frame-fixtures.ts'

const bytes = (size: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: size, maxLength: size })
const maybe = <T>(some: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(some, { nil: undefined })
const u64 = fc.bigInt(0n, 0xffff_ffff_ffff_ffffn)
const seq = fc.bigInt(1n, 0xffff_ffff_ffff_ffffn).map((value) => value as Seq)
const text = fc.string({ unit: 'binary', maxLength: 100 })

const anyRoster: fc.Arbitrary<Roster> = fc.record({
  fault: fc.constantFrom('crash', 'byzantine'),
  members: fc
    .uniqueArray(bytes(32), { maxLength: 5, selector: (key) => key.join() })
    .map((keys) => keys.sort(Buffer.compare))
    .map((keys) =>
      keys.map((publicKey, index) => ({
        publicKey,
        lastingKey: index % 2 === 0 ? undefined : new Uint8Array(1952).fill(index),
      })),
    ),
})

const anyGrant: fc.Arbitrary<GrantFields> = fc.record({
  key: bytes(32),
  role: fc.constantFrom('reader', 'writer'),
  scope: text,
  expiry: maybe(u64),
  signer: bytes(32),
  signature: bytes(64),
})

const anyOperation: fc.Arbitrary<ControlOperation> = fc.oneof(
  fc.record({
    op: fc.constant('genesis'),
    name: text,
    mode: fc.constantFrom('ordered', 'causal'),
    owner: bytes(32),
    recoveryHash: maybe(bytes(32)),
    writers: fc.constantFrom('hand-overs', 'grants'),
    roster: maybe(anyRoster),
    decider: maybe(bytes(32)),
    random: bytes(16),
  }),
  fc.record({
    op: fc.constant('hand-over'),
    epoch: u64,
    author: bytes(32),
    fromSeq: seq,
    prev: bytes(32),
    signer: bytes(32),
    signature: bytes(64),
  }),
  fc.record({
    op: fc.constant('enrol'),
    author: bytes(32),
    grant: anyGrant,
    encryptionKey: maybe(fc.uint8Array({ maxLength: 1300 })),
  }),
  anyGrant.map((grant) => ({ op: 'grant' as const, ...grant })),
  fc.record({
    op: fc.constant('close'),
    author: bytes(32),
    seq,
    checksum: bytes(32),
    reason: text,
    signer: bytes(32),
    signature: bytes(64),
  }),
  fc.record({
    op: fc.constant('rekey'),
    generation: u64,
    keys: fc.array(fc.record({ recipient: bytes(32), wrapped: fc.uint8Array({ maxLength: 80 }) }), {
      maxLength: 4,
    }),
  }),
  fc.record({ op: fc.constant('erase'), checksum: bytes(32), section: fc.nat({ max: 4095 }) }),
  fc.record({
    op: fc.constant('import'),
    pageSize: fc.integer({ min: 9, max: 16 }).map((log2) => 2 ** log2),
    pageCount: fc.nat({ max: 0xffff_ffff }),
    root: bytes(32),
  }),
  fc.record({ op: fc.constant('roster'), roster: anyRoster }),
)

const IMPORT = encodeControl({ op: 'import', pageSize: 4096, pageCount: 7, root: ROOT })
const refused = (section: Uint8Array): void =>
  expect(decodeControl(section)).toMatchObject({ ok: false, failure: { code: 'ErrDecode' } })

describe('a control operation', () => {
  it('comes back from its encoding', () => {
    const property = fc.property(anyOperation, (operation) => {
      expect(decodeControl(encodeControl(operation))).toEqual(succeed(operation))
    })
    fc.assert(property, { numRuns: 200 })
  })

  it('has one encoding: what decodes encodes to the same bytes', () => {
    const mutated = fc
      .tuple(anyOperation.map(encodeControl), fc.nat(), fc.integer({ min: 1, max: 255 }))
      .map(([section, at, mask]) =>
        section.map((byte, index) => (index === at % section.length ? byte ^ mask : byte)),
      )
    const property = fc.property(mutated, (section) => {
      const decoded = decodeControl(section)
      if (decoded.ok) expect(encodeControl(decoded.value)).toEqual(section)
    })
    fc.assert(property, { numRuns: 300 })
  })

  it('is refused when cut, followed by more, or unknown', () => {
    for (let size = 0; size < IMPORT.byteLength; size++) refused(IMPORT.subarray(0, size))
    refused(Uint8Array.of(...IMPORT, 0))
    for (const number of [0, 10, 255]) refused(Uint8Array.of(number, ...IMPORT.subarray(1)))
  })

  it('is refused with a page size that SQLite has not', () => {
    for (const log2 of [0, 8, 17]) refused(Uint8Array.of(8, log2, ...IMPORT.subarray(2)))
  })

  it('is refused with a seq of 0', () => {
    const close = encodeControl({
      op: 'close',
      author: ROOT,
      seq: 1n as Seq,
      checksum: ROOT,
      reason: '',
      signer: ROOT,
      signature: new Uint8Array(64),
    })
    expect(close[40]).toBe(1)
    refused(close.map((byte, at) => (at === 40 ? 0 : byte)))
  })

  it('is refused with a roster whose members do not ascend', () => {
    const [low, high] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
    refused(Uint8Array.of(9, 1, 2, ...high, 0, ...low, 0))
    refused(Uint8Array.of(9, 1, 2, ...low, 0, ...low, 0))
    expect(decodeControl(Uint8Array.of(9, 1, 2, ...low, 0, ...high, 0)).ok).toBe(true)
  })

  it('stands alone in a control frame that has its payload', () => {
    const genesis = genesisOf()
    const control = { kind: 'control' as const, sections: [IMPORT] }
    const frame = frameAfter(genesis, genesis.frame, control)
    expect(controlOf(frame)).toEqual(decodeControl(IMPORT))
    expect(controlOf(stubOf(frame)).ok).toBe(false)
    const twice = frameAfter(genesis, genesis.frame, { ...control, sections: [IMPORT, IMPORT] })
    expect(controlOf(twice).ok).toBe(false)
    const pages = frameAfter(genesis, genesis.frame, { sections: [IMPORT] })
    expect(controlOf(pages).ok).toBe(false)
  })
})

describe('what is signed of a grant and of a close', () => {
  const key = new Uint8Array(32).fill(3)
  const grant = {
    key,
    role: 'writer' as const,
    scope: 'ab',
    expiry: undefined,
    signer: OWNER.publicKey,
  }
  const close = {
    author: key,
    seq: 7n as Seq,
    checksum: ROOT,
    reason: 'lost',
    signer: OWNER.publicKey,
  }

  it('covers every field and the shard', async () => {
    const signature = await OWNER.sign(grantPreimage(ROOT, grant))
    const holds = (shard: Uint8Array, change: Partial<GrantFields>): boolean =>
      verify(signature, grantPreimage(shard, { ...grant, ...change }), OWNER.publicKey)
    expect(holds(ROOT, {})).toBe(true)
    expect(holds(key, {})).toBe(false)
    const changes: Partial<GrantFields>[] = [
      { key: ROOT },
      { role: 'reader' },
      { scope: 'a' },
      { expiry: 0n },
      { signer: key },
    ]
    for (const change of changes) expect(holds(ROOT, change)).toBe(false)
  })

  it('differs for every field of a close, and from any grant', () => {
    const preimages = [
      closePreimage(ROOT, close),
      closePreimage(key, close),
      closePreimage(ROOT, { ...close, author: ROOT }),
      closePreimage(ROOT, { ...close, seq: 8n as Seq }),
      closePreimage(ROOT, { ...close, checksum: key }),
      closePreimage(ROOT, { ...close, reason: 'lose' }),
      closePreimage(ROOT, { ...close, signer: key }),
      grantPreimage(ROOT, grant),
    ]
    expect(new Set(preimages.map((preimage) => preimage.join())).size).toBe(preimages.length)
  })
})
