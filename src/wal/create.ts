/** Create: a new log on a device that has none.
 *  Keeps: the start mark, and the frames that it begins with, are flushed before the log is answered, in
 *  one step. */

import { assert } from '../base/assert.ts'
import { ConstelliteError, isFailure, orThrow } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import type { Frame } from '../frame/frame.ts'
import type { Device } from '../storage/device.ts'
import { flushLog } from './flush.ts'
import { createFrameIndex } from './frame-index.ts'
import { createGroupDraft } from './group-draft.ts'
import { logFileOf, openLogFiles } from './log-files.ts'
import { createLogState, currentDraft, type LogState } from './log-state.ts'
import { createPool } from './pool.ts'
import type { StartMark } from './records.ts'
import { recoverLog } from './recover.ts'

export type WalOptions = {
  /** Most bytes that all segments together may take before commits are refused.  Default 64 MiB. */
  readonly capBytes?: number
  /** Most bytes of one commit that may pass the cap, where the log keeps at most half of it otherwise: a
   *  large transaction is folded at once and need not wait for anybody.  Default: none may. */
  readonly commitBytesMax?: number
  /** Open although something flushed cannot be read, and go on from what is before it. */
  readonly repair?: boolean
}

export const CAP_BYTES = 67_108_864
/** 1 GiB: a whole log is read at open. */
export const CAP_BYTES_MAX = 1_073_741_824

/** 512 MiB: the images of the checkpoint that follows a commit have room beside it. */
export const COMMIT_BYTES_MAX = 536_870_912

export type WalInit = {
  readonly host: Host
  /** Acquired already. */
  readonly device: Device
  readonly options?: WalOptions
}

/** What a new log begins with: all of it, or there is no log. */
export type WalStart = {
  readonly mark: StartMark
  /** Behind the mark, in the same flush. */
  readonly frames?: readonly Frame[]
}

export async function createLog(init: WalInit & WalStart): Promise<LogState> {
  const { host, device, mark, frames } = init
  const capBytes = capBytesOf(init.options)
  const left = await openLogFiles(device)
  const repair = init.options?.repair ?? false
  const found = orThrow(recoverLog(left.map(logFileOf), { repair }))
  assert(found === undefined, 'a log is made where there is none')
  const pool = createPool(
    device,
    left.map(({ name }) => name),
  )
  // What a making that was cut short left behind.
  await pool.give(left)
  const pooled = await pool.take()
  const state = createLogState({
    host,
    pool,
    capBytes,
    commitBytesMax: init.options?.commitBytesMax ?? 0,
    owner: 1,
    index: createFrameIndex(),
    segments: [],
    mark,
    redoGroup: 1n,
    oldestFile: 1n,
    drafts: [createGroupDraft(1n)],
    newestSeq: mark.position.seq,
    flushedGroup: 0n,
    holders: mark.holders,
  })
  state.rollover = { mark, pooled, uncoveredGroup: 1n, isReset: true }
  if (frames !== undefined) currentDraft(state).records.push({ type: 'frames', frames })
  try {
    await flushLog(state)
  } catch (error) {
    pooled.file.close()
    pool.closeSpares()
    // There is no log yet that could be poisoned.
    throw isFailure(error, 'ErrPoisoned') ? error.cause : error
  }
  return state
}

export function capBytesOf(options: WalOptions = {}): number {
  const { capBytes = CAP_BYTES } = options
  if (Number.isSafeInteger(capBytes) && capBytes > 0 && capBytes <= CAP_BYTES_MAX) return capBytes
  throw new ConstelliteError({
    code: 'ErrOption',
    message: `The cap of the log cannot be ${capBytes} bytes.`,
    hint: `It is a whole number up to ${CAP_BYTES_MAX}.`,
    facts: { capBytes },
  })
}
