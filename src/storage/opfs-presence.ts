/** Presence: whether the files of a database are still where they were opened.  When a site's data is cleared,
 *  handles of deleted files go on taking writes (Chromium), and nothing else tells.
 *  Keeps: no sync succeeds more than `LOOK_EVERY_MS` after a file was last seen in its folder; after one was
 *  missed nothing succeeds; a handle is closed only where its file has an entry, since without one Chromium's
 *  `close()` never returns and the name stays in use until the browser ends. */

import type { ConstelliteError } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import { attempt, isMissing } from './browser-errors.ts'
import { clearedFailure } from './failures.ts'
import { type OpfsDirectory, openAllFolders, openFolder } from './opfs-handles.ts'
import { OWNER_FILE } from './owned.ts'

/** A look costs 0.3 ms (measured in Chromium): under load a sync in some hundreds waits for it. */
const LOOK_EVERY_MS = 1000

type Closable = { close(): void }

export type Presence = {
  /** Throws when a file was missed. */
  check(): void
  isDue(): boolean
  /** Rejects with ErrCleared when this file is not there any more. */
  look(file: string): Promise<void>
  /** Closes a handle soon. */
  closeLater(file: string, handle: Closable): void
  /** Resolves when everything that is to be closed is closed. */
  closed(): Promise<void>
  /** The end of ownership: closes the rest and the fence; what was put back to close it goes again. */
  close(fence: Closable): Promise<void>
}

export type PresenceParts = {
  readonly host: Host
  readonly name: string
  readonly folder: string
  directory(): OpfsDirectory
}

export function createPresence({ host, name, folder, directory }: PresenceParts): Presence {
  let seenAtMs = host.monotonicNow()
  let cleared: ConstelliteError | undefined
  const closing: Promise<void>[] = []
  const look = async (file: string): Promise<void> => {
    const askedAtMs = host.monotonicNow()
    try {
      await directory().getFileHandle(file, { create: false })
      seenAtMs = askedAtMs
    } catch (error) {
      if (!isMissing(error)) throw error
      cleared ??= clearedFailure(name, error)
      throw cleared
    }
  }
  const close = async (file: string, handle: Closable): Promise<void> => {
    await look(file).catch(() => undefined)
    if (cleared !== undefined) {
      await (await openFolder(folder)).getFileHandle(file, { create: true })
    }
    handle.close()
  }
  const closed = async (): Promise<void> => {
    await Promise.all(closing.splice(0))
  }
  return {
    check() {
      if (cleared !== undefined) throw cleared
    },
    isDue: () => host.monotonicNow() - seenAtMs >= LOOK_EVERY_MS,
    look: (file) => attempt(`find ${file} again`, () => look(file)),
    closeLater: (file, handle) => {
      const done = attempt(`close ${file}`, () => close(file, handle))
      // Told by whoever waits for it.
      done.catch(() => undefined)
      closing.push(done)
    },
    closed,
    close: async (fence) => {
      try {
        await closed()
      } finally {
        await close(OWNER_FILE, fence)
        if (cleared !== undefined) {
          await (await openAllFolders()).removeEntry(folder, { recursive: true })
        }
      }
    },
  }
}
