/** Open: finds the log on a device, does what recovery says, and answers it ready to go on.
 *  Keeps: nothing is appended behind a tail that may not last.  Unless the log was closed in order, the
 *  groups after the last one known flushed are written again, same numbers and same places, into a new
 *  segment, which counts only from its header on, flushed last.  So a torn tail needs no erasing, and a
 *  stale owner who still writes to the old file changes nothing.
 *  Never: decides what counts; recover.ts does. */

import { assert } from '../base/assert.ts'
import { orThrow } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import type { DeviceFile } from '../storage/device.ts'
import { capBytesOf, type WalInit } from './create.ts'
import { createSegment, flushLog, restage, settle, writeDraft } from './flush.ts'
import { generationSeed } from './group.ts'
import { createGroupDraft, type GroupDraft } from './group-draft.ts'
import { FILE_HEADER_BYTES } from './layout.ts'
import {
  createLogState,
  currentSegment,
  type LogState,
  type OpenSegment,
  poison,
} from './log-state.ts'
import { oldestNeeded } from './needs.ts'
import { createPool, isLogFile, type Pool, type PooledFile } from './pool.ts'
import { type RecoveredLog, recoverLog } from './recover.ts'
import { recycle } from './retention.ts'
import { encodeSegmentHeader } from './segment-header.ts'
import type { LogFile } from './segments.ts'
import { stageRecord } from './stage.ts'

/** Read in large pieces: a device may be slow to answer and quick to deliver. */
const READ_BYTES = 4_194_304

export type OpenedLog = { readonly state: LogState; readonly recovered: RecoveredLog }

export async function openLog(init: WalInit): Promise<OpenedLog | undefined> {
  const { host, device, options } = init
  const capBytes = capBytesOf(options)
  const names = (await device.list()).filter(isLogFile)
  const handles = await device.open(names)
  const pooled = names.map((name, index): PooledFile => {
    const file = handles[index]
    assert(file !== undefined, 'a device answers a handle for each name')
    return { name, file }
  })
  let state: LogState | undefined
  let pool: Pool | undefined
  let isOpen = false
  try {
    const repair = options?.repair ?? false
    const recovered = orThrow(recoverLog(pooled.map(logFileOf), { repair }))
    if (recovered === undefined) return undefined
    pool = createPool(device, names)
    await pool.give(pooled.filter(({ name }) => recovered.spare.includes(name)))
    state = stateOf({ host, pool, capBytes, recovered, pooled })
    await goOn(state, recovered)
    await pool.give(pooled.filter(({ name }) => recovered.released.includes(name)))
    isOpen = true
    return { state, recovered }
  } finally {
    if (!isOpen) {
      for (const { file } of pooled) file.close()
      for (const segment of state?.segments ?? []) segment.pooled.file.close()
      pool?.closeSpares()
    }
  }
}

function logFileOf({ name, file }: PooledFile): LogFile {
  const sizeBytes = file.size()
  const start = new Uint8Array(Math.min(FILE_HEADER_BYTES, sizeBytes))
  file.read(0, start)
  return { name, sizeBytes, start, load: () => readWhole(file, sizeBytes) }
}

function readWhole(file: DeviceFile, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes)
  for (let at = 0; at < sizeBytes; at += READ_BYTES) {
    file.read(at, bytes.subarray(at, Math.min(at + READ_BYTES, sizeBytes)))
  }
  return bytes
}

function stateOf(init: {
  readonly host: Host
  readonly pool: Pool
  readonly capBytes: number
  readonly recovered: RecoveredLog
  readonly pooled: readonly PooledFile[]
}): LogState {
  const { recovered, pooled } = init
  const segments = recovered.segments.map(({ segment, endAt }): OpenSegment => {
    const found = pooled.find(({ name }) => name === segment.file.name)
    assert(found !== undefined, 'recovery names files that it was given')
    const { header } = segment
    const reservedTo = Math.max(endAt, segment.file.sizeBytes)
    return { pooled: found, header, seed: generationSeed(header.generation), endAt, reservedTo }
  })
  return createLogState({
    host: init.host,
    pool: init.pool,
    capBytes: init.capBytes,
    owner: recovered.owner + 1,
    index: recovered.index,
    segments,
    mark: recovered.mark,
    redoGroup: recovered.redoGroup,
    oldestFile: segments[0]?.header.fileNumber ?? 1n,
    drafts: [createGroupDraft(recovered.knownFlushed + 1n)],
    newestSeq: recovered.position.seq,
    flushedGroup: recovered.knownFlushed,
    holders: recovered.holders,
  })
}

async function goOn(state: LogState, recovered: RecoveredLog): Promise<void> {
  if (recovered.closedAt === undefined) return rewriteTail(state, recovered)
  // The group that said so was never flushed itself, so the next one takes its number and its place.
  currentSegment(state).endAt = recovered.closedAt
  if (!recovered.isCut) return
  stageRecord(state, { type: 'truncate', position: recovered.position })
  await flushLog(state)
}

async function rewriteTail(state: LogState, recovered: RecoveredLog): Promise<void> {
  const pooled = await state.pool.take()
  const drafts = tailDrafts(recovered)
  const segment = createSegment(state, { mark: state.mark, pooled }, recovered.knownFlushed + 1n)
  state.segments.push(segment)
  const holders = [...recovered.holders]
  state.mark = { ...recovered.mark, owner: state.owner, holders }
  state.oldestFile = oldestNeeded(state, state.redoGroup)
  restage(state, drafts)
  if (recovered.isCut) stageRecord(state, { type: 'truncate', position: recovered.position })
  const { file } = pooled
  try {
    const staged = state.drafts
    const written = staged.map((draft) => writeDraft(state, draft))
    state.drafts = [createGroupDraft(recovered.knownFlushed + BigInt(staged.length) + 1n)]
    await file.sync()
    // The header makes the segment count, so it follows what it stands before.
    file.write(0, encodeSegmentHeader(segment.header))
    await file.sync()
    settle(state, written)
  } catch (error) {
    throw poison(state, error)
  }
  await recycle(state)
}

/** The tail as groups of the same numbers; one without records where there was nothing to write again. */
function tailDrafts(recovered: RecoveredLog): readonly GroupDraft[] {
  const drafts: GroupDraft[] = []
  const lastGroup = recovered.tail.at(-1)?.place.group ?? recovered.knownFlushed + 1n
  for (let number = recovered.knownFlushed + 1n; number <= lastGroup; number += 1n) {
    drafts.push(createGroupDraft(number))
  }
  for (const { place, record } of recovered.tail) {
    drafts[Number(place.group - recovered.knownFlushed) - 1]?.records.push(record)
  }
  return drafts
}
