/** Flush: closes the open group, makes it durable in one write and one flush, tells those who listen, and
 *  decides whether it is time to seal.
 *  Never: folds the log; a snapshot and a verification flush beside commits (checkpoint.ts).
 *  Keeps: calls while a flush runs share the next one; no listener hears of what is not durable. */

import type { Position } from '../base/ids.ts'
import { sealDurableHead } from './seal-head.ts'
import type { Advance } from './shard.ts'
import {
  assertOpen,
  emptyGroup,
  halt,
  SEAL_FRAMES_MAX,
  SEAL_IDLE_MS,
  SEAL_INTERVAL_MIN_MS,
  SEAL_PAYLOAD_BYTES_MAX,
  type ShardState,
} from './state.ts'

export function flushShard(state: ShardState): Promise<void> {
  if (state.flushing === undefined) return begin(state)
  state.flushNext ??= state.flushing.then(
    () => begin(state),
    () => begin(state),
  )
  return state.flushNext
}

function begin(state: ShardState): Promise<void> {
  state.flushNext = undefined
  const flushing = flushOnce(state).finally(() => {
    if (state.flushing === flushing) state.flushing = undefined
  })
  state.flushing = flushing
  return flushing
}

async function flushOnce(state: ShardState): Promise<void> {
  assertOpen(state)
  const target = state.head
  const advance = closeGroup(state, target)
  try {
    await state.wal.flush()
  } catch (error) {
    throw halt(state, error)
  }
  state.durable = target
  if (advance !== undefined) {
    for (const listener of state.listeners.advance) listener(advance)
    scheduleSeal(state)
  }
}

/** Makes durable what is staged in a shard that has halted, telling nobody: a superseded writer's last frames
 *  are kept, and what stays readable then stands on them. */
export async function flushTail(state: ShardState): Promise<void> {
  // It failed for whoever waited for it; what it could not make durable is tried again here.
  await state.flushing?.catch(() => undefined)
  const target = state.head
  closeGroup(state, target)
  await state.wal.flush()
  state.durable = target
}

/** The tree advances when a group closes, by that group's pages (FORMATS §9). */
function closeGroup(state: ShardState, target: Position): Advance | undefined {
  const { group } = state
  if (group.isEmpty) return undefined
  state.group = emptyGroup(group.pageCount, group.pageSize)
  fillCutPages(group, state.tree.pageCount)
  advanceTree(state, group)
  return {
    position: target,
    tables: group.isAnyTable ? [] : [...group.tables],
    origin: 'local',
  }
}

/** Pages that were cut off and came back without being written are zeros, for root and reader alike
 *  (DESIGN §5): says so in `changes`, which otherwise would let the old bytes show through. */
export function fillCutPages(
  group: {
    readonly changes: Map<number, Uint8Array>
    readonly pageCount: number
    readonly pageCountMin: number
    readonly pageSize: number
  },
  countBefore: number,
): void {
  const last = Math.min(group.pageCount, countBefore)
  if (group.pageCountMin >= last) return
  const zeros = new Uint8Array(group.pageSize)
  for (let pgno = group.pageCountMin + 1; pgno <= last; pgno++) {
    if (!group.changes.has(pgno)) group.changes.set(pgno, zeros)
  }
}

/** Advances the tree and notes which leaves the leaves file lacks. */
export function advanceTree(
  state: ShardState,
  group: {
    readonly changes: ReadonlyMap<number, Uint8Array>
    readonly pageCount: number
    readonly pageSize: number
  },
): void {
  const { tree, staleLeaves } = state
  for (let pgno = tree.pageCount + 1; pgno <= group.pageCount; pgno++) staleLeaves.add(pgno)
  tree.advance(group.changes, group.pageCount, group.pageSize)
  for (const pgno of group.changes.keys()) staleLeaves.add(pgno)
}

/** Frames that somebody waits to send, and long or large tails, are sealed at once; others when idle. */
function scheduleSeal(state: ShardState): void {
  if (state.role !== 'writer') return
  const isWanted = state.listeners.seal.size > 0
  const isLong =
    state.unsealedFrames >= SEAL_FRAMES_MAX || state.unsealedBytes >= SEAL_PAYLOAD_BYTES_MAX
  const sinceLastMs = state.host.monotonicNow() - state.lastSealAtMs
  if ((isWanted || isLong) && sinceLastMs >= SEAL_INTERVAL_MIN_MS) {
    sealInBackground(state)
    return
  }
  if (state.sealTimer !== undefined && !isWanted) return
  state.sealTimer?.cancel()
  const delayMs = isWanted || isLong ? SEAL_INTERVAL_MIN_MS : SEAL_IDLE_MS
  state.sealTimer = state.host.setTimer(delayMs, () => {
    state.sealTimer = undefined
    sealInBackground(state)
  })
}

function sealInBackground(state: ShardState): void {
  // A signer that fails halts the shard inside; nobody else waits for this promise.
  sealDurableHead(state).catch(() => undefined)
}
