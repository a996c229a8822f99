/** What the demo calls verified, and how it reads what was typed. */

import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { addNotes, NO_FRAMES } from '../../demo/page/frame-list.ts'
import { withoutWords } from '../../demo/page/run-sql.ts'
import { watchFrames } from '../../demo/worker/frames.ts'
import type { FrameNote, FromWorker, SealNote } from '../../demo/worker/messages.ts'
import { type Hlc, toSeq } from '../../src/base/ids.ts'
import { signerFromSeed } from '../../src/crypto/signer-noble.ts'
import type { ShardView } from '../../src/database/assemble.ts'
import { buildFrame, type Frame, positionOf } from '../../src/frame/frame.ts'
import { createGenesis } from '../../src/frame/genesis.ts'
import { createSeal, type Seal } from '../../src/frame/seal.ts'

const NOTE: FrameNote = {
  seq: 2n,
  kind: 'pages',
  origin: 'applied',
  sizeBytes: 300,
  author: 'aa',
  checksum: 'cc',
  isChained: true,
}
const SEAL: SealNote = { seq: 3n, root: 'dd', author: 'aa', isGood: true }

describe('a frame counts as verified', () => {
  const verdictOf = (note: FrameNote, seal: SealNote): boolean | undefined =>
    addNotes(NO_FRAMES, { type: 'notes', frames: [note], seals: [seal] }).entries[0]?.isVerified

  it('when it is chained and a good seal of its author covers it', () => {
    expect(verdictOf(NOTE, SEAL)).toBe(true)
  })
  it('and not when its checksum or its link is wrong', () => {
    expect(verdictOf({ ...NOTE, isChained: false }, SEAL)).toBe(false)
  })
  it('and not under a bad signature, another author, or a seal of what came before', () => {
    expect(verdictOf(NOTE, { ...SEAL, isGood: false })).toBe(false)
    expect(verdictOf(NOTE, { ...SEAL, author: 'ee' })).toBe(false)
    expect(verdictOf(NOTE, { ...SEAL, seq: 1n })).toBe(false)
  })
  it('as soon as its seal comes, however much later', () => {
    const waiting = addNotes(NO_FRAMES, { type: 'notes', frames: [NOTE], seals: [] })
    expect(waiting.entries[0]?.isVerified).toBe(false)
    const sealed = addNotes(waiting, { type: 'notes', frames: [], seals: [SEAL] })
    expect(sealed).toMatchObject({ count: 1, seal: SEAL, entries: [{ isVerified: true }] })
    const again = addNotes(sealed, { type: 'notes', frames: [NOTE], seals: [] })
    expect(again.count).toBe(1)
  })
})

describe('the notes of a shard', () => {
  it('are chained and good for honest frames', async () => {
    const { frames, seals } = await notesOf((frame) => frame)
    expect(frames.map((note) => note.isChained)).toEqual([true, true, true])
    expect(seals).toMatchObject([{ seq: 3n, isGood: true }])
  })
  it('say which frame is not what its checksum says', async () => {
    const { frames } = await notesOf((frame) =>
      frame.seq === 2n ? { ...frame, payloadBytes: frame.payloadBytes + 1 } : frame,
    )
    expect(frames.map((note) => note.isChained)).toEqual([true, false, true])
  })
  it('say that a signature is bad', async () => {
    const { seals } = await notesOf(
      (frame) => frame,
      (seal) => ({ ...seal, root: new Uint8Array(32) }),
    )
    expect(seals).toMatchObject([{ isGood: false }])
  })
  it('are told again to a window that comes later, as what was there', async () => {
    const { again } = await watchedNotes(
      (frame) => frame,
      (seal) => seal,
    )
    const { frames, seals } = again()
    expect(frames.map(({ seq, origin, isChained }) => ({ seq, origin, isChained }))).toEqual(
      [1n, 2n, 3n].map((seq) => ({ seq, origin: 'log', isChained: true })),
    )
    expect(seals).toMatchObject([{ seq: 3n, isGood: true }])
  })
})

describe('what was typed', () => {
  it('is read without comments and quoted parts', () => {
    expect(withoutWords("/* ; */ INSERT INTO a VALUES ('x; RETURNING') -- ;")).not.toContain(';')
    expect(withoutWords('SELECT "returning" FROM [a;b]')).not.toMatch(/;|returning/)
    expect(withoutWords("SELECT 'it''s; fine'; SELECT 2")).toMatch(/;\s*\S/)
  })
})

type Notes = Extract<FromWorker, { type: 'notes' }>

/** What watchFrames tells about three frames and their seal, each changed on the way. */
async function notesOf(
  frameAs: (frame: Frame) => Frame,
  sealAs: (seal: Seal) => Seal = (seal) => seal,
): Promise<Notes> {
  const { first } = await watchedNotes(frameAs, sealAs)
  return first
}

async function watchedNotes(
  frameAs: (frame: Frame) => Frame,
  sealAs: (seal: Seal) => Seal,
): Promise<{ readonly first: Notes; readonly again: () => Notes }> {
  vi.useFakeTimers()
  onTestFinished(() => {
    vi.useRealTimers()
  })
  const chain = makeChain()
  const { head } = chain
  const root = new Uint8Array(32).fill(7)
  const fields = { shard: chain.shard, epoch: 0n, ...head, root }
  const seal = sealAs(await createSeal(chain.signer, fields))
  const frames = chain.frames.map(frameAs)
  const view: ShardView = {
    head,
    newestSeal: seal,
    range: () => ({ first: toSeq(1), last: head.seq }),
    readRun: () => undefined,
    readFrame: (seq) => frames[Number(seq) - 1],
    onAdvance: () => () => undefined,
    onSeal: () => () => undefined,
  }
  const told: FromWorker[] = []
  const tellAgain = watchFrames(view, (message) => told.push(message))
  vi.runAllTimers()
  const newest = (): Notes => {
    const message = told.at(-1)
    if (message?.type !== 'notes') throw new Error('nothing was told')
    return message
  }
  const again = (): Notes => {
    tellAgain()
    return newest()
  }
  return { first: newest(), again }
}

/** A genesis and two frames after it. */
function makeChain() {
  const signer = signerFromSeed(new Uint8Array(32).fill(1))
  const hlc = 65_536n as Hlc
  const author = signer.publicKey
  const random = new Uint8Array(16)
  const { frame, shard } = createGenesis({
    name: 'demo',
    mode: 'ordered',
    owner: author,
    author,
    hlc,
    random,
  })
  const frames = [frame]
  for (const seq of [toSeq(2), toSeq(3)]) {
    const { checksum: prev } = frames.at(-1) ?? frame
    const sections = [new Uint8Array(20)]
    const fields = { kind: 'entry', shard, author, epoch: 0n, seq, prev, sections } as const
    // Any clock that rises.
    frames.push(buildFrame({ ...fields, hlc: (hlc + seq) as Hlc }))
  }
  return { signer, shard, frames, head: positionOf(frames.at(-1) ?? frame) }
}
