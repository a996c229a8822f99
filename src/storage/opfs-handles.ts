/** OPFS handles: the part of the File System standard that the device uses, opened with patience, and
 *  its errors as failures.
 *  Keeps: declarations name no type of the standard, as a consumer's TypeScript may not know them. */

import { type ConstelliteError, isFailure } from '../base/failure.ts'
import { delay, type Host } from '../base/host.ts'
import { quotaFailure, storageFailure } from './failures.ts'

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
  /** Missing outside dedicated workers. */
  createSyncAccessHandle?(): Promise<SyncHandle>
}

export type OpfsDirectory = {
  getFileHandle(name: string, options: { readonly create: boolean }): Promise<OpfsFile>
  getDirectoryHandle(name: string, options: { readonly create: boolean }): Promise<OpfsDirectory>
  removeEntry(name: string, options?: { readonly recursive: boolean }): Promise<void>
  entries(): AsyncIterable<[string, { readonly kind: string }]>
}

/** A terminated worker frees its handles and locks 20 to 40 ms later (measured in Chromium). */
export const CONFLICT_PATIENCE_MS = 200
const CONFLICT_RETRY_MS = 10

/** Calls `attempt` until it answers something, or patience ends. */
export async function withPatience<T>(
  host: Host,
  attempt: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const deadlineMs = host.monotonicNow() + CONFLICT_PATIENCE_MS
  for (;;) {
    const answer = await attempt()
    if (answer !== undefined || host.monotonicNow() >= deadlineMs) return answer
    await delay(host, CONFLICT_RETRY_MS)
  }
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

/** WebKit says InvalidStateError where the standard says NoModificationAllowedError. */
export function isConflict(error: unknown): boolean {
  return /^(NoModificationAllowedError|InvalidStateError)$/.test(nameOf(error))
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

/** The standard's word, and Firefox's when a file is made longer (its own kind of exception). */
const FULL = /^(QuotaExceededError|NS_ERROR_FILE_NO_DEVICE_SPACE)$/

const HINTS: { readonly [name: string]: string } = {
  SecurityError:
    'The browser refuses storage here: private mode, blocked cookies or a foreign frame.',
  NotAllowedError:
    'The browser refuses storage here: private mode, blocked cookies or a foreign frame.',
  NotFoundError: 'The data of this site was cleared; open the database again.',
  InvalidStateError: 'The file was closed under us, as when site data is cleared; open it again.',
}

/** `error`, thrown while trying to `action` (as in "write wal-1"), as a failure. */
export function opfsFailure(action: string, error: unknown): ConstelliteError {
  if (isFailure(error)) return error
  const name = nameOf(error)
  if (FULL.test(name)) return quotaFailure(action, error)
  return storageFailure({
    action,
    hint: HINTS[name] ?? 'The cause has the words of the browser.',
    platformCode: name,
    cause: error,
  })
}

export function isMissing(error: unknown): boolean {
  return nameOf(error) === 'NotFoundError'
}

function nameOf(error: unknown): string {
  // Not `instanceof`: what Firefox throws in a worker may be neither Error nor DOMException.
  return `${Object(error).name ?? ''}`
}
