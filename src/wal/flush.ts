/** Flush: writes what is staged and makes it durable, one write a group and one sync for all.
 *  Keeps: nobody is told of a record before the sync that covers it; a failed write or sync poisons, and
 *  everyone who waits learns it.  A device that syncs at once costs no turn of the event loop. */

import { assert } from '../base/assert.ts'
import { isZero } from '../bytes/compare.ts'
import { finishGroup, generationSeed } from './group.ts'
import { createGroupDraft, draftBodyBytes, type GroupDraft, isEmptyDraft } from './group-draft.ts'
import { FILE_HEADER_BYTES, GENERATION_BYTES, groupBytes } from './layout.ts'
import {
  currentDraft,
  currentSegment,
  type LogState,
  type OpenSegment,
  poison,
  type Rollover,
} from './log-state.ts'
import { oldestNeeded } from './needs.ts'
import type { StartMark } from './records.ts'
import { encodeSegmentHeader } from './segment-header.ts'
import { addToDraft, encodeNext } from './stage.ts'

type WrittenGroup = {
  readonly draft: GroupDraft
  readonly fileNumber: bigint
  readonly at: number
}

const DONE: Promise<void> = Promise.resolve()

export function flushLog(state: LogState): Promise<void> {
  if (state.poisoned !== undefined) return Promise.reject(state.poisoned)
  if (state.running === undefined) return hasWork(state) ? startFlush(state) : DONE
  if (!hasWork(state)) return state.running
  state.next ??= state.running.then(() => {
    state.next = undefined
    return flushLog(state)
  })
  return state.next
}

function hasWork(state: LogState): boolean {
  return state.rollover !== undefined || !isEmptyDraft(currentDraft(state))
}

function startFlush(state: LogState): Promise<void> {
  let written: readonly WrittenGroup[]
  let synced: void | Promise<void>
  try {
    written = writeStaged(state)
    synced = currentSegment(state).pooled.file.sync()
  } catch (error) {
    return Promise.reject(poison(state, error))
  }
  if (synced === undefined) {
    settle(state, written)
    return DONE
  }
  state.running = synced.then(
    () => {
      state.running = undefined
      settle(state, written)
    },
    (error: unknown) => {
      state.running = undefined
      throw poison(state, error)
    },
  )
  return state.running
}

/** What was written is durable: from here on it can be read back. */
export function settle(state: LogState, written: readonly WrittenGroup[]): void {
  for (const { draft, fileNumber, at } of written) {
    const place = { fileNumber, group: draft.number, at }
    for (const outline of draft.outlines) {
      state.index.apply(outline, place)
      if (outline.type !== 'seal') continue
      state.unflushedSeals = state.unflushedSeals.filter(({ seq }) => seq !== outline.seq)
    }
    state.flushedGroup = draft.number
  }
}

function writeStaged(state: LogState): readonly WrittenGroup[] {
  const { rollover } = state
  state.rollover = undefined
  const prefix = rollover === undefined ? undefined : switchSegment(state, rollover)
  const { drafts } = state
  const last = currentDraft(state)
  if (state.hasNewHolders && prefix === undefined) addHolders(state, last)
  state.drafts = [createGroupDraft(last.number + 1n)]
  return drafts.map((draft, index) => writeDraft(state, draft, index === 0 ? prefix : undefined))
}

/** Writes one group; behind `prefix`, the header of its file, in the same write. */
export function writeDraft(state: LogState, draft: GroupDraft, prefix?: Uint8Array): WrittenGroup {
  const segment = currentSegment(state)
  const bodyBytes = draftBodyBytes(draft)
  const at = segment.endAt
  const startAt = prefix === undefined ? at : 0
  assert(prefix === undefined || at === FILE_HEADER_BYTES, 'a header stands before the first group')
  const whole = new Uint8Array(at - startAt + groupBytes(bodyBytes))
  if (prefix !== undefined) whole.set(prefix)
  const group = whole.subarray(at - startAt)
  group.set(draft.writer.view())
  finishGroup(
    group,
    {
      hasChain: draft.outlines.length > 0,
      bodyBytes,
      number: draft.number,
      flushed: state.flushedGroup,
      owner: state.owner,
    },
    segment.seed,
  )
  segment.pooled.file.write(startAt, whole)
  segment.endAt = at + group.byteLength
  segment.reservedTo = Math.max(segment.reservedTo, segment.endAt)
  return { draft, fileNumber: segment.header.fileNumber, at }
}

