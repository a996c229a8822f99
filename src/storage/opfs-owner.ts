/** Exclusive ownership of a folder in OPFS, freed when its tab or worker ends.
 *  Keeps: the exclusive access handle of the file `owner` is the fence; the Web Locks before it are only the
 *  queue and the sign.  Handle and locks end with their worker; none is ever stolen. */

import type { Host } from '../base/host.ts'
import { inUseFailure } from './failures.ts'
import { type OpfsDirectory, openHandle } from './opfs-handles.ts'
import { OWNER_FILE, type Ownership } from './owned.ts'
import { holdOwnerLocks } from './web-locks.ts'

export type FolderToOwn = {
  readonly name: string
  readonly folder: string
  readonly directory: OpfsDirectory
  /** Closes the fence, which gives the folder back. */
  readonly close: (fence: { close(): void }) => Promise<void>
}

export async function ownFolder(host: Host, target: FolderToOwn): Promise<Ownership> {
  // Absent where a browser has OPFS only; the fence holds without the queue.
  const locks = await holdOwnerLocks(host, target)
  try {
    const fence = await openHandle(host, target.directory, OWNER_FILE)
    if (fence === undefined) throw inUseFailure(target.name, undefined)
    return {
      check() {},
      async release() {
        try {
          await target.close(fence)
        } finally {
          await locks?.release()
        }
      },
    }
  } catch (error) {
    await locks?.release()
    throw error
  }
}
