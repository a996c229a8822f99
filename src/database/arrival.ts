/** Arrival: a copy that has just begun to follow holds nothing, not even tables, so its first reads wait
 *  until it has been in step with a relay once; whatever else they answered would be about an empty file.
 *  Keeps: a copy that holds something answers at once, also offline.
 *  Never: waits without sync, or past a halt or the end of the sync. */

import type { ConstelliteError } from '../base/failure.ts'
import type { Signal } from '../base/globals.ts'
import type { Sync } from '../replication/sync.ts'
import type { Shard } from '../shard/shard.ts'
import { aborted, closed } from './open-failures.ts'

export type Arrival = {
  /** Undefined when there is nothing to wait for. */
  wait(signal?: Signal): Promise<void> | undefined
}

type Waiter = { resolve(): void; reject(failure: ConstelliteError): void }

/** Nothing to wait for. */
export const ARRIVED: Arrival = { wait: () => undefined }

/** To be asked once, when the sync starts. */
export function createArrival(shard: Pick<Shard, 'pages' | 'role'>, sync: Sync): Arrival {
  const { pages, role } = shard
  if (role !== 'follower' || pages.pageCount(pages.version) > 0) return ARRIVED
  const waiters = new Set<Waiter>()
  let isOver = false
  let failure: ConstelliteError | undefined
  const settle = (): void => {
    const { state } = sync.status
    if (state !== 'live' && state !== 'halted' && state !== 'stopped') return
    isOver = true
    if (state !== 'live') failure = sync.status.failure ?? closed()
    unsubscribe()
    for (const waiter of waiters) {
      if (failure === undefined) waiter.resolve()
      else waiter.reject(failure)
    }
    waiters.clear()
  }
  const unsubscribe = sync.onStatus(settle)
  return {
    wait(signal) {
      if (isOver) return failure === undefined ? undefined : Promise.reject(failure)
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(aborted(signal))
        const onAbort = (): void => {
          waiters.delete(waiter)
          reject(aborted(signal))
        }
        const done = (finish: () => void): void => {
          signal?.removeEventListener('abort', onAbort)
          finish()
        }
        const waiter: Waiter = {
          resolve: () => done(resolve),
          reject: (reason) => done(() => reject(reason)),
        }
        waiters.add(waiter)
        signal?.addEventListener('abort', onAbort, { once: true })
      })
    },
  }
}
