/** Seal the durable head: sign its checksum and the state root after it.
 *  Keeps: only flushed frames are sealed; the root is the one after the sealed frame, though later frames
 *  may be staged; every unfinished part of a long transaction gets a seal of its own, with a zero root. */

import { isFailure } from '../base/failure.ts'
import type { Position } from '../base/ids.ts'
import { HASH_BYTES } from '../crypto/hash.ts'
import type { SealedRun } from '../frame/run.ts'
import { createSeal, type Seal } from '../frame/seal.ts'
import { epochOf, halt, type ShardState } from './state.ts'

const NO_ROOT: Uint8Array = new Uint8Array(HASH_BYTES)

/** The sealed head as a run without its payload: what shows it where the log has its frame no longer. */
export function headRun(state: ShardState): SealedRun | undefined {
  const { head, headFrame, newestSeal: seal } = state
  if (headFrame === undefined || seal?.seq !== head.seq) return undefined
  return { firstSeq: head.seq, prev: headFrame.prev, frames: [headFrame], seal }
}

/** Resolves when the head that was durable at the call is sealed. */
export async function sealDurableHead(state: ShardState): Promise<void> {
  const wanted = state.durable.seq
  while (!isSealed(state, wanted)) {
    if (state.halted !== undefined || state.isClosed || state.role !== 'writer') return
    // The tree stands at `durable` only while no flush is under way.
    if (state.sealing !== undefined) await state.sealing
    else if (state.flushing !== undefined && !state.isCheckpointing) {
      await state.flushing.catch(() => undefined)
    } else await signOnce(state)
  }
}

/** Seals what a superseded writer has left unsealed, though it has halted: for the file in which its frames
 *  are kept.  They are flushed. */
export async function sealTail(state: ShardState): Promise<void> {
  // Its seal is not kept when the halt came first.
  await state.sealing?.catch(() => undefined)
  if (!isSealed(state, state.durable.seq)) await signOnce(state)
}

function isSealed(state: ShardState, seq: bigint): boolean {
  return seq === 0n || (state.newestSeal !== undefined && state.newestSeal.seq >= seq)
}

async function signOnce(state: ShardState): Promise<void> {
  const target = state.durable
  const root = state.tree.root()
  const breaks = state.unsealedBreaks.filter((position) => position.seq < target.seq)
  const signing = sign(state, target, root, breaks)
  state.sealing = signing
  try {
    await signing
  } finally {
    state.sealing = undefined
  }
}

async function sign(
  state: ShardState,
  target: Position,
  root: Uint8Array,
  breaks: readonly Position[],
): Promise<void> {
  const wasHalted = state.halted !== undefined
  try {
    const seals: Seal[] = []
    for (const position of breaks) seals.push(await sealAt(state, position, NO_ROOT))
    seals.push(await sealAt(state, target, root))
    const isHalted = state.halted !== undefined
    if ((isHalted && !wasHalted) || state.isClosed) return
    for (const seal of seals) state.wal.stage({ type: 'seal', seal })
    state.newestSeal = seals[seals.length - 1]
    state.unsealedBreaks = state.unsealedBreaks.filter((position) => position.seq > target.seq)
    state.unsealedFrames = Number(state.head.seq - target.seq)
    // Bytes of what stays unsealed are few; counting from zero only makes the next seal a little later.
    state.unsealedBytes = 0
    state.lastSealAtMs = state.host.monotonicNow()
    if (isHalted) return
    for (const seal of seals) for (const listener of state.listeners.seal) listener(seal)
  } catch (error) {
    // A full device harmed nothing: what is unsealed is sealed after a later flush that had room.
    if (isFailure(error, 'ErrQuota') && state.wal.poisoned === undefined) throw error
    throw halt(state, error)
  }
}

function sealAt(state: ShardState, position: Position, root: Uint8Array): Promise<Seal> {
  return createSeal(state.signer, {
    shard: state.id,
    epoch: epochOf(state),
    seq: position.seq,
    checksum: position.checksum,
    root,
  })
}
