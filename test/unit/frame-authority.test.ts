/** Genesis and hand-overs: who may write is what they say, and nothing forged, weak, doubled or out of
 *  order is believed. */

import { describe, expect, it } from 'vitest'
import { orThrow, type Result, succeed } from '../../src/base/failure.ts'
import type { Hlc, Seq } from '../../src/base/ids.ts'
import type { Signer } from '../../src/crypto/signer.ts'
import {
  authorityFrames,
  checkRight,
  currentTerm,
  extendAuthority,
  readAuthority,
  startAuthority,
  termAt,
} from '../../src/frame/authority.ts'
import { controlOf, encodeControl } from '../../src/frame/control.ts'
import { buildFrame, decodeFrame, encodeFrame, type Frame, stubOf } from '../../src/frame/frame.ts'
import { createGenesis, isGenesisSeal, readGenesis } from '../../src/frame/genesis.ts'
import { createHandOver, mayHandOver, verifyHandOver } from '../../src/frame/hand-over.ts'
import type { HandOverOperation } from '../../src/frame/operations.ts'
import { createSeal } from '../../src/frame/seal.ts'
import {
  AUTHOR,
  flipped,
  frameAfter,
  genesisOf,
  OWNER,
  RECOVERY,
  ROOT,
  SECOND,
  STRANGER,
  ZEROS,
} from './frame-fixtures.ts'

const genesis = genesisOf()
const start = startAuthority(genesis)
const IDENTITY_POINT = ZEROS.map((_, at) => (at === 0 ? 1 : 0))

function handOver(
  epoch: bigint,
  fromSeq: bigint,
  options: { author?: Signer; signer?: Signer; prev?: Uint8Array; shard?: Uint8Array } = {},
): Promise<Frame> {
  const { author = SECOND, signer = OWNER, prev = ROOT, shard = genesis.shard } = options
  return createHandOver({
    shard,
    epoch,
    author: author.publicKey,
    fromSeq: fromSeq as Seq,
    prev,
    hlc: (2000n + epoch) as Hlc,
    signer,
  })
}

/** The same hand-over with a field of the operation changed after signing, in a valid frame. */
function altered(frame: Frame, change: Partial<HandOverOperation>): Frame {
  const operation = orThrow(controlOf(frame))
  if (operation.op !== 'hand-over') throw new Error('not a hand-over')
  const changed = { ...operation, ...change }
  const { epoch, author, fromSeq, prev } = changed
  const sections = [encodeControl(changed)]
  return buildFrame({ ...frame, epoch, author, seq: fromSeq, prev, sections })
}

const codeOf = (result: Result<unknown>): string => (result.ok ? 'accepted' : result.failure.code)

describe('a genesis', () => {
  it('is read back, with the shard id that its checksum makes', () => {
    const read = orThrow(readGenesis(orThrow(decodeFrame(encodeFrame(genesis.frame)))))
    expect(read).toEqual(genesis)
    expect(genesisOf({ random: 8 }).shard).not.toEqual(genesis.shard)
  })

  it('is not another control frame, not a stub, not a frame that has a shard', async () => {
    expect(codeOf(readGenesis(stubOf(genesis.frame)))).toBe('ErrDecode')
    expect(codeOf(readGenesis(await handOver(1n, 2n)))).toBe('ErrDecode')
    const elsewhere = buildFrame({
      ...genesis.frame,
      shard: ROOT,
      sections: [encodeControl(orThrow(controlOf(genesis.frame)))],
    })
    expect(codeOf(readGenesis(elsewhere))).toBe('ErrDecode')
  })

  it.each(['owner', 'author', 'recovery'])('refuses a weak %s key', (role) => {
    const keys = { owner: OWNER.publicKey, author: AUTHOR.publicKey, recovery: RECOVERY.publicKey }
    const fields = { name: 'x', mode: 'ordered' as const, hlc: 1n as Hlc, random: ZEROS.slice(16) }
    for (const weak of [ZEROS, IDENTITY_POINT, new Uint8Array(32).fill(0xff)]) {
      const make = () => createGenesis({ ...fields, ...keys, [role]: weak })
      expect(make).toThrow(expect.objectContaining({ code: 'ErrIdentity' }))
    }
  })

  it('refuses writers that its mode cannot have', () => {
    const operation = orThrow(controlOf(genesis.frame))
    if (operation.op !== 'genesis') throw new Error('not a genesis')
    const sections = [encodeControl({ ...operation, writers: 'grants' })]
    const frame = buildFrame({ ...genesis.frame, sections })
    expect(codeOf(readGenesis(frame))).toBe('ErrDecode')
  })

  it('is sealed by its author’s first seal, and by no other', async () => {
    const { shard, frame } = genesis
    const fields = { shard, epoch: 0n, seq: frame.seq, checksum: frame.checksum, root: ROOT }
    expect(isGenesisSeal(genesis, await createSeal(AUTHOR, fields))).toBe(true)
    expect(isGenesisSeal(genesis, await createSeal(SECOND, fields))).toBe(false)
    const other = { ...fields, checksum: ROOT }
    expect(isGenesisSeal(genesis, await createSeal(AUTHOR, other))).toBe(false)
  })
})

