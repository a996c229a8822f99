/** Seal feed: new sealed runs, proposed to the replicator in order; whoever waits to send them is woken by
 *  its decision.  Keeps: no session sends what the replicator has not decided. */

import { toSeq } from '../base/ids.ts'
import type { Shard } from '../shard/shard.ts'
import { createLocalReplicator } from './local.ts'
import { RUN_PAYLOAD_BYTES_MAX } from './publish-state.ts'

export type SealFeed = {
  /** Resolves when there may be a new sealed run. */
  next(): Promise<void>
  stop(): void
}

export function createSealFeed(shard: Shard): SealFeed {
  const replicator = createLocalReplicator()
  let wake: (() => void)[] = []
  let proposed = shard.newestSeal?.seq ?? 0n
  const propose = async (): Promise<void> => {
    for (;;) {
      const run = shard.readRun(toSeq(proposed + 1n), RUN_PAYLOAD_BYTES_MAX)
      if (run === undefined) break
      proposed = run.seal.seq
      await replicator.propose(run)
    }
    // A seal that the log cannot serve (an import) still is news: a snapshot is due.
    wakeAll()
  }
  const wakeAll = (): void => {
    const waiting = wake
    wake = []
    for (const resolve of waiting) resolve()
  }
  const unsubscribe = [
    replicator.subscribe(wakeAll),
    shard.onSeal(() => {
      // Only a closed replicator rejects, and then nobody waits any more.
      propose().catch(() => undefined)
    }),
  ]
  return {
    next: () => new Promise((resolve) => wake.push(resolve)),
    stop() {
      for (const stop of unsubscribe) stop()
      // Closing the local driver only drops its subscribers.
      replicator.close().catch(() => undefined)
      wakeAll()
    },
  }
}
