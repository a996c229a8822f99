/** Layout of a database in IndexedDB, version 1: an IndexedDB database of its own with three stores.
 *
 *  | store    | key                 | value                                                            |
 *  |----------|---------------------|------------------------------------------------------------------|
 *  | `owner`  | 0                   | { number, who, since }: of the newest opening                      |
 *  | `files`  | name                | { id, sizeBytes, chunkBytes }                                      |
 *  | `chunks` | `id * 2^32 + index` | the bytes from `index * chunkBytes` on, without the zeros at their end |
 *
 *  A missing chunk is zeros.  Keeps: records are checked against named limits before memory is taken. */

import type { DBSchema } from 'idb'
import { storageFailure } from './failures.ts'
import type { ImageChanges, StoredImage } from './indexeddb-image.ts'

export const VERSION = 1
export const STORES = ['owner', 'files', 'chunks'] as const
export const OWNER_KEY = 0

/** Four pages of a new database. */
export const CHUNK_BYTES = 32_768
export const CHUNKS_MAX: number = 2 ** 32
export const FILE_ID_MAX: number = 2 ** 20
/** Of files that another version wrote. */
const CHUNK_BYTES_MAX = 1 << 20

export type OwnerRecord = { readonly number: number; readonly who: string; readonly since: number }

export type FileRecord = {
  readonly id: number
  readonly sizeBytes: number
  readonly chunkBytes: number
}

export interface Records extends DBSchema {
  readonly owner: { key: number; value: OwnerRecord }
  readonly files: { key: string; value: FileRecord }
  readonly chunks: { key: number; value: Uint8Array }
}

export type OpenedFile = { readonly file: FileRecord; readonly image: StoredImage }

export type FileChanges = {
  readonly name: string
  readonly file: FileRecord
  readonly changes: ImageChanges
}

/** `folder` as in nameToFolder: one for each name. */
export function databaseOf(folder: string): string {
  return `constellite/${folder}`
}

/** Keys of the chunks of a file, from this index on. */
export function chunksOf({ id }: FileRecord, from: number): IDBKeyRange {
  return IDBKeyRange.bound(id * CHUNKS_MAX + from, (id + 1) * CHUNKS_MAX, false, true)
}

/** A copy without the zeros at the end: the browser would copy the whole buffer of a view.  Undefined when
 *  there is nothing else. */
export function withoutZeros(chunk: Uint8Array | undefined): Uint8Array | undefined {
  let end = chunk?.length ?? 0
  while (end > 0 && chunk?.[end - 1] === 0) end -= 1
  return end === 0 ? undefined : chunk?.slice(0, end)
}

export function checkFile({ id, sizeBytes, chunkBytes }: FileRecord): void {
  const isSound =
    isBetween(id, 1, FILE_ID_MAX - 1) &&
    isBetween(chunkBytes, 1, CHUNK_BYTES_MAX) &&
    isBetween(sizeBytes, 0, chunkBytes * CHUNKS_MAX)
  if (!isSound) throw unreadable('files')
}

function isBetween(value: unknown, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max
}

export function unreadable(store: string): Error {
  return storageFailure({
    action: `understand a record of the store "${store}"`,
    hint: 'Something else wrote in this IndexedDB database, or a newer version of the package did.',
  })
}
