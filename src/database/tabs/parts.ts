/** Parts: what a platform gives to a tab that shares databases with others. */

import type { Host } from '../../base/host.ts'
import type { TabIdentity } from '../bridge/protocol.ts'
import type { StartedDatabase, WorkerOpening } from '../bridge/start.ts'
import type { TabChannels } from './lobby.ts'

export type PageEvent = 'sleep' | 'wake' | 'hidden' | 'shown'

export type HeldLock = { release(): void }

/** What a platform gives to a tab. */
export type TabParts = TabChannels & {
  readonly host: Host
  /** Waits for this lock; `onRobbed` hears when it is taken away.  Rejects when the signal fires first. */
  takeLock(name: string, onRobbed: () => void, signal: AbortSignal): Promise<HeldLock>
  /** Calls `tell` when the page is about to sleep and when it is awake again; and, in browsers that do not say
   *  so, when it is hidden and to be seen again.  Answers the way to stop. */
  watchPage(tell: (event: PageEvent) => void): () => void
  /** Tabs cannot meet: whoever has the database is no tab that is just ending, as far as this one can know. */
  readonly isAlone: boolean
  /** Opens the database in a worker of this tab. */
  readonly start: (opening: WorkerOpening, tab: TabIdentity) => StartedDatabase
}