describe('a hand-over', () => {
  it('is believed when the owner or the recovery key signed it', async () => {
    for (const signer of [OWNER, RECOVERY]) {
      const frame = await handOver(1n, 5n, { signer })
      const read = orThrow(verifyHandOver(genesis, orThrow(decodeFrame(encodeFrame(frame)))))
      expect(read).toMatchObject({ epoch: 1n, fromSeq: 5n, signer: signer.publicKey })
      expect(read.author).toEqual(SECOND.publicKey)
    }
    expect(mayHandOver(genesis, AUTHOR.publicKey)).toBe(false)
  })

  it.each([
    ['a stranger', STRANGER],
    ['the author', AUTHOR],
    ['the new author', SECOND],
  ])('is refused when %s signed it', async (_, signer) => {
    expect(codeOf(verifyHandOver(genesis, await handOver(1n, 5n, { signer })))).toBe('ErrAuthor')
  })

  it('is refused with any byte flipped, cut or added', async () => {
    const encoded = encodeFrame(await handOver(1n, 5n))
    for (let at = 0; at < encoded.byteLength; at++) {
      expect(decodeFrame(flipped(encoded, at)).ok).toBe(false)
    }
    expect(decodeFrame(Uint8Array.of(...encoded, 0)).ok).toBe(false)
  })

  it('is refused when a signed field was changed and its frame made anew', async () => {
    const frame = await handOver(1n, 5n)
    const changes: Partial<HandOverOperation>[] = [
      { epoch: 2n },
      { author: STRANGER.publicKey },
      { fromSeq: 6n as Seq },
      { prev: new Uint8Array(32).fill(1) },
    ]
    for (const change of changes) {
      expect(codeOf(verifyHandOver(genesis, altered(frame, change)))).toBe('ErrSignature')
    }
    const signature = new Uint8Array(64)
    expect(codeOf(verifyHandOver(genesis, altered(frame, { signature })))).toBe('ErrSignature')
    const owner = await handOver(1n, 5n, { signer: STRANGER })
    const renamed = altered(owner, { signer: OWNER.publicKey })
    expect(codeOf(verifyHandOver(genesis, renamed))).toBe('ErrSignature')
    expect(codeOf(verifyHandOver(genesis, altered(frame, {})))).toBe('accepted')
  })

  it('is refused where its header says something else than what was signed', async () => {
    const frame = await handOver(1n, 5n)
    const section = [encodeControl(orThrow(controlOf(frame)))]
    const headers: Partial<Frame>[] = [
      { epoch: 2n },
      { seq: 6n as Seq },
      { author: STRANGER.publicKey },
      { prev: new Uint8Array(32).fill(1) },
      { shard: new Uint8Array(32).fill(1) },
    ]
    for (const header of headers) {
      const moved = buildFrame({ ...frame, ...header, sections: section })
      expect(codeOf(verifyHandOver(genesis, moved))).toBe('ErrAuthor')
    }
  })

  it('of another shard of the same owner is refused', async () => {
    const other = genesisOf({ random: 3 })
    const frame = await handOver(1n, 5n, { shard: other.shard })
    expect(codeOf(verifyHandOver(other, frame))).toBe('accepted')
    const moved = buildFrame({
      ...frame,
      shard: genesis.shard,
      sections: [encodeControl(orThrow(controlOf(frame)))],
    })
    expect(codeOf(verifyHandOver(genesis, moved))).toBe('ErrSignature')
  })

  it('to a weak key, at the genesis, in epoch 0 or in causal mode is refused', async () => {
    const weak = { publicKey: IDENTITY_POINT, sign: SECOND.sign }
    expect(codeOf(verifyHandOver(genesis, await handOver(1n, 5n, { author: weak })))).toBe(
      'ErrIdentity',
    )
    expect(codeOf(verifyHandOver(genesis, await handOver(0n, 5n)))).toBe('ErrAuthor')
    const first = await handOver(1n, 1n, { prev: ZEROS })
    expect(codeOf(verifyHandOver(genesis, first))).toBe('ErrAuthor')
    const causal = genesisOf({ mode: 'causal' })
    const frame = await handOver(1n, 5n, { shard: causal.shard })
    expect(codeOf(verifyHandOver(causal, frame))).toBe('ErrAuthor')
  })

  it('is no other control frame', () => {
    const frame = frameAfter(genesis, genesis.frame, {
      kind: 'control',
      sections: [encodeControl({ op: 'import', pageSize: 512, pageCount: 3, root: ROOT })],
    })
    expect(codeOf(verifyHandOver(genesis, frame))).toBe('ErrDecode')
  })
})

