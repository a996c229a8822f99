/** What the tests of the frame room share: keys, arbitraries of frames, a small chain with its seals. */

import fc from 'fast-check'
import { type Hlc, nextSeq, type Seq } from '../../src/base/ids.ts'
import type { Signer } from '../../src/crypto/signer.ts'
import { signerFromSeed } from '../../src/crypto/signer-noble.ts'
import { buildFrame, type Frame, type FrameFields } from '../../src/frame/frame.ts'
import { createGenesis, type Genesis } from '../../src/frame/genesis.ts'
import type { SealedRun } from '../../src/frame/run.ts'
import { createSeal } from '../../src/frame/seal.ts'

export const ZEROS: Uint8Array = new Uint8Array(32)
export const ROOT: Uint8Array = new Uint8Array(32).fill(0xa1)

export function signerOf(byte: number): Signer {
  return signerFromSeed(new Uint8Array(32).fill(byte))
}

export const OWNER: Signer = signerOf(1)
export const RECOVERY: Signer = signerOf(2)
export const AUTHOR: Signer = signerOf(3)
export const SECOND: Signer = signerOf(4)
export const STRANGER: Signer = signerOf(5)

export function genesisOf(
  options: { readonly mode?: 'ordered' | 'causal'; readonly random?: number } = {},
): Genesis {
  return createGenesis({
    name: 'notes',
    mode: options.mode ?? 'ordered',
    owner: OWNER.publicKey,
    recovery: RECOVERY.publicKey,
    author: AUTHOR.publicKey,
    hlc: 1000n as Hlc,
    random: new Uint8Array(16).fill(options.random ?? 9),
  })
}

/** The frame after `before`, by the same author unless said otherwise. */
export function frameAfter(
  genesis: Genesis,
  before: Frame,
  fields: Partial<FrameFields> = {},
): Frame {
  return buildFrame({
    kind: 'pages',
    shard: genesis.shard,
    author: before.author,
    epoch: before.epoch,
    seq: nextSeq(before.seq),
    prev: before.checksum,
    hlc: (before.hlc + 7n) as Hlc,
    sections: [Uint8Array.of(1, 2, 3)],
    ...fields,
  })
}

/** Frames from `before` on, `count` of them. */
export function framesAfter(genesis: Genesis, before: Frame, count: number): readonly Frame[] {
  const frames: Frame[] = []
  for (let last = before; frames.length < count; last = frames.at(-1) ?? last) {
    frames.push(frameAfter(genesis, last, { sections: [new Uint8Array(20).fill(frames.length)] }))
  }
  return frames
}

export async function sealRun(
  genesis: Genesis,
  frames: readonly Frame[],
  signer: Signer,
  root: Uint8Array = ROOT,
): Promise<SealedRun> {
  const [first, last] = [frames[0] as Frame, frames.at(-1) as Frame]
  const { epoch, seq, checksum } = last
  const seal = await createSeal(signer, { shard: genesis.shard, epoch, seq, checksum, root })
  return { firstSeq: first.seq, prev: first.prev, frames, seal }
}

export function flipped(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, index) => (index === at ? byte ^ (1 << (at & 7)) : byte))
}

const bytes = (sizeBytes: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: sizeBytes, maxLength: sizeBytes })

/** Bytes that are not all zeros, which several fields give a meaning of its own. */
const someBytes = (sizeBytes: number): fc.Arbitrary<Uint8Array> =>
  bytes(sizeBytes).filter((value) => value.some((byte) => byte !== 0))

const U64_MAX = 0xffff_ffff_ffff_ffffn

/** Any frame that may exist, with its payload whole. */
export const anyFrame: fc.Arbitrary<Frame> = fc
  .record({
    kind: fc.constantFrom('pages', 'effects', 'entry', 'control'),
    flags: fc.record({
      compressed: fc.boolean(),
      encrypted: fc.boolean(),
      continues: fc.boolean(),
    }),
    shard: someBytes(32),
    author: bytes(32),
    epoch: fc.bigInt(0n, U64_MAX),
    seq: fc.bigInt(1n, U64_MAX).map((seq) => seq as Seq),
    prev: someBytes(32),
    hlc: fc.bigInt(1n, U64_MAX).map((hlc) => hlc as Hlc),
    sections: fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 6 }),
    salt: fc.option(bytes(16), { nil: undefined }),
  })
  .map((fields) =>
    buildFrame({
      ...fields,
      flags: fields.kind === 'control' ? {} : fields.flags,
      prev: fields.seq === 1n ? ZEROS : fields.prev,
    }),
  )
