/** OPFS handles: the part of the File System standard that the device uses, opened with patience.
 *  Keeps: declarations name no type of the standard, as a consumer's TypeScript may not know them. */

import type { Host } from '../base/host.ts'
import { isConflict } from './browser-errors.ts'
import { storageFailure } from './failures.ts'
import { withPatience } from './patience.ts'

export type SyncHandle = {
  getSize(): number
  read(into: Uint8Array, options: { readonly at: number }): number
  write(bytes: Uint8Array, options: { readonly at: number }): number
  truncate(sizeBytes: number): void
  flush(): void
  close(): void
}

export type OpfsFile = {
  readonly kind: string
  /** What was written through an open handle may not be in it. */
  getFile(): Promise<{ readonly size: number }>
  /** Missing outside dedicated workers. */
  createSyncAccessHandle?(): Promise<SyncHandle>
}

export type OpfsDirectory = {
  getFileHandle(name: string, options: { readonly create: boolean }): Promise<OpfsFile>
  getDirectoryHandle(name: string, options: { readonly create: boolean }): Promise<OpfsDirectory>
  removeEntry(name: string, options?: { readonly recursive: boolean }): Promise<void>
  entries(): AsyncIterable<[string, { readonly kind: string }]>
}

/** The exclusive handle of a file, made when missing; undefined when another keeps it. */
export async function openHandle(
  host: Host,
  directory: OpfsDirectory,
  name: string,
): Promise<SyncHandle | undefined> {
  const file = await directory.getFileHandle(name, { create: true })
  if (file.createSyncAccessHandle === undefined) {
    throw storageFailure({
      action: 'open files synchronously here',
      hint: 'Open the database in a dedicated worker of a browser from 2023 or later.',
    })
  }
  return withPatience(host, async () => {
    try {
      return await file.createSyncAccessHandle?.()
    } catch (error) {
      if (isConflict(error)) return undefined
      throw error
    }
  })
}

/** The folder of a database, made when missing. */
export async function openFolder(folder: string): Promise<OpfsDirectory> {
  return (await openAllFolders()).getDirectoryHandle(folder, { create: true })
}

/** The folder that has one for each database. */
export async function openAllFolders(): Promise<OpfsDirectory> {
  const storage: StorageManager | undefined = navigator.storage
  if (typeof storage?.getDirectory !== 'function') {
    throw storageFailure({
      action: 'find the private file system of this origin',
      hint: 'Serve the page over https or from localhost, to a browser from 2023 or later.',
    })
  }
  const root: OpfsDirectory = await storage.getDirectory()
  return root.getDirectoryHandle('constellite', { create: true })
}