describe('the authority of a shard', () => {
  it('names the author of every seq', async () => {
    const frames = [
      genesis.frame,
      await handOver(1n, 5n),
      await handOver(3n, 9n, { author: AUTHOR }),
    ]
    const authority = orThrow(readAuthority(frames, genesis.shard))
    const named = [1n, 4n, 5n, 8n, 9n, 99n].map((seq) => termAt(authority, seq as Seq).epoch)
    expect(named).toEqual([0n, 0n, 1n, 1n, 3n, 3n])
    expect(currentTerm(authority).author).toEqual(AUTHOR.publicKey)
    expect(authorityFrames(authority)).toEqual(frames)
  })

  it('lets each author write in its own term and epoch only', async () => {
    const authority = orThrow(readAuthority([genesis.frame, await handOver(1n, 5n)]))
    const right = (author: Signer, epoch: bigint, firstSeq: bigint, lastSeq: bigint): string =>
      codeOf(
        checkRight(authority, {
          shard: genesis.shard,
          author: author.publicKey,
          epoch,
          firstSeq: firstSeq as Seq,
          lastSeq: lastSeq as Seq,
        }),
      )
    expect(right(AUTHOR, 0n, 1n, 4n)).toBe('accepted')
    expect(right(SECOND, 1n, 5n, 50n)).toBe('accepted')
    expect(right(AUTHOR, 0n, 3n, 5n)).toBe('ErrSuperseded')
    expect(right(AUTHOR, 0n, 7n, 7n)).toBe('ErrSuperseded')
    expect(right(AUTHOR, 1n, 5n, 5n)).toBe('ErrAuthor')
    expect(right(SECOND, 0n, 4n, 4n)).toBe('ErrAuthor')
    expect(right(SECOND, 1n, 4n, 5n)).toBe('ErrAuthor')
    expect(right(SECOND, 2n, 5n, 5n)).toBe('ErrAuthor')
    expect(right(STRANGER, 1n, 5n, 5n)).toBe('ErrAuthor')
  })

  it('sees two hand-overs of one epoch as a fork, with both as evidence', async () => {
    const [one, two] = [await handOver(1n, 5n), await handOver(1n, 6n, { author: STRANGER })]
    const forked = readAuthority([genesis.frame, one, two])
    expect(forked).toMatchObject({
      ok: false,
      failure: { code: 'ErrForked', facts: { first: encodeFrame(one), second: encodeFrame(two) } },
    })
  })

  it('takes a known hand-over again without a change', async () => {
    const frame = await handOver(1n, 5n)
    const { authority } = orThrow(extendAuthority(start, frame))
    expect(extendAuthority(authority, frame)).toEqual(succeed({ authority, isNew: false, cut: [] }))
  })

  it('is cut where a newer hand-over names an earlier seq', async () => {
    const first = orThrow(extendAuthority(start, await handOver(1n, 8n))).authority
    const rewind = orThrow(extendAuthority(first, await handOver(2n, 5n, { author: STRANGER })))
    expect(rewind.cut.map((term) => term.epoch)).toEqual([1n])
    expect(rewind.authority.terms.map((term) => term.epoch)).toEqual([0n, 2n])
  })

  it('refuses an older epoch after a newer one', async () => {
    const newer = orThrow(extendAuthority(start, await handOver(2n, 5n))).authority
    expect(codeOf(extendAuthority(newer, await handOver(1n, 9n)))).toBe('ErrSuperseded')
  })

  it('refuses a list that is empty, doubled, out of order, forged or of another shard', async () => {
    const [one, two] = [await handOver(1n, 5n), await handOver(2n, 9n)]
    expect(codeOf(readAuthority([]))).toBe('ErrDecode')
    expect(codeOf(readAuthority([one]))).toBe('ErrDecode')
    expect(codeOf(readAuthority([genesis.frame, genesis.frame]))).toBe('ErrDecode')
    expect(codeOf(readAuthority([genesis.frame, one, one]))).toBe('ErrDecode')
    expect(codeOf(readAuthority([genesis.frame, two, one]))).toBe('ErrSuperseded')
    expect(
      codeOf(readAuthority([genesis.frame, await handOver(1n, 9n), await handOver(2n, 5n)])),
    ).toBe('ErrDecode')
    const endless = Array.from({ length: 4097 }, () => genesis.frame)
    expect(readAuthority(endless)).toMatchObject({
      failure: { code: 'ErrDecode', message: expect.stringContaining('longer') },
    })
    const forged = await handOver(1n, 5n, { signer: STRANGER })
    expect(codeOf(readAuthority([genesis.frame, forged]))).toBe('ErrAuthor')
    expect(codeOf(readAuthority([genesis.frame], ROOT))).toBe('ErrShardMismatch')
    expect(codeOf(readAuthority([genesis.frame, one, two], genesis.shard))).toBe('accepted')
  })
})