function addHolders(state: LogState, draft: GroupDraft): void {
  const record = {
    type: 'holders',
    oldestFile: state.oldestFile,
    holders: holdersOf(state),
  } as const
  addToDraft(state, draft, { record, ...encodeNext(state, record) })
  state.hasNewHolders = false
}

export function holdersOf(state: LogState): StartMark['holders'] {
  return [...state.holders].map(([name, seq]) => ({ name, seq }))
}

/** Makes the new segment the current one and answers the header to be written in front of its first
 *  group.  What is staged goes into it: encoded again behind the start mark, every record in its place. */
function switchSegment(state: LogState, rollover: Rollover): Uint8Array {
  const staged = state.drafts
  const firstGroup = staged[0]?.number
  assert(firstGroup !== undefined, 'a log has a group to stage into')
  const segment = createSegment(state, rollover, firstGroup)
  state.redoGroup = rollover.isReset ? firstGroup : redoGroupOf(state, rollover, firstGroup)
  state.segments.push(segment)
  state.oldestFile = rollover.isReset
    ? segment.header.fileNumber
    : oldestNeeded(state, state.redoGroup)
  if (rollover.isReset) {
    state.index.clear()
    state.unflushedSeals = []
  }
  state.mark = { ...rollover.mark, owner: state.owner, holders: holdersOf(state) }
  state.hasNewHolders = false
  restage(state, staged)
  return encodeSegmentHeader(segment.header)
}

/** Encodes drafts again as the first groups of the current segment. */
export function restage(state: LogState, staged: readonly GroupDraft[]): void {
  state.cursor = undefined
  state.sinceRunHeader = 0
  const { oldestFile, redoGroup, mark } = state
  state.drafts = []
  for (const { number, records } of staged) {
    const draft = createGroupDraft(number)
    if (state.drafts.length === 0) {
      const start = { type: 'start', start: { oldestFile, redoGroup, mark } } as const
      draft.writer.bytes(encodeNext(state, start).bytes)
    }
    for (const record of records) addToDraft(state, draft, { record, ...encodeNext(state, record) })
    state.drafts.push(draft)
  }
}

export function createSegment(
  state: Pick<LogState, 'host' | 'segments'>,
  rollover: Pick<Rollover, 'mark' | 'pooled'>,
  firstGroup: bigint,
): OpenSegment {
  const { mark, pooled } = rollover
  const generation = state.host.random(GENERATION_BYTES)
  assert(!isZero(generation), 'the host has randomness')
  const newest = state.segments.at(-1)?.header.fileNumber ?? 0n
  return {
    pooled,
    header: {
      pageSizeLog2: mark.pageSize === 0 ? 0 : Math.log2(mark.pageSize),
      generation,
      fileNumber: newest + 1n,
      baseSeq: mark.position.seq,
      firstGroup,
    },
    seed: generationSeed(generation),
    endAt: FILE_HEADER_BYTES,
    reservedTo: Math.max(FILE_HEADER_BYTES, pooled.file.size()),
  }
}

/** Replay begins with the new segment, unless records that its mark does not cover were flushed before:
 *  those staged after the mark was made, and frames above its position. */
function redoGroupOf(state: LogState, rollover: Rollover, firstGroup: bigint): bigint {
  const { index } = state
  const seq = rollover.mark.position.seq
  let redoGroup = rollover.uncoveredGroup < firstGroup ? rollover.uncoveredGroup : firstGroup
  if (index.last === undefined || index.last <= seq) return redoGroup
  const entry = index.entries[Math.max(0, index.entryOf(seq))]
  if (entry !== undefined && entry.group < redoGroup) redoGroup = entry.group
  return redoGroup
}
