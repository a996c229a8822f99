/** Which storage a database of a browser has: OPFS where files open synchronously, IndexedDB where not.
 *  Keeps: the rule.  A name that has files in OPFS is there; else one that IndexedDB has is there; only a name
 *  that neither has is made anew, in OPFS where it works.  Where OPFS cannot even be looked into, a name whose
 *  keys exist is not made anew.  Why it is IndexedDB stands in `status.storage.reason`.
 *  Never: memory; never one kind for a name that the other kind has. */

import type { Host } from '../base/host.ts'
import { attempt } from '../storage/browser-errors.ts'
import { databaseOf } from '../storage/indexeddb-layout.ts'
import { createOpfsDevice } from '../storage/opfs.ts'
import { nameToFolder } from '../storage/opfs-name.ts'
import { findLack, type OpfsLack, outOfReach, tryHandle } from './opfs-lack.ts'
import { createOpfsPlace } from './place-opfs.ts'
import { type BrowserStorage, createIndexedDbStorage } from './storage-indexeddb.ts'

/** For a database that was made when this browser, or this site, had no OPFS. */
const MADE_BEFORE: OpfsLack = {
  reason: 'made in IndexedDB, when files could not be opened synchronously here',
  isKept: true,
  canList: true,
}

/** Where this database is, or is to be made. */
export async function pickStorage(host: Host, name: string): Promise<BrowserStorage> {
  const opfs = opfsStorage(host, name)
  let lack = await findLack()
  if (lack?.canList !== false && ((await opfs.place.list()) ?? []).length > 0) {
    if (lack !== undefined) throw outOfReach(name, lack.reason)
    return opfs
  }
  const isFound = await hasRecords(host, name)
  if (isFound) return createIndexedDbStorage(host, { name, isFound, ...(lack ?? MADE_BEFORE) })
  lack ??= await tryHandle(host)
  return lack === undefined ? opfs : createIndexedDbStorage(host, { name, isFound, ...lack })
}

/** Every storage that has something under this name. */
export async function findStorages(host: Host, name: string): Promise<readonly BrowserStorage[]> {
  const lack = await findLack()
  const found: BrowserStorage[] = []
  if (await hasRecords(host, name)) {
    found.push(
      await createIndexedDbStorage(host, { name, isFound: true, ...(lack ?? MADE_BEFORE) }),
    )
  }
  const opfs = opfsStorage(host, name)
  if (lack?.canList !== false && (await opfs.place.list()) !== undefined) found.push(opfs)
  return found
}

function opfsStorage(host: Host, name: string): BrowserStorage {
  return { place: createOpfsPlace(name), device: () => createOpfsDevice(host, name) }
}

/** A deletion that waits for a tab which is asleep keeps an opening waiting, without an event. */
const ANSWER_MS = 10_000

/** Whether IndexedDB has this database; makes nothing. */
function hasRecords(host: Host, name: string): Promise<boolean> {
  return attempt(
    `look for the database ${JSON.stringify(name)} in IndexedDB`,
    () =>
      new Promise<boolean>((resolve, reject) => {
        const late = new DOMException('no answer', 'TimeoutError')
        const timer = host.setTimer(ANSWER_MS, () => reject(late))
        const database = databaseOf(nameToFolder(name))
        const request = indexedDB.open(database)
        let isFound = true
        request.onupgradeneeded = () => {
          isFound = false
          request.transaction?.abort()
        }
        request.onsuccess = () => {
          timer.cancel()
          request.result.close()
          resolve(isFound)
        }
        request.onerror = () => {
          timer.cancel()
          if (!isFound) resolve(false)
          else if (request.error?.name !== 'QuotaExceededError') reject(request.error)
          // Firefox refuses on a full site before it says whether the database is there.
          else
            indexedDB
              .databases()
              .then((all) => resolve(all.some((it) => it.name === database)), reject)
        }
      }),
  )
}
