/** Apply: takes a verified sealed run into the log and the pages, in one durable step.
 *  Order: judge, work the pages out aside, compare the state root with the sealed one, log, flush, show.
 *  Keeps: nothing is stored or counted before author and root are checked; a divergence halts loudly;
 *  a transaction is shown whole or not at all.
 *  Also the way in which a writer adopts own frames that its restored backup lacks. */

import { assert } from '../base/assert.ts'
import { ConstelliteError, orThrow } from '../base/failure.ts'
import type { Hlc } from '../base/ids.ts'
import { equalBytes, isZero } from '../bytes/compare.ts'
import { type Authority, checkRight, currentTerm } from '../frame/authority.ts'
import { controlOf } from '../frame/control.ts'
import { type Frame, positionOf, shardIdOf, stubOf } from '../frame/frame.ts'
import type { SealedRun } from '../frame/run.ts'
import { REQUEST_RECORD_BYTES_MAX } from '../wal/layout.ts'
import { type ApplyOverlay, addToOverlay, beginOverlay } from './apply-overlay.ts'
import { authorityAfter } from './authority.ts'
import { isCheckpointDue, runCheckpoint } from './checkpoint.ts'
import { stageFrames } from './commit.ts'
import { advanceTree, fillCutPages, flushShard } from './flush.ts'
import { judgeRun } from './judge.ts'
import { lostRequests, stageEntry } from './request.ts'
import {
  assertOpen,
  emptyGroup,
  epochOf,
  halt,
  headHlcOf,
  isOwnTerm,
  type ShardState,
} from './state.ts'
import { supersede } from './supersede.ts'

/** Payload bytes of one transaction that a follower takes: it waits for the whole of it in memory. */
export const TRANSACTION_BYTES_MAX = 1_073_741_824

export async function applySealedRun(
  state: ShardState,
  run: SealedRun,
): Promise<'applied' | 'duplicate'> {
  // What was committed here before must be durable, or it would be judged as missing.
  if (state.role === 'writer') await flushShard(state)
  assertOpen(state)
  const authority = authorityFor(state, run)
  const { received, receivedHlc } = receivedIn(state)
  const judgement = judgeRun(
    {
      received,
      receivedHlc,
      right: checkRight(authority, { ...run.seal, firstSeq: run.firstSeq, lastSeq: run.seal.seq }),
      checksumAt: (seq) => checksumAt(state, seq),
      sealCovering: (seq) =>
        state.newestSeal !== undefined && state.newestSeal.seq >= seq
          ? (state.wal.sealAt(state.newestSeal.seq) ?? state.newestSeal)
          : undefined,
    },
    run,
  )
  if (judgement.type === 'duplicate') return 'duplicate'
  if (judgement.type === 'refuse') throw judgement.failure
  if (judgement.type === 'halt') throw halt(state, judgement.failure)
  await takeFrames(state, run, judgement.skip, authority)
  return 'applied'
}

export function receivedPosition(state: ShardState): ShardState['head'] {
  return receivedIn(state).received
}

function receivedIn(state: ShardState): {
  readonly received: ShardState['head']
  readonly receivedHlc: Hlc
} {
  const last = state.partial?.frames.at(-1)
  if (last === undefined) return { received: state.head, receivedHlc: headHlcOf(state) }
  return { received: positionOf(last), receivedHlc: last.hlc }
}

/** Of a frame that is here, in the log or waiting for the rest of its transaction. */
function checksumAt(state: ShardState, seq: bigint): Uint8Array | undefined {
  const waiting = state.partial?.frames.find((frame) => frame.seq === seq)
  // Whoever asks has a seq that a run names.
  return (waiting ?? state.wal.readFrame(seq as ShardState['head']['seq']))?.checksum
}

/** The authority under which this run must stand: a hand-over at its start names the new author. */
function authorityFor(state: ShardState, run: SealedRun): Authority {
  const first = run.frames[0]
  assert(first !== undefined, 'a run has at least one frame')
  if (state.authority === undefined) {
    throw new ConstelliteError({
      code: 'ErrAuthor',
      message: 'A run arrived before the genesis that says who may write.',
      hint: 'The peer must send the authority first.',
      retry: 'later',
    })
  }
  const authority = authorityAfter(state.authority, first)
  if (currentTerm(authority).epoch === currentTerm(state.authority).epoch) return authority
  if (state.role === 'writer' && !isOwnTerm(state, authority)) throw supersede(state, first)
  if (first.seq <= state.head.seq) {
    throw new ConstelliteError({
      code: 'ErrUnavailable',
      message: `The shard was handed over at ${first.seq}, below this copy's head.`,
      hint: 'Install a snapshot at or past the hand-over.',
      retry: 'after-repair',
      facts: { seq: first.seq, rewind: true },
    })
  }
  return authority
}

