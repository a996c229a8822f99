/** Commit: one SQLite transaction becomes one frame, staged in the log, and the newest version of the
 *  pages.  Synchronous, because SQLite calls it from inside COMMIT.
 *  Keeps: all or nothing; a page whose bytes did not change is in neither frame nor version.  The
 *  comparison is the encoder's own, which has to read both pages anyway. */

import { assert } from '../base/assert.ts'
import { ConstelliteError } from '../base/failure.ts'
import { nextSeq, type Position } from '../base/ids.ts'
import { tickHlc } from '../clock/hlc.ts'
import {
  buildFrame,
  type Frame,
  type FrameFlags,
  type FrameKind,
  positionOf,
  stubOf,
} from '../frame/frame.ts'
import { PAGE_COUNT_MAX } from '../pages/layout.ts'
import { encodePayloads } from '../pages/payload.ts'
import type { PageChanges } from '../pages/store.ts'
import type { RecordPlace } from '../wal/records.ts'
import { roomForRequest } from './request.ts'
import { assertOpen, epochOf, halt, headHlcOf, type ShardState } from './state.ts'

export type Transaction = {
  readonly changes: PageChanges
  readonly pageCount: number
  readonly pageSize: number
  readonly tables: readonly string[]
}

const PLAIN: FrameFlags = { compressed: false, encrypted: false, continues: false, salted: false }

export function commitTransaction(state: ShardState, transaction: Transaction): Position {
  assertOpen(state)
  assert(!state.isCheckpointing, 'nothing commits while a checkpoint runs')
  if (state.role !== 'writer') throw readOnly()
  const { pages } = state
  const countBefore = pages.pageCount(pages.version)
  const oldImage = (pgno: number): Uint8Array | undefined =>
    pgno <= countBefore ? pages.image(pgno) : undefined
  if (transaction.pageCount > PAGE_COUNT_MAX) throw tooManyPages(transaction.pageCount)
  const changed = new Map<number, Uint8Array>()
  const payloads = encodePayloads(
    { ...transaction, oldImage, onChanged: (pgno, image) => changed.set(pgno, image) },
    state.sectionBytesMax,
  )
  if (changed.size === 0 && transaction.pageCount === countBefore) return state.head
  const frames = chainFrames(state, 'pages', payloads)
  // The only step that can fail; before it nothing has changed.
  state.lastFramePlace = stageFrames(state, frames, roomForRequest(state))
  pages.commit(changed, transaction.pageCount, transaction.pageSize)
  advanceHead(state, frames)
  if (state.request !== undefined) state.request.seq = state.head.seq
  addToGroup(state, { ...transaction, changes: changed })
  return state.head
}

/** `roomBytes` for a record that follows them in the same group.  A log that failed while it made room
 *  halts the shard, as one does that fails at a flush. */
export function stageFrames(
  state: ShardState,
  frames: readonly Frame[],
  roomBytes: number,
): RecordPlace {
  try {
    return state.wal.stage({ type: 'frames', frames }, roomBytes)
  } catch (error) {
    throw state.wal.poisoned === undefined ? error : halt(state, error)
  }
}

/** Frames for these payloads that go on from the head; all but the last say that more follows. */
export function chainFrames(
  state: ShardState,
  kind: FrameKind,
  payloads: readonly Uint8Array[],
): Frame[] {
  assert(state.authority !== undefined, 'a frame follows a genesis')
  const frames: Frame[] = []
  let { seq, checksum: prev } = state.head
  let hlc = headHlcOf(state)
  for (const [index, payload] of payloads.entries()) {
    seq = nextSeq(seq)
    hlc = tickHlc(state.host.now(), hlc)
    const frame = buildFrame({
      kind,
      flags: { ...PLAIN, continues: index < payloads.length - 1 },
      shard: state.id,
      author: state.signer.publicKey,
      epoch: epochOf(state),
      seq,
      prev,
      hlc,
      sections: [payload],
    })
    prev = frame.checksum
    frames.push(frame)
  }
  return frames
}

/** Moves the head past own frames that were just staged, and notes what the next seal must cover. */
export function advanceHead(state: ShardState, frames: readonly Frame[]): void {
  const last = frames[frames.length - 1]
  assert(last !== undefined, 'a commit has at least one frame')
  for (const frame of frames) {
    if (frame.flags.continues) state.unsealedBreaks.push(positionOf(frame))
    state.unsealedBytes += frame.payloadBytes
  }
  state.unsealedFrames += frames.length
  state.head = positionOf(last)
  state.headFrame = stubOf(last)
}

export function addToGroup(state: ShardState, transaction: Transaction): void {
  const { group } = state
  for (const pgno of group.changes.keys()) {
    // A page that this transaction cut off and nobody wrote again is zeros, not its old image.
    if (pgno > transaction.pageCount) group.changes.delete(pgno)
  }
  for (const [pgno, image] of transaction.changes) group.changes.set(pgno, image)
  group.pageCountMin = Math.min(group.pageCountMin, transaction.pageCount)
  group.pageCount = transaction.pageCount
  group.pageSize = transaction.pageSize
  for (const table of transaction.tables) group.tables.add(table)
  if (transaction.tables.length === 0) group.isAnyTable = true
  group.isEmpty = false
}

function tooManyPages(pageCount: number): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrTooLarge',
    message: `The database would have ${pageCount} pages; at most ${PAGE_COUNT_MAX} are supported.`,
    hint: 'The transaction was rolled back.  Delete rows and VACUUM, or split the database.',
    facts: { pageCount, pageCountMax: PAGE_COUNT_MAX },
  })
}

function readOnly(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrReadOnly',
    message: 'This copy follows another writer and cannot be written to.',
    hint: 'Write where the database was published; the change arrives here.',
  })
}
