/** Replicator: the boundary that decides which frames are final.
 *  Keeps: subscribers see local and remote frames alike, in chain order, each once. */

import type { Position } from '../base/ids.ts'
import type { SealedRun } from '../frame/run.ts'

/** `timeout` means unknown, never rejected. */
export type Decision =
  | { readonly type: 'accept'; readonly position: Position }
  | { readonly type: 'reject'; readonly reason: string }
  | { readonly type: 'timeout' }

export type Replicator = {
  propose(run: SealedRun): Promise<Decision>
  subscribe(handler: (run: SealedRun) => void): () => void
  stats(): { readonly proposed: number; readonly accepted: number; readonly rejected: number }
  close(): Promise<void>
}