async function takeFrames(
  state: ShardState,
  run: SealedRun,
  skip: number,
  authority: Authority,
): Promise<void> {
  const frames = run.frames.slice(skip)
  const overlay = beginOverlay(state.pages, state.partial?.overlay)
  for (const frame of frames) {
    if (frame.kind === 'control') checkControl(state, frame)
    addToOverlay(overlay, state.pages, frame)
  }
  const last = frames.at(-1)
  assert(last !== undefined, 'a judged run reaches past the head')
  if (last.flags.continues) {
    keepPartial(state, frames, run, overlay)
    return
  }
  fillCutPages(overlay, state.tree.pageCount)
  checkRoot(state, run, overlay)
  const whole = [...(state.partial?.frames ?? []), ...frames]
  const earlierSeals = state.partial?.seals ?? []
  const lost = lostRequests(state, whole)
  const place = stageFrames(state, whole, lost === undefined ? 0 : REQUEST_RECORD_BYTES_MAX)
  if (lost !== undefined) stageEntry(state, lost)
  for (const seal of [...earlierSeals, run.seal]) state.wal.stage({ type: 'seal', seal })
  try {
    await state.wal.flush()
  } catch (error) {
    throw halt(state, error)
  }
  // Own frames from before a hand-over, which a superseded copy takes as a follower, make it no writer.
  const hasTakenOver = currentTerm(authority).epoch > epochOf(state) && isOwnTerm(state, authority)
  state.partial = undefined
  state.authority = authority
  state.lastFramePlace = place
  if (hasTakenOver) state.role = 'writer'
  show(state, overlay, last, run)
  // A copy that has just become the writer may commit from here on: its own flush folds.
  if (!hasTakenOver && isCheckpointDue(state)) await runCheckpoint(state)
}

/** Makes what is durable by now visible, all at once. */
function show(state: ShardState, overlay: ApplyOverlay, last: Frame, run: SealedRun): void {
  state.pages.commit(overlay.changes, overlay.pageCount, overlay.pageSize)
  advanceTree(state, overlay)
  state.group = emptyGroup(overlay.pageCount, overlay.pageSize)
  state.head = positionOf(last)
  state.headFrame = stubOf(last)
  state.durable = state.head
  state.newestSeal = run.seal
  for (const listener of state.listeners.advance) {
    listener({
      position: state.head,
      tables: overlay.isAnyTable ? [] : [...overlay.tables],
      origin: 'applied',
    })
  }
  for (const listener of state.listeners.seal) listener(run.seal)
}

function checkControl(state: ShardState, frame: Frame): void {
  if (frame.seq === 1n && !equalBytes(shardIdOf(frame.checksum), state.id)) {
    throw new ConstelliteError({
      code: 'ErrShardMismatch',
      message: 'The first frame is not the genesis that the shard id names.',
      hint: 'The peer serves another history under this address; nothing of it was kept.',
    })
  }
  const operation = orThrow(controlOf(frame))
  if (operation.op !== 'import') return
  throw new ConstelliteError({
    code: 'ErrUnavailable',
    message: `Frame ${frame.seq} imports a whole file, which travels as a snapshot.`,
    hint: 'Install a snapshot at or past it.',
    retry: 'after-repair',
    facts: { seq: frame.seq },
  })
}

function keepPartial(
  state: ShardState,
  frames: readonly Frame[],
  run: SealedRun,
  overlay: ApplyOverlay,
): void {
  const sizeBytes = (state.partial?.sizeBytes ?? 0) + sum(frames.map((frame) => frame.payloadBytes))
  if (!isZero(run.seal.root) || sizeBytes > TRANSACTION_BYTES_MAX) {
    throw new ConstelliteError({
      code: sizeBytes > TRANSACTION_BYTES_MAX ? 'ErrTooLarge' : 'ErrProtocol',
      message: `The transaction that goes on at frame ${run.seal.seq} cannot be taken.`,
      hint: 'Its seal has a root in mid-transaction, or it is over the limit.',
      facts: { seq: run.seal.seq, sizeBytes, sizeBytesMax: TRANSACTION_BYTES_MAX },
    })
  }
  state.partial = {
    sizeBytes,
    frames: [...(state.partial?.frames ?? []), ...frames],
    seals: [...(state.partial?.seals ?? []), run.seal],
    overlay,
  }
}

function checkRoot(state: ShardState, run: SealedRun, overlay: ApplyOverlay): void {
  const root = state.tree.preview(overlay.changes, overlay.pageCount, overlay.pageSize)
  if (equalBytes(root, run.seal.root)) return
  throw halt(
    state,
    new ConstelliteError({
      code: 'ErrDiverged',
      message: `After frame ${run.seal.seq} the pages here are not the ones that its writer sealed.`,
      hint: 'This copy or the writer’s storage was damaged.  Discard this copy and follow again.',
      facts: { seq: run.seal.seq, sealed: run.seal.root, here: root },
    }),
  )
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
