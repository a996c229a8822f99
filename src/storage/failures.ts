/** Failures of devices, worded alike on every platform. */

import { ConstelliteError } from '../base/failure.ts'

/** Who owns a database: `who` from the owner's Host, `sinceMs` from its wall clock. */
export type Owner = { readonly who: string; readonly sinceMs: number }

/** `owner` is undefined when the other one could not be asked. */
export function inUseFailure(name: string, owner: Owner | undefined): ConstelliteError {
  const words =
    owner === undefined
      ? 'another process or tab'
      : `${owner.who} since ${new Date(owner.sinceMs).toISOString()}`
  return new ConstelliteError({
    code: 'ErrInUse',
    message: `The database ${JSON.stringify(name)} is in use by ${words}.`,
    hint: 'Close it there first, or open a follower of it under another name.',
    facts: { name, who: owner?.who ?? 'unknown', since: owner?.sinceMs ?? null },
    retry: 'later',
  })
}

/** `owner` is whoever has it now, where that is known. */
export function ownershipLostFailure(
  name: string,
  reason: string,
  owner?: Owner,
): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrInUse',
    message: `The database ${JSON.stringify(name)} no longer belongs to this process: ${reason}.`,
    hint: 'Nothing more is written from here. Open it again to go on.',
    facts: { name, who: owner?.who ?? 'unknown', since: owner?.sinceMs ?? null },
    retry: 'later',
  })
}

/** Files that were deleted while they were open: what is written to them nobody finds again. */
export function clearedFailure(name: string, cause?: unknown): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrCleared',
    message: `The data of this site was cleared while the database ${JSON.stringify(name)} was open.`,
    hint: 'export() still answers what is here. Close it, remove(name) what may be left of it, and open it again: it begins anew, or follows its relay.',
    facts: { name },
    retry: 'after-repair',
    cause,
  })
}

/** Keys without files: the browser, or somebody, deleted those while the database was closed. */
export function lostFailure(name: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrCleared',
    message: `The files of the database ${JSON.stringify(name)} were deleted while it was closed; only its keys are left.`,
    hint: 'It is not begun anew by itself. remove(name) lets the name go; then open it with sync: follow(address) to have back what a relay holds (takeOver({ key }) makes it the writer again), with `import` from an export, or empty.',
    facts: { name },
    retry: 'after-repair',
  })
}

export function closedFailure(what: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrClosed',
    message: `${what} is closed.`,
    hint: 'Open the database again.',
  })
}

export function quotaFailure(place: string, cause?: unknown): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrQuota',
    message: `No room is left for ${place}.`,
    hint: 'Free some room, of which storage() says what takes it, or move the data with export(); then try again.',
    facts: { place },
    retry: 'after-repair',
    cause,
  })
}

export type StorageFailureInit = {
  /** What was tried, as in "write wal-1". */
  readonly action: string
  readonly hint: string
  /** The platform's own name of the error, such as EIO. */
  readonly platformCode?: string
  readonly cause?: unknown
}

export function storageFailure(init: StorageFailureInit): ConstelliteError {
  const { action, hint, platformCode, cause } = init
  return new ConstelliteError({
    code: 'ErrStorage',
    message: `The storage could not ${action}${platformCode ? ` (${platformCode})` : ''}.`,
    hint,
    facts: { action, platformCode },
    retry: 'after-repair',
    cause,
  })
}
