/** Errors of a browser's storages (OPFS, IndexedDB) as failures, by the names that the standards give them.
 *  Keeps: the browser's own words stay as the cause. */

import { type ConstelliteError, isFailure } from '../base/failure.ts'
import { quotaFailure, storageFailure } from './failures.ts'

/** The standard's word, and Firefox's when a file is made longer (its own kind of exception). */
const FULL = /^(QuotaExceededError|NS_ERROR_FILE_NO_DEVICE_SPACE)$/

const REFUSED =
  'The browser refuses storage here: cookies and site data are blocked, it is a private window, a frame of another site, or a sandboxed frame without allow-same-origin.'
const CLEARED =
  'The data of this site was cleared, or its storage was closed under us: export() still answers what was read; open the database again to begin anew, or to follow its relay.'

const HINTS: { readonly [name: string]: string } = {
  SecurityError: REFUSED,
  NotAllowedError: REFUSED,
  NotFoundError: CLEARED,
  InvalidStateError: CLEARED,
  AbortError:
    'The browser took the write back and says nothing more, as WebKit does on a full disk: free some space, then open the database again.',
}

/** `error`, thrown while trying to `action` (as in "write wal-1"), as a failure. */
export function browserFailure(action: string, error: unknown): ConstelliteError {
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

/** The result of `task`; what it throws as a failure of `action`. */
export async function attempt<T>(action: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (error) {
    throw browserFailure(action, error)
  }
}

export function isMissing(error: unknown): boolean {
  return nameOf(error) === 'NotFoundError'
}

/** WebKit says InvalidStateError where the standard says NoModificationAllowedError. */
export function isConflict(error: unknown): boolean {
  return /^(NoModificationAllowedError|InvalidStateError)$/.test(nameOf(error))
}

export function nameOf(error: unknown): string {
  // Not `instanceof`: what Firefox throws in a worker may be neither Error nor DOMException.
  return `${Object(error).name ?? ''}`
}
