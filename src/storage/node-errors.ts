/** Node's file system errors as failures: what each means and what the user can do about it. */

import { type ConstelliteError, isFailure } from '../base/failure.ts'
import { quotaFailure, storageFailure } from './failures.ts'

const HINTS: { readonly [code: string]: string } = {
  EACCES: 'Check who owns the folder and that this user may write there.',
  EPERM: 'Check who owns the folder and that this user may write there.',
  EROFS: 'The file system is mounted read-only; open the database on a writable one.',
  ENOENT: 'The database folder was removed or moved while it was open.',
  ENOTDIR: 'A part of the path is a file; choose another name for the database.',
  EEXIST: 'A file stands where the database folder should be; choose another name.',
  EISDIR: 'A folder stands where a file of the database should be.',
  ENAMETOOLONG: 'Choose a shorter name for the database.',
  EMFILE: 'This process has too many open files; raise its limit or close some.',
  ENFILE: 'The system has too many open files.',
  EFBIG: 'The file system does not allow files this large.',
  EIO: 'The disk reported an error; check its health before trusting what it holds.',
  ENXIO: 'The disk is gone; check that it is connected.',
  ESTALE: 'The network file system lost the file; open the database again.',
}

export function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return ''
  return String(error.code)
}

/** `error`, thrown while trying to `action` (as in "write wal-1"), as a failure. */
export function nodeFailure(action: string, error: unknown): ConstelliteError {
  if (isFailure(error)) return error
  const platformCode = codeOf(error)
  if (platformCode === 'ENOSPC' || platformCode === 'EDQUOT') {
    return quotaFailure(action, error)
  }
  return storageFailure({
    action,
    hint: HINTS[platformCode] ?? 'The cause has the words of the operating system.',
    platformCode,
    cause: error,
  })
}
