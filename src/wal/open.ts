/** Open: finds the log on a device, does what recovery says, and answers it ready to go on.
 *  Keeps: nothing is appended behind a tail that may not last (tail.ts); what the log says is released is
 *  erased only when what says so lasts.  Never: decides what counts; recover.ts does. */

import { assert } from '../base/assert.ts'
import { orThrow } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import { capBytesOf, type WalInit } from './create.ts'
import { flushLog } from './flush.ts'
import { generationSeed } from './group.ts'
import { createGroupDraft } from './group-draft.ts'
import { logFileOf, openLogFiles } from './log-files.ts'
import { createLogState, currentSegment, type LogState, type OpenSegment } from './log-state.ts'
import { createPool, type Pool, type PooledFile } from './pool.ts'
import { type RecoveredLog, recoverLog } from './recover.ts'
import { stageRecord } from './stage.ts'
import { makeTailLast } from './tail.ts'

export type OpenedLog = { readonly state: LogState; readonly recovered: RecoveredLog }

export async function openLog(init: WalInit): Promise<OpenedLog | undefined> {
  const { host, device, options } = init
  const capBytes = capBytesOf(options)
  const commitBytesMax = options?.commitBytesMax ?? 0
  const pooled = await openLogFiles(device)
  let state: LogState | undefined
  let pool: Pool | undefined
  let isOpen = false
  try {
    const repair = options?.repair ?? false
    const recovered = orThrow(recoverLog(pooled.map(logFileOf), { repair }))
    if (recovered === undefined) return undefined
    pool = createPool(
      device,
      pooled.map(({ name }) => name),
    )
    await pool.give(pooled.filter(({ name }) => recovered.spare.includes(name)))
    state = stateOf({ host, pool, capBytes, commitBytesMax, recovered, pooled })
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

function stateOf(init: {
  readonly host: Host
  readonly pool: Pool
  readonly capBytes: number
  readonly commitBytesMax: number
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
    commitBytesMax: init.commitBytesMax,
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
  if (recovered.closedAt === undefined) return makeTailLast(state, recovered)
  // The group that said so was never flushed itself, so the next one takes its number and its place.
  currentSegment(state).endAt = recovered.closedAt
  if (!recovered.isCut) return
  stageRecord(state, { type: 'truncate', position: recovered.position })
  await flushLog(state)
}
