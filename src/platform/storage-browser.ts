/** Which storage a database of a browser has: OPFS where files open synchronously, IndexedDB where not.
 *  Keeps: the rule.  A name that has files in OPFS is there; else one that IndexedDB has is there; only a name
 *  that neither has is made anew, in OPFS where it works, and only where it has no keys: those are left when files
 *  were deleted.  Why it is IndexedDB stands in `status.storage.reason`.
 *  Never: memory; never one kind for a name that the other kind has. */

import type { Host } from '../base/host.ts'
import { hasIndexedDbKeys, KEYS_DATABASE } from '../identity/key-store-indexeddb.ts'
import { attempt } from '../storage/browser-errors.ts'
import { lostFailure } from '../storage/failures.ts'
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
  const lack = await findLack()
  if (lack?.canList !== false && ((await opfs.place.list()) ?? []).length > 0) {
    if (lack !== undefined) throw outOfReach(name, lack.reason)
    return opfs
  }
  const isFound = await hasRecords(host, name)
  if (isFound) return createIndexedDbStorage(host, { name, isFound, ...(lack ?? MADE_BEFORE) })
  if (await isLost(host, name, lack)) throw lostFailure(name)
  return newStorage(host, name, lack)
}

async function newStorage(
  host: Host,
  name: string,
  found: OpfsLack | undefined,
): Promise<BrowserStorage> {
  const lack = found ?? (await tryHandle(host))
  if (lack === undefined) return opfsStorage(host, name)
  return createIndexedDbStorage(host, { name, isFound: false, ...lack })
}

/** Every storage that has something under this name; where only its keys are left, the one that it would have. */
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
  if (found.length === 0 && (await isLost(host, name, lack))) {
    const { place, device } = await newStorage(host, name, lack)
    found.push({ place: { ...place, list: async () => (await place.list()) ?? [] }, device })
  }
  return found
}

/** Whether files of this name were deleted: its keys are made after them and go before them.  Looks again at
 *  last, because another tab may be making it. */
async function isLost(host: Host, name: string, lack: OpfsLack | undefined): Promise<boolean> {
  if (lack?.canList === false) return false
  const { place } = opfsStorage(host, name)
  const isNowhere = async (): Promise<boolean> =>
    (await place.list()) === undefined && !(await hasRecords(host, name))
  return (await isNowhere()) && (await hasKeys(host, name)) && (await isNowhere())
}

function opfsStorage(host: Host, name: string): BrowserStorage {
  return { place: createOpfsPlace(name), device: () => createOpfsDevice(host, name) }
}

/** A deletion that waits for a tab which is asleep keeps an opening waiting, without an event. */
const ANSWER_MS = 10_000

function hasRecords(host: Host, name: string): Promise<boolean> {
  return hasDatabase(host, databaseOf(nameToFolder(name)))
}

/** Whether this copy has keys. */
async function hasKeys(host: Host, name: string): Promise<boolean> {
  return (await hasDatabase(host, KEYS_DATABASE)) && hasIndexedDbKeys(name)
}

/** Whether IndexedDB has a database of its own under this name; makes nothing. */
function hasDatabase(host: Host, database: string): Promise<boolean> {
  return attempt(
    `look for the database ${JSON.stringify(database)} in IndexedDB`,
    () =>
      new Promise<boolean>((resolve, reject) => {
        const late = new DOMException('no answer', 'TimeoutError')
        const timer = host.setTimer(ANSWER_MS, () => reject(late))
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
