/** Own head: a writer that was opened with relays asks them for the head of its own chain before it writes,
 *  because it may be a backup that was restored: what it wrote at once would stand beside the frames that it
 *  lacks, as a fork.
 *  Keeps: nothing waits longer than ASK_MAX_MS from the opening on, so a copy that is offline writes; calls
 *  keep the order in which they were made.  Never: lets a read wait but behind a write that does. */

import type { Signal } from '../base/globals.ts'
import type { Host } from '../base/host.ts'
import type { Sync } from '../replication/sync.ts'
import type { Shard } from '../shard/shard.ts'
import { aborted } from './open-failures.ts'

/** A relay that can be reached answers within this; one that refuses the connection is not waited for. */
export const ASK_MAX_MS = 2_000

export type OwnHead = {
  /** Undefined when there is nothing to wait for. */
  beforeWrite(signal?: Signal): Promise<void> | undefined
  beforeRead(signal?: Signal): Promise<void> | undefined
}

/** Nothing to ask for. */
export const ASKED: OwnHead = { beforeWrite: () => undefined, beforeRead: () => undefined }

/** To be asked once, when the sync starts; not by a copy whose term began in this session, by the genesis or a
 *  hand-over: nobody can have more of it. */
export function createOwnHead(
  host: Host,
  shard: Pick<Shard, 'role'>,
  sync: Pick<Sync, 'asked'>,
): OwnHead {
  if (shard.role !== 'writer') return ASKED
  let isOver = false
  let isWriteWaiting = false
  const over = new Promise<void>((resolve) => {
    const timer = host.setTimer(ASK_MAX_MS, resolve)
    sync.asked.then(() => {
      timer.cancel()
      resolve()
    })
  }).then(() => {
    isOver = true
  })
  const wait = (signal: Signal | undefined): Promise<void> => {
    if (signal === undefined) return over
    return new Promise((resolve, reject) => {
      const onAbort = (): void => reject(aborted(signal))
      if (signal.aborted) return onAbort()
      signal.addEventListener('abort', onAbort, { once: true })
      over.then(() => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      })
    })
  }
  return {
    beforeWrite(signal) {
      if (isOver) return undefined
      isWriteWaiting = true
      return wait(signal)
    },
    beforeRead: (signal) => (isOver || !isWriteWaiting ? undefined : wait(signal)),
  }
}
