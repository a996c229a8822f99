/** Remove: deletes a closed database with the keys of its copy.
 *  Keeps: the device is owned meanwhile, so that no open database loses a file.  Keys go last: a crash on
 *  the way never leaves frames whose author nobody can be any more, only something to remove again.
 *  Never: touches the copies that others have. */

import type { DatabaseWorker } from '../base/globals.ts'
import type { KeyStore } from '../identity/key-store.ts'
import type { Device } from '../storage/device.ts'

export type RemoveOptions = {
  /** In browsers: makes the worker, for whoever bundles otherwise. */
  readonly worker?: () => DatabaseWorker
  /** In browsers: where kernel.wasm is served, when it is not beside the worker. */
  readonly kernelUrl?: string
}

/** Deletes the database of this name here.  Resolves with false when there is none; rejects with ErrInUse
 *  when it is open anywhere, here too. */
export type Remove = (name: string, options?: RemoveOptions) => Promise<boolean>

/** Where one database is kept. */
export type DatabasePlace = {
  /** What is in it but keys and what says who owns it; undefined when there is no such place. */
  list(): Promise<readonly string[] | undefined>
  removeEntry(entry: string): Promise<void>
  /** Removes the place itself, unless somebody has opened it anew. */
  remove(): Promise<void>
}

export type RemoveParts = {
  readonly place: DatabasePlace
  readonly device: Device
  readonly keyStore: KeyStore
}

export async function removeDatabase({ place, device, keyStore }: RemoveParts): Promise<boolean> {
  // Owning would make the place.
  if ((await place.list()) === undefined) return false
  await device.acquire()
  try {
    for (const entry of (await place.list()) ?? []) await place.removeEntry(entry)
    try {
      await keyStore.remove()
    } finally {
      await keyStore.close()
    }
  } finally {
    await device.close()
  }
  await place.remove()
  return true
}
