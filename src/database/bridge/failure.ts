/** Failures across a port: structured clone drops `code`, `hint` and the rest of an Error's own fields,
 *  so a failure travels as plain data and is made anew on the other side.
 *  Keeps: code, message, hint, facts, retry, sqlite, stack, and the chain of causes up to a depth. */

import { ConstelliteError, type FailureInit, failureOf, isFailure } from '../../base/failure.ts'
import type { Status } from '../types.ts'

type PlainCause =
  | { readonly type: 'failure'; readonly failure: PlainFailure }
  | {
      readonly type: 'error'
      readonly name: string
      readonly message: string
      readonly stack: string
    }
  | { readonly type: 'text'; readonly text: string }

export type PlainFailure = Omit<FailureInit, 'cause'> & {
  readonly stack: string
  readonly cause: PlainCause | undefined
}

/** Causes below this are left out. */
const DEPTH_MAX = 8

export function flattenFailure(error: unknown, depth = 0): PlainFailure {
  const { code, message, hint, facts, retry, sqlite, stack, cause } = failureOf(error)
  const plainCause =
    cause === undefined || depth >= DEPTH_MAX ? undefined : flattenCause(cause, depth)
  return {
    code,
    message,
    hint,
    facts,
    retry,
    stack: stack ?? '',
    cause: plainCause,
    ...(sqlite === undefined ? {} : { sqlite }),
  }
}

function flattenCause(cause: unknown, depth: number): PlainCause {
  if (isFailure(cause)) return { type: 'failure', failure: flattenFailure(cause, depth + 1) }
  if (cause instanceof Error) {
    const { name, message, stack } = cause
    return { type: 'error', name, message, stack: stack ?? '' }
  }
  return { type: 'text', text: String(cause) }
}

export function reviveFailure(plain: PlainFailure): ConstelliteError {
  const { stack, cause, ...init } = plain
  const failure = new ConstelliteError({
    ...init,
    ...(cause === undefined ? {} : { cause: reviveCause(cause) }),
  })
  // Where it happened says more than where the message arrived.
  if (stack !== '') failure.stack = stack
  return failure
}

function reviveCause(cause: PlainCause): unknown {
  if (cause.type === 'failure') return reviveFailure(cause.failure)
  if (cause.type === 'text') return cause.text
  const error = new Error(cause.message)
  error.name = cause.name
  error.stack = cause.stack
  return error
}

/** A status with its failures as plain data. */
export type PlainStatus = Omit<Status, 'failure' | 'sync'> & {
  readonly failure: PlainFailure | undefined
  readonly sync: Omit<Status['sync'], 'failure'> & { readonly failure: PlainFailure | undefined }
}

export function flattenStatus(status: Status): PlainStatus {
  const { failure, sync } = status
  return {
    ...status,
    failure: failure && flattenFailure(failure),
    sync: { ...sync, failure: sync.failure && flattenFailure(sync.failure) },
  }
}

export function reviveStatus(plain: PlainStatus): Status {
  const { failure, sync } = plain
  return {
    ...plain,
    failure: failure && reviveFailure(failure),
    sync: { ...sync, failure: sync.failure && reviveFailure(sync.failure) },
  }
}
