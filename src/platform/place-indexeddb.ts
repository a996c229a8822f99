/** Place in IndexedDB: the records of one database, as far as removing them needs.
 *  Keeps: what is in them is gone in one transaction, under the device's ownership, before the IndexedDB database
 *  is deleted: deleting waits for every tab that has it open, also for one that is asleep. */

import { deleteDB, openDB } from 'idb'
import { isFailure } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import type { DatabasePlace } from '../database/remove.ts'
import { attempt } from '../storage/browser-errors.ts'
import { databaseOf } from '../storage/indexeddb-layout.ts'
import { nameToFolder } from '../storage/opfs-name.ts'
import { holdOwnerLocks } from '../storage/web-locks.ts'

const CONTENT = ['files', 'chunks'] as const

/** Of a database that IndexedDB has. */
export function createIndexedDbPlace(host: Host, name: string): DatabasePlace {
  const folder = nameToFolder(name)
  const database = databaseOf(folder)
  return {
    // All files at once.
    list: async () => ['files'],
    removeEntry: () =>
      attempt('remove the files from IndexedDB', async () => {
        const connection = await openDB(database)
        try {
          const writing = connection.transaction(CONTENT, 'readwrite', { durability: 'strict' })
          const cleared = CONTENT.map((store) => writing.objectStore(store).clear())
          await Promise.all([...cleared, writing.done])
        } finally {
          connection.close()
        }
      }),
    remove: () =>
      attempt('remove the database from IndexedDB', async () => {
        const locks = await holdUnlessTaken(host, { name, folder })
        if (locks === 'taken') return
        try {
          if (await isEmpty(database)) await deleteUnlessBlocked(database)
        } finally {
          await locks?.release()
        }
      }),
  }
}

async function holdUnlessTaken(
  ...place: Parameters<typeof holdOwnerLocks>
): Promise<Awaited<ReturnType<typeof holdOwnerLocks>> | 'taken'> {
  try {
    return await holdOwnerLocks(...place)
  } catch (error) {
    // Somebody opened it anew.
    if (isFailure(error, 'ErrInUse')) return 'taken'
    throw error
  }
}

async function isEmpty(database: string): Promise<boolean> {
  const connection = await openDB(database)
  try {
    return (await connection.count('files')) === 0
  } finally {
    connection.close()
  }
}

/** One that is blocked is deleted when the tab that has it open wakes or ends. */
function deleteUnlessBlocked(database: string): Promise<void> {
  return new Promise((resolve, reject) => {
    deleteDB(database, { blocked: () => resolve() }).then(resolve, reject)
  })
}
