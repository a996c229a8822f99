/** Chains to send to a relay: an author's frames, sealed runs of them, forks and hand-overs. */
import { type Hlc, type Position, toSeq } from '../../src/base/ids.ts'
import { tickHlc } from '../../src/clock/hlc.ts'
import type { Signer } from '../../src/crypto/signer.ts'
import { buildFrame, type Frame, positionOf } from '../../src/frame/frame.ts'
import { createGenesis } from '../../src/frame/genesis.ts'
import { createHandOver } from '../../src/frame/hand-over.ts'
import { encodeRun } from '../../src/frame/run.ts'
import { createSeal } from '../../src/frame/seal.ts'
import { testSigner } from './transport-fixtures.ts'

const ANY_ROOT = new Uint8Array(32).fill(7)

/** A chain that its author goes on with; `fork` answers one that shares the frames so far. */
export type TestChain = {
  readonly shard: Uint8Array
  readonly signer: Signer
  readonly authority: readonly Frame[]
  readonly head: Position
  readonly frames: readonly Frame[]
  /** Appends `count` frames of `sizeBytes` and answers them as one encoded sealed run. */
  run(count: number, sizeBytes?: number): Promise<Uint8Array>
  /** Seals and encodes the frames from one seq to another again. */
  rerun(from: number, to: number): Promise<Uint8Array>
  fork(): TestChain
  /** The chain of another author from seq `from` on, by the owner's hand-over. */
  handOver(to: Signer, from: number): Promise<TestChain>
}

export function createTestChain(seed = 1, owner: Signer = testSigner(200)): TestChain {
  const author = testSigner(seed)
  const genesis = createGenesis({
    name: `chain ${seed}`,
    mode: 'ordered',
    owner: owner.publicKey,
    author: author.publicKey,
    hlc: tickHlc(1000),
    random: new Uint8Array(16).fill(seed),
  })
  return chainOf({
    shard: genesis.shard,
    owner,
    signer: author,
    epoch: 0n,
    authority: [genesis.frame],
    frames: [genesis.frame],
    salt: 0,
  })
}

type ChainStart = {
  readonly shard: Uint8Array
  readonly owner: Signer
  readonly signer: Signer
  readonly epoch: bigint
  readonly authority: readonly Frame[]
  readonly frames: readonly Frame[]
  readonly salt: number
}

function chainOf(start: ChainStart): TestChain {
  const { shard, signer, authority, salt } = start
  const frames = [...start.frames]
  let sealedTo = 0
  return {
    shard,
    signer,
    authority,
    get head() {
      return positionOf(lastOf(frames))
    },
    frames,
    async run(count, sizeBytes = 20) {
      const from = sealedTo + 1
      for (let index = 0; index < count; index++) frames.push(nextFrame(start, frames, sizeBytes))
      sealedTo = frames.length
      return sealedRun(start, frames.slice(from - 1), frames[from - 2])
    },
    rerun: (from, to) => sealedRun(start, frames.slice(from - 1, to), frames[from - 2]),
    fork: () => chainOf({ ...start, frames, salt: salt + 1 }),
    handOver: (to, from) => handOver(start, frames, { to, from }),
  }
}

function nextFrame(start: ChainStart, frames: readonly Frame[], sizeBytes: number): Frame {
  const last = lastOf(frames)
  return buildFrame({
    kind: 'entry',
    shard: start.shard,
    author: start.signer.publicKey,
    epoch: start.epoch,
    seq: toSeq(last.seq + 1n),
    prev: last.checksum,
    hlc: (last.hlc + 1n) as Hlc,
    sections: [new Uint8Array(sizeBytes).fill(start.salt)],
  })
}

async function sealedRun(
  start: ChainStart,
  frames: readonly Frame[],
  before: Frame | undefined,
): Promise<Uint8Array> {
  const { shard, epoch, signer } = start
  const { seq, checksum } = lastOf(frames)
  const seal = await createSeal(signer, { shard, epoch, seq, checksum, root: ANY_ROOT })
  const firstSeq = toSeq((before?.seq ?? 0n) + 1n)
  return encodeRun({ firstSeq, prev: before?.checksum ?? new Uint8Array(32), frames, seal })
}

async function handOver(
  start: ChainStart,
  frames: readonly Frame[],
  next: { readonly to: Signer; readonly from: number },
): Promise<TestChain> {
  const epoch = start.epoch + 1n
  const frame = await createHandOver({
    shard: start.shard,
    epoch,
    author: next.to.publicKey,
    fromSeq: toSeq(next.from),
    prev: (frames[next.from - 2] as Frame).checksum,
    hlc: (lastOf(frames).hlc + 100n) as Hlc,
    signer: start.owner,
  })
  return chainOf({
    ...start,
    signer: next.to,
    epoch,
    authority: [...start.authority, frame],
    frames: [...frames.slice(0, next.from - 1), frame],
    salt: start.salt + 1,
  })
}

function lastOf(frames: readonly Frame[]): Frame {
  return frames.at(-1) as Frame
}
