/** Until: how far what was written up to now has got.
 *  Keeps: a stage that nothing here can reach is refused at once, never waited for. */

import { failureOf } from '../base/failure.ts'
import type { Sync } from '../replication/sync.ts'
import type { Shard } from '../shard/shard.ts'
import type { CoreUntil } from './core.ts'
import { aborted, notConfigured, tooManyHolders } from './open-failures.ts'
import type { Stage } from './types.ts'

export type UntilParts = {
  readonly shard: Pick<Shard, 'durable' | 'role'>
  /** Each signs receipts with one key. */
  readonly relayCount: number
  sync(): Sync | undefined
  /** Resolves when everything called before is done and durable. */
  flushed(): Promise<void>
}

export function createUntil(
  parts: UntilParts,
): (stage: Stage, options: CoreUntil) => Promise<void> {
  return async (stage, { holders, signal }) => {
    const sync = parts.sync()
    if (signal?.aborted) throw aborted(signal)
    if (stage === 'archived') {
      throw notConfigured(stage, 'This database has no archive; archives are not built yet.')
    }
    if (stage === 'shared' && sync === undefined) {
      throw notConfigured(stage, 'Open it with sync: publish({ via: [websocket(url)] }).')
    }
    if (stage === 'shared' && parts.shard.role === 'follower') {
      throw notConfigured(stage, 'Receipts go to the writer: ask there.')
    }
    if (stage === 'shared' && holders > parts.relayCount) {
      throw tooManyHolders(holders, parts.relayCount)
    }
    // With the `local` driver durable is final: no step of a protocol can undo it.
    await parts.flushed()
    const position = parts.shard.durable
    if (stage !== 'shared' || sync === undefined) return
    try {
      await sync.untilShared(position, holders, signal)
    } catch (error) {
      throw signal?.aborted ? aborted(signal) : failureOf(error)
    }
  }
}
