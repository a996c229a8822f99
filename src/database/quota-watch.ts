/** Quota watch: whether the storage was full when this database was last written to, for its status.
 *  Keeps: set by a refusal that its caller, or a follower's relay session, met with ErrQuota, also as the cause
 *  of another failure; taken back by the next frame that is durable.  Listeners hear of changes alone. */

import { isFailure } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import type { StorageStatus } from './storage-types.ts'

export type QuotaWatch = {
  readonly full: StorageStatus['full']
  /** Runs `write` and looks at what it throws. */
  during<T>(write: () => T): T
  /** As `during`, of a write that is under way. */
  after<T>(write: Promise<T>): Promise<T>
  /** Looks at the reason of a failure. */
  refused(error: unknown): void
  /** Something became durable. */
  passed(): void
  onChange(listener: () => void): void
}

export function createQuotaWatch(host: Host): QuotaWatch {
  const listeners = new Set<() => void>()
  let full: StorageStatus['full']
  /** A session's failure is shown long after it. */
  let seen: unknown
  const tell = (next: StorageStatus['full']): void => {
    full = next
    for (const listener of listeners) listener()
  }
  const refused = (error: unknown): void => {
    const reason = isFailure(error) && isFailure(error.cause, 'ErrQuota') ? error.cause : error
    // A relay that is full says so with the same word, of its own storage.
    if (!isFailure(reason, 'ErrQuota') || reason.facts['remote'] !== undefined) return
    if (reason === seen) return
    seen = reason
    if (full === undefined) tell({ sinceMs: host.now(), hint: reason.hint })
  }
  return {
    get full() {
      return full
    },
    during: (write) => {
      try {
        return write()
      } catch (error) {
        refused(error)
        throw error
      }
    },
    after: (write) => {
      write.catch(refused)
      return write
    },
    refused,
    passed: () => {
      if (full !== undefined) tell(undefined)
    },
    onChange: (listener) => {
      listeners.add(listener)
    },
  }
}
