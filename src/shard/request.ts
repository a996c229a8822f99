/** Request: the one whose work runs now, and what the log is told of it.
 *  Keeps: its entry lies in the same group as the newest of its frames, so that a crash keeps both or
 *  neither; work that commits more than once says before its second commit that it has begun, because
 *  groups end anywhere between commits.  Work that commits nothing leaves no entry: repeating it is harmless.
 *  Never: looks a request up; the caller asks the table first (requests.ts). */

import { assert } from '../base/assert.ts'
import { equalBytes } from '../bytes/compare.ts'
import { hlcToMs } from '../clock/hlc.ts'
import type { Frame } from '../frame/frame.ts'
import { REQUEST_RECORD_BYTES_MAX } from '../wal/layout.ts'
import type { RequestEntry, RequestOutcome } from '../wal/request-entry.ts'
import { forgottenUpTo } from './requests.ts'
import { halt, type ShardState } from './state.ts'

/** Every commit from here to `endRequest` is of this request.  Nothing is awaited in between. */
export function beginRequest(state: ShardState, id: Uint8Array): void {
  assert(state.request === undefined, 'one request runs at a time')
  state.request = { id: id.slice(), seq: undefined, isBegun: false }
}

/** Without an outcome its work failed: what it had committed before stays. */
export function endRequest(state: ShardState, outcome: RequestOutcome | undefined): void {
  const { request, wal } = state
  assert(request !== undefined, 'a request that ends was begun')
  state.request = undefined
  const { id, seq, isBegun } = request
  // A log that has failed keeps neither its frames nor its entry.
  if (seq === undefined || wal.poisoned !== undefined) return
  if (outcome !== undefined) stageEntry(state, { id, seq, outcome })
  else if (!isBegun) stageEntry(state, { id, seq, outcome: { type: 'begun' } })
}

/** Bytes to be kept beside the frames of a commit, for the entry of the request that they are of. */
export function roomForRequest(state: ShardState): number {
  const { request } = state
  if (request === undefined) return 0
  const { id, seq, isBegun } = request
  if (seq !== undefined && !isBegun) {
    // In the room beside the frames before: those that come may begin a new group.
    stageEntry(state, { id, seq, outcome: { type: 'begun' } })
    request.isBegun = true
  }
  return REQUEST_RECORD_BYTES_MAX
}

/** This copy's own commits that came from elsewhere, because it had lost them: of their requests only the
 *  time is known.  Undefined for frames of others. */
export function lostRequests(
  { signer }: Pick<ShardState, 'signer'>,
  frames: readonly Frame[],
): RequestEntry | undefined {
  let newestMs = -1
  for (const { kind, author, hlc } of frames) {
    if (kind !== 'pages' || !equalBytes(author, signer.publicKey)) continue
    newestMs = Math.max(newestMs, hlcToMs(hlc))
  }
  return newestMs < 0 ? undefined : forgottenUpTo(Math.floor(newestMs / 1000))
}

export function stageEntry(state: ShardState, entry: RequestEntry): void {
  try {
    state.wal.stage({ type: 'requests', requests: [entry] })
  } catch (error) {
    // Its frames are staged: without it they must not become durable.
    throw halt(state, error)
  }
  state.requests.add(entry)
}
