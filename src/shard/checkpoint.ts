/** Checkpoint: folds the log into the page file, in one slice (DESIGN §5, Page VFS).
 *  Order: images of all dirty pages and leaves are logged and flushed, so that torn in-place writes can be
 *  repaired; then pages are written in place and synced; then a new segment begins, and older ones go
 *  when no holder needs them.  Keeps: a crash between any two steps replays to the same state. */

import { assert } from '../base/assert.ts'
import { isFailure } from '../base/failure.ts'
import { HASH_BYTES } from '../crypto/hash.ts'
import type { WalRecord } from '../wal/records.ts'
import { flushShard } from './flush.ts'
import { sealDurableHead } from './seal-head.ts'
import {
  CHECKPOINT_LOG_BYTES,
  halt,
  isAwaitingHandOver,
  type ShardState,
  startMarkOf,
} from './state.ts'

/** Bytes of images in one record. */
const IMAGES_RECORD_BYTES = 1 << 20
/** Leaves written to the leaves file in one go. */
const LEAVES_RUN_MAX = 32_768

/** Whether the segment is long enough to be folded, and everything in it durable. */
export function isCheckpointDue(state: ShardState): boolean {
  const { wal, capBytes, durable, head } = state
  const limit = Math.min(CHECKPOINT_LOG_BYTES, Math.floor(capBytes / 2))
  return wal.segmentBytes >= limit && durable.seq === head.seq
}

/** Flushes, and folds when it is time.  The caller sees to it that nothing is committed meanwhile. */
export async function flushAndFold(state: ShardState): Promise<void> {
  await flushShard(state)
  // A follower folds where it applies, so that neither runs beside the other.
  if (state.role !== 'writer' || !isCheckpointDue(state)) return
  await state.mutex.run(async () => {
    if (state.halted === undefined && !state.isClosed && isCheckpointDue(state)) {
      await runCheckpoint(state)
    }
  })
}

/** Folds what is durable.  The caller holds the mutex and sees to it that nothing is committed meanwhile. */
export async function runCheckpoint(state: ShardState): Promise<void> {
  assert(!state.isCheckpointing, 'one checkpoint at a time')
  // Of its halt only the log knows until it has gone on behind the hand-over.
  if (isAwaitingHandOver(state)) return
  state.isCheckpointing = true
  try {
    await state.wal.flush()
    await sealDurableHead(state)
    await logImages(state)
    await state.pages.checkpoint()
    await writeLeaves(state)
    // The record of a halt lies before the new segment and would be passed over.
    if (state.halted !== undefined) throw state.halted
    await state.wal.beginSegment(startMarkOf(state))
    state.lastFramePlace = undefined
  } catch (error) {
    // A full device harmed nothing: the log has everything.  It is tried again after the next flush, and
    // commits are refused when the log is full too.
    if (isFailure(error, 'ErrQuota') && state.wal.poisoned === undefined) return
    throw halt(state, error)
  } finally {
    state.isCheckpointing = false
  }
}

type Image = { readonly pgno: number; readonly bytes: Uint8Array }

async function logImages(state: ShardState): Promise<void> {
  const asOf = state.lastFramePlace
  // No frame since the segment began: the page file already holds everything.
  if (asOf === undefined) return
  const stageAll = (file: 'pages' | 'leaves', images: Iterable<Image>): void => {
    let pages: Image[] = []
    let sizeBytes = 0
    const stage = (): void => {
      if (pages.length === 0) return
      const record: WalRecord = { type: 'images', asOf, file, pages }
      state.wal.stage(record)
      pages = []
      sizeBytes = 0
    }
    for (const image of images) {
      pages.push(image)
      sizeBytes += image.bytes.byteLength
      if (sizeBytes >= IMAGES_RECORD_BYTES) stage()
    }
    stage()
  }
  stageAll('pages', dirtyImages(state))
  stageAll('leaves', staleLeaves(state))
  await state.wal.flush()
}

function* dirtyImages(state: ShardState): Iterable<Image> {
  for (const pgno of state.pages.dirtyPages()) yield { pgno, bytes: state.pages.image(pgno) }
}

function* staleLeaves(state: ShardState): Iterable<Image> {
  for (const pgno of sortedStale(state)) yield { pgno, bytes: state.tree.leaf(pgno) }
}

function sortedStale(state: ShardState): number[] {
  return [...state.staleLeaves]
    .filter((pgno) => pgno <= state.tree.pageCount)
    .sort((left, right) => left - right)
}

async function writeLeaves(state: ShardState): Promise<void> {
  const { leavesFile, tree } = state
  let run: number[] = []
  const write = (): void => {
    const first = run[0]
    if (first === undefined) return
    const bytes = new Uint8Array(run.length * HASH_BYTES)
    for (const [index, pgno] of run.entries()) bytes.set(tree.leaf(pgno), index * HASH_BYTES)
    leavesFile.write((first - 1) * HASH_BYTES, bytes)
    run = []
  }
  for (const pgno of sortedStale(state)) {
    const previous = run[run.length - 1]
    if (previous !== undefined && (pgno !== previous + 1 || run.length >= LEAVES_RUN_MAX)) write()
    run.push(pgno)
  }
  write()
  const sizeBytes = tree.pageCount * HASH_BYTES
  if (leavesFile.size() > sizeBytes) leavesFile.truncate(sizeBytes)
  await leavesFile.sync()
  state.staleLeaves.clear()
}
