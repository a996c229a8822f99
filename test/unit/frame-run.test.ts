/** Sealed runs come back as they were; right, signature and frames are checked in this order, and no
 *  flipped byte of a run is believed. */

import { describe, expect, it } from 'vitest'
import { fail, orThrow, succeed } from '../../src/base/failure.ts'
import type { Hlc, Seq } from '../../src/base/ids.ts'
import { currentTerm, mayWrite, readAuthority, startAuthority } from '../../src/frame/authority.ts'
import { stubOf } from '../../src/frame/frame.ts'
import { createHandOver } from '../../src/frame/hand-over.ts'
import { RUN_BYTES_MAX } from '../../src/frame/layout.ts'
import { decodeRun, decodeRunHeader, encodeRun, type MayWrite } from '../../src/frame/run.ts'
import {
  AUTHOR,
  flipped,
  frameAfter,
  framesAfter,
  genesisOf,
  OWNER,
  ROOT,
  SECOND,
  STRANGER,
  sealRun,
  ZEROS,
} from './frame-fixtures.ts'

const genesis = genesisOf()
const authority = startAuthority(genesis)
const anyone: MayWrite = () => succeed(undefined)
const nobody: MayWrite = () =>
  fail({ hint: 'Try it.', code: 'ErrAuthor', message: 'Not this one.' })
const later = framesAfter(genesis, genesis.frame, 3)
const codeOf = (bytes: Uint8Array, right: MayWrite = anyone): string => {
  const decoded = decodeRun(bytes, right)
  return decoded.ok ? 'accepted' : decoded.failure.code
}

describe('a sealed run', () => {
  it.each([
    ['from the genesis on', [genesis.frame, ...later]],
    ['of later frames', later],
    ['of stubs', later.map(stubOf)],
    ['of one frame', later.slice(0, 1)],
  ])('%s comes back from its encoding', async (_, frames) => {
    const run = await sealRun(genesis, frames, AUTHOR)
    const encoded = encodeRun(run)
    expect(decodeRun(encoded, mayWrite(authority))).toEqual(succeed(run))
    const header = orThrow(decodeRunHeader(encoded))
    expect(header).toMatchObject({ firstSeq: run.firstSeq, lastSeq: run.seal.seq, seal: run.seal })
    expect(orThrow(decodeRunHeader(encoded.subarray(0, header.bodyOffset)))).toEqual(header)
  })

  it('costs under 30 bytes a small frame beyond its payload', async () => {
    const frames = framesAfter(genesis, genesis.frame, 100)
    const run = await sealRun(genesis, frames, AUTHOR)
    expect(encodeRun(run).byteLength).toBeLessThan(300 + 100 * (20 + 10))
  })

  it('is refused with any byte flipped, cut or added', async () => {
    const encoded = encodeRun(await sealRun(genesis, [genesis.frame, ...later], AUTHOR))
    for (let at = 0; at < encoded.byteLength; at++) {
      expect(codeOf(flipped(encoded, at))).not.toBe('accepted')
    }
    for (let at = 0; at < encoded.byteLength; at += 5) {
      expect(codeOf(encoded.subarray(0, at))).not.toBe('accepted')
    }
    expect(codeOf(Uint8Array.of(...encoded, 0))).toBe('ErrDecode')
  })

  it('with two frames swapped, one left out or one twice is refused', async () => {
    const [first, second, third] = later as [never, never, never]
    const run = await sealRun(genesis, later, AUTHOR)
    for (const frames of [
      [second, first, third],
      [first, first, third],
    ]) {
      expect(() => encodeRun({ ...run, frames })).toThrow()
    }
    const gap = { ...run, frames: [first, third] }
    expect(() => encodeRun(gap)).toThrow(/gap/)
  })

  it('is first refused for its author, whatever else is wrong with it', async () => {
    const encoded = encodeRun(await sealRun(genesis, later, AUTHOR))
    const { bodyOffset } = orThrow(decodeRunHeader(encoded))
    const forged = flipped(flipped(encoded, bodyOffset), bodyOffset - 1)
    expect(codeOf(forged, nobody)).toBe('ErrAuthor')
    expect(codeOf(forged, anyone)).toBe('ErrSignature')
  })

  it('has its signature checked before a frame of its body is read', async () => {
    const encoded = encodeRun(await sealRun(genesis, later, AUTHOR))
    const { bodyOffset } = orThrow(decodeRunHeader(encoded))
    const garbage = new Uint8Array(1000).fill(0xff)
    const unsigned = Uint8Array.of(...flipped(encoded, bodyOffset - 1).subarray(0, bodyOffset))
    expect(codeOf(Uint8Array.of(...unsigned, ...garbage))).toBe('ErrSignature')
    const signed = encoded.subarray(0, bodyOffset)
    expect(codeOf(Uint8Array.of(...signed, ...garbage))).toBe('ErrDecode')
  })

  it('is refused as ErrChecksum when its frames are not the sealed ones', async () => {
    const run = await sealRun(genesis, later, AUTHOR)
    const encoded = encodeRun(run)
    expect(codeOf(flipped(encoded, encoded.byteLength - 1))).toBe('ErrChecksum')
    // prev is in no signature, but every checksum goes on from it.
    expect(codeOf(flipped(encoded, 90))).toBe('ErrChecksum')
  })

  it('over 24 MiB is refused before anything of it is checked', async () => {
    const seen: string[] = []
    const encoded = encodeRun(await sealRun(genesis, later, AUTHOR))
    const { bodyOffset } = orThrow(decodeRunHeader(encoded))
    const bytes = new Uint8Array(bodyOffset + RUN_BYTES_MAX + 1)
    bytes.set(encoded)
    const right: MayWrite = () => {
      seen.push('asked')
      return succeed(undefined)
    }
    expect(codeOf(bytes, right)).toBe('ErrTooLarge')
    expect(seen).toEqual([])
  })

  it('of no frame, or of more than 65 536, is refused', async () => {
    const encoded = encodeRun(await sealRun(genesis, later, AUTHOR))
    const header = (count: readonly number[]): boolean =>
      decodeRunHeader(
        Uint8Array.of(...encoded.subarray(0, 114), ...count, ...encoded.subarray(115)),
      ).ok
    expect(header([3])).toBe(true)
    expect(header([0])).toBe(false)
    expect(header([0x80, 0x80, 0x04])).toBe(true)
    expect(header([0x81, 0x80, 0x04])).toBe(false)
  })

  it('has zeros for a root exactly when its last frame goes on', async () => {
    const open = frameAfter(genesis, genesis.frame, { flags: { continues: true } })
    const unfinished = await sealRun(genesis, [open], AUTHOR, ZEROS)
    expect(codeOf(encodeRun(unfinished))).toBe('accepted')
    const rooted = await sealRun(genesis, [open], AUTHOR, ROOT)
    expect(codeOf(encodeRun(rooted))).toBe('ErrDecode')
    const rootless = await sealRun(genesis, later, AUTHOR, ZEROS)
    expect(codeOf(encodeRun(rootless))).toBe('ErrDecode')
  })
})

