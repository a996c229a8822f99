/** IndexedDB as the storage of a browser's database.
 *  `worker.js` is built without this file: a page that needs it starts `worker-plain.js`, which has everything. */

import type { Host } from '../base/host.ts'
import type { DatabasePlace } from '../database/remove.ts'
import { hasIndexedDbKeys } from '../identity/key-store-indexeddb.ts'
import type { Device } from '../storage/device.ts'
import { createIndexedDbDevice } from '../storage/indexeddb.ts'
import { type OpfsLack, outOfReach } from './opfs-lack.ts'
import { createIndexedDbPlace } from './place-indexeddb.ts'

export type BrowserStorage = { readonly place: DatabasePlace; device(): Device }

export type WantedIndexedDb = OpfsLack & {
  readonly name: string
  /** Whether IndexedDB has the database. */
  readonly isFound: boolean
}

export async function createIndexedDbStorage(
  host: Host,
  { name, isFound, reason, isKept, canList }: WantedIndexedDb,
): Promise<BrowserStorage> {
  // Keys are in IndexedDB wherever the files are.
  if (!isFound && !canList && (await hasIndexedDbKeys(name))) throw outOfReach(name, reason)
  return {
    place: createIndexedDbPlace(host, name),
    device: () => createIndexedDbDevice({ host, name, reason, isKept }),
  }
}
