/** Queue: the lock that makes a tab the owner, and the wait for it. */

import { failureOf } from '../../base/failure.ts'
import { queueLock } from './lobby.ts'
import type { OwnershipEvent } from './ownership.ts'
import type { TabParts } from './parts.ts'

/** Tells when the lock is there, or taken away, or not to be had; answers the way to give it back, or to stop
 *  waiting for it. */
export function joinQueue(
  parts: Pick<TabParts, 'takeLock'>,
  name: string,
  tell: (event: OwnershipEvent) => void,
): () => void {
  const leaving = new AbortController()
  const { signal } = leaving
  const tellUnlessLeft = (event: OwnershipEvent): void => {
    if (!signal.aborted) tell(event)
  }
  parts
    .takeLock(queueLock(name), () => tellUnlessLeft({ type: 'robbed' }), signal)
    .then(
      (lock) => {
        signal.addEventListener('abort', lock.release, { once: true })
        if (signal.aborted) lock.release()
        tellUnlessLeft({ type: 'granted' })
      },
      (error) => tellUnlessLeft({ type: 'refused', failure: failureOf(error) }),
    )
  return () => leaving.abort()
}