describe('the right to a run', () => {
  const last = later[2] ?? genesis.frame
  const handOver = (author = SECOND, signer = OWNER, epoch = 1n) =>
    createHandOver({
      shard: genesis.shard,
      epoch,
      author: author.publicKey,
      fromSeq: 5n as Seq,
      prev: last.checksum,
      hlc: (last.hlc + 1n) as Hlc,
      signer,
    })

  it('is not an author’s whom the chain never named', async () => {
    const frame = frameAfter(genesis, last, { author: STRANGER.publicKey })
    const run = await sealRun(genesis, [frame], STRANGER)
    expect(codeOf(encodeRun(run), mayWrite(authority))).toBe('ErrAuthor')
  })

  it('comes from the hand-over that the run begins with', async () => {
    const frame = await handOver()
    const run = await sealRun(genesis, [frame, frameAfter(genesis, frame)], SECOND)
    expect(codeOf(encodeRun(run), mayWrite(authority))).toBe('accepted')
    const known = orThrow(readAuthority([genesis.frame, frame]))
    expect(currentTerm(known).author).toEqual(SECOND.publicKey)
    expect(codeOf(encodeRun(run), mayWrite(known))).toBe('accepted')
  })

  it('does not come from a hand-over that a stranger signed, nor from one for another author', async () => {
    const forged = await sealRun(genesis, [await handOver(SECOND, STRANGER)], SECOND)
    expect(codeOf(encodeRun(forged), mayWrite(authority))).toBe('ErrAuthor')
    const stolen = await sealRun(genesis, [await handOver(SECOND)], STRANGER)
    expect(codeOf(encodeRun(stolen), mayWrite(authority))).not.toBe('accepted')
  })

  it('does not come from a page frame in a higher epoch', async () => {
    const frame = frameAfter(genesis, last, { author: SECOND.publicKey, epoch: 1n })
    const run = await sealRun(genesis, [frame], SECOND)
    expect(codeOf(encodeRun(run), mayWrite(authority))).toBe('ErrAuthor')
  })

  it('ends where another’s begins', async () => {
    const known = orThrow(readAuthority([genesis.frame, await handOver()]))
    const beyond = await sealRun(genesis, [...later, frameAfter(genesis, last)], AUTHOR)
    expect(codeOf(encodeRun(beyond), mayWrite(known))).toBe('ErrSuperseded')
    const before = await sealRun(genesis, later, AUTHOR)
    expect(codeOf(encodeRun(before), mayWrite(known))).toBe('accepted')
  })

  it('is asked for the right shard only', async () => {
    const other = genesisOf({ random: 1 })
    const run = await sealRun(other, framesAfter(other, other.frame, 1), AUTHOR)
    expect(codeOf(encodeRun(run), mayWrite(authority))).toBe('ErrShardMismatch')
  })
})
