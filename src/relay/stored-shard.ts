/** Stored shard: what a relay keeps of one shard: its log, the newest uploaded snapshot, evidence of forks.
 *  Keeps: every frame since the newest snapshot; nothing is told or served before it is flushed; a
 *  snapshot takes effect by the new log segment that names it, after its root was recomputed.
 *  Never: verifies who may write (the session decodes runs by `authority`), talks to peers. */

import { assert } from '../base/assert.ts'
import { ConstelliteError, isFailure, orThrow } from '../base/failure.ts'
import type { Position, Seq } from '../base/ids.ts'
import { type Authority, checkRight, currentTerm } from '../frame/authority.ts'
import type { Frame } from '../frame/frame.ts'
import type { SealedRun } from '../frame/run.ts'
import type { Seal } from '../frame/seal.ts'
import { authorityAfter } from '../shard/authority.ts'
import { keepEvidence } from './evidence.ts'
import { judgeRun, type Standing } from './judge.ts'
import { type Installed, type InstallLimits, installSnapshot } from './stored-install.ts'
import { readSnapshotFile } from './stored-snapshot.ts'
import { checksumAt, flushStored, NO_SEQ, type StoredState } from './stored-state.ts'

export type StoredShard = {
  readonly id: Uint8Array
  readonly authority: Authority
  /** Newest durable head and its seal; undefined before the first. */
  readonly head: { readonly position: Position; readonly seal: Seal } | undefined
  /** Lowest seq that can be served as frames; 0 when none can. */
  readonly first: Seq
  readonly snapshotSeq: Seq | undefined
  readonly sizeBytes: number
  /** Why nothing more can be stored: a failed write or flush. */
  readonly failed: ConstelliteError | undefined
  /** Judges a verified run and stages what it adds.  `flush` makes it durable. */
  store(run: SealedRun): Promise<Standing>
  /** Resolves when everything staged before is durable; tells those who listen. */
  flush(): Promise<void>
  /** Keeps the run that contradicts what is stored; false when the evidence is there or has its fill. */
  keepEvidence(run: SealedRun, second: Uint8Array): Promise<boolean>
  /** Flushed frames from `from` up to a seal. */
  readRun(from: Seq, sizeBytesMax: number): SealedRun | undefined
  /** The newest snapshot as parts; what is being read stays until it was. */
  readSnapshot(): AsyncIterable<Uint8Array>
  /** Verifies and takes an uploaded snapshot, then drops the frames that it stands for. */
  install(parts: AsyncIterable<Uint8Array>, limits: InstallLimits): Promise<Installed>
  /** Calls `listener` after every change of the durable head. */
  onAdvance(listener: () => void): () => void
  close(): Promise<void>
}

export function createStoredShard(state: StoredState): StoredShard {
  return {
    id: state.id,
    get authority() {
      return state.authority
    },
    get head() {
      const seal = state.durableSeal
      if (seal === undefined) return undefined
      return { position: { seq: seal.seq, checksum: seal.checksum }, seal }
    },
    get first() {
      // No frame yet is said as 0 on the wire.
      return state.wal.range()?.first ?? NO_SEQ
    },
    get snapshotSeq() {
      return state.snapshot?.position.seq
    },
    get sizeBytes() {
      return state.wal.logBytes + (state.snapshot?.sizeBytes ?? 0) + state.evidenceBytes
    },
    get failed() {
      return state.wal.poisoned
    },
    store: (run) => state.mutex.run(() => storeRun(state, run)),
    flush: () => flushStored(state),
    keepEvidence: (run, second) =>
      state.mutex.run(() =>
        keepEvidence(state, { seq: run.seal.seq, firstSeq: run.firstSeq, second }),
      ),
    readRun: (from, sizeBytesMax) => state.wal.readRun(from, sizeBytesMax),
    readSnapshot: () => readSnapshotFile(state),
    install: (parts, limits) => installSnapshot(state, parts, limits),
    onAdvance(listener) {
      state.listeners.add(listener)
      return () => void state.listeners.delete(listener)
    },
    close: () => state.mutex.run(() => closeStored(state)),
  }
}

async function storeRun(state: StoredState, run: SealedRun): Promise<Standing> {
  const first = run.frames[0]
  assert(first !== undefined, 'a run has at least one frame')
  const authority = authorityAfter(state.authority, first)
  const { shard, author, epoch, seq } = run.seal
  // The authority may have grown since the run was decoded.
  orThrow(checkRight(authority, { shard, author, epoch, firstSeq: run.firstSeq, lastSeq: seq }))
  // What is compared with stored frames must be readable, and only flushed ones are.
  if (run.firstSeq <= state.staged.seq) await flushStored(state)
  const standing = judgeRun(
    {
      head: state.staged,
      epoch: currentTerm(state.authority).epoch,
      checksumAt: (seq) => checksumAt(state, seq),
      floor: state.floor,
      isSealed: (seq) => state.wal.sealAt(seq)?.seq === seq,
    },
    run,
  )
  if (standing.type !== 'append') return standing
  if (standing.rewindTo !== undefined) await rewind(state, standing.rewindTo)
  const frames = run.frames.slice(standing.skip)
  stage(state, frames, run.seal)
  state.authority = authority
  state.staged = { seq: run.seal.seq, checksum: run.seal.checksum }
  state.stagedSeal = run.seal
  return standing
}

/** The cap of the log is the quota of the shard, as its writer sees it. */
function stage(state: StoredState, frames: readonly Frame[], seal: Seal): void {
  try {
    state.wal.stage({ type: 'frames', frames })
  } catch (error) {
    if (!isFailure(error, 'ErrWalFull') && !isFailure(error, 'ErrQuota')) throw error
    throw new ConstelliteError({
      code: 'ErrRelayFull',
      message: 'The relay has no more room for frames of this shard.',
      hint: 'A snapshot from its writer makes room; else ask whoever runs the relay for more.',
      retry: 'after-repair',
      cause: error,
    })
  }
  state.wal.stage({ type: 'seal', seal })
}

/** The only rewind there is: a hand-over that names a frame below the head. */
async function rewind(state: StoredState, position: Position): Promise<void> {
  await state.wal.truncateAfter(position)
  const seal = state.wal.sealAt(position.seq)
  state.staged = position
  state.stagedSeal = seal
  state.durableSeal = seal
}

async function closeStored(state: StoredState): Promise<void> {
  try {
    if (state.wal.poisoned === undefined) await state.wal.flush()
  } finally {
    // A full disk refuses the log its end; the device is given up all the same, or nobody could open it again.
    await state.wal.close().finally(() => state.device.close())
  }
}
