/** Room in the log: a writer that is faster than its relay waits for it, instead of running into ErrWalFull.
 *  Above the high mark, with a relay connected, new writes wait until the relay has acknowledged enough or
 *  got a snapshot; a relay that is not there is not waited for, and the cap then decides.
 *  Keeps: nothing waits longer than WAIT_MAX_MS; writes inside an open transaction never wait, or it would
 *  hold up everybody. */

import type { Signal } from '../base/globals.ts'
import type { Host } from '../base/host.ts'
import type { Sync } from '../replication/sync.ts'
import type { Shard } from '../shard/shard.ts'
import { aborted } from './open-failures.ts'

/** Share of the cap from which on writes wait. */
export const LOG_HIGH_MARK = 0.75
export const WAIT_MAX_MS = 30_000
/** The log tells nobody when it shrinks; this is soon enough. */
const LOOK_EVERY_MS = 10

export type LogRoom = {
  /** Undefined when there is room, or nobody to wait for. */
  wait(signal?: Signal): Promise<void> | undefined
}

export function createLogRoom(
  host: Host,
  shard: Pick<Shard, 'logUse' | 'halted' | 'role'>,
  sync: () => Sync | undefined,
): LogRoom {
  const isTight = (): boolean => {
    if (shard.role !== 'writer' || shard.halted !== undefined) return false
    const { sizeBytes, capBytes } = shard.logUse
    return sizeBytes > capBytes * LOG_HIGH_MARK && (sync()?.status.peers ?? 0) > 0
  }
  const look = async (signal: Signal | undefined): Promise<void> => {
    const sinceMs = host.monotonicNow()
    while (isTight() && host.monotonicNow() - sinceMs < WAIT_MAX_MS) {
      if (signal?.aborted) throw aborted(signal)
      await new Promise<void>((resolve) => host.setTimer(LOOK_EVERY_MS, resolve))
    }
  }
  return { wait: (signal) => (isTight() ? look(signal) : undefined) }
}
