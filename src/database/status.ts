/** Status: what a database says of itself, gathered from the rooms below and told when it changes.
 *  Keeps: a change is told at most once a turn, with the newest values. */

import { type ConstelliteError, failureOf } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import { currentKernel } from '../crypto/kernel-slot.ts'
import { SYNC_OFF } from './status-idle.ts'
import type { IdentityStatus, Status, StorageStatus, SyncStatus } from './types.ts'

/** A new frame alone is told at most this often: every commit makes one. */
const TELL_INTERVAL_MS = 50

export type StatusSource = {
  readonly storage: StorageStatus
  readonly identity: IdentityStatus
  readonly shard: {
    readonly role: 'writer' | 'follower'
    readonly durable: { readonly seq: bigint }
    readonly halted: ConstelliteError | undefined
  }
}

/** `poisoned`: why nothing can be asked of it any more. */
export function readStatus(
  source: StatusSource,
  sync: SyncStatus = SYNC_OFF,
  poisoned?: ConstelliteError,
): Status {
  const { kind, reason } = currentKernel()
  return {
    state: poisoned === undefined ? 'open' : 'failed',
    progress: undefined,
    role: source.shard.role,
    storage: source.storage,
    identity: source.identity,
    kernel: { kind, reason },
    sync,
    seq: source.shard.durable.seq,
    owner: undefined,
    failure: poisoned ?? source.shard.halted,
  }
}

export type StatusBoard = {
  readonly current: Status
  /** Something changed: tells it soon, or at the next interval when it is only a new frame. */
  changed(what: 'seq' | 'state'): void
  listen(listener: (status: Status) => void): () => void
  close(last: Status): void
}

export function createStatusBoard(host: Host, read: () => Status): StatusBoard {
  const listeners = new Set<(status: Status) => void>()
  let closedWith: Status | undefined
  let timer: { cancel(): void } | undefined
  const current = (): Status => closedWith ?? read()
  const tell = (): void => {
    timer = undefined
    const status = current()
    for (const listener of listeners) callListener(host, () => listener(status))
  }
  return {
    get current() {
      return current()
    },
    changed: (what) => {
      if (closedWith !== undefined || listeners.size === 0) return
      if (what === 'state') {
        timer?.cancel()
        tell()
      } else timer ??= host.setTimer(TELL_INTERVAL_MS, tell)
    },
    listen: (listener) => {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    close: (last) => {
      timer?.cancel()
      closedWith = last
      tell()
      listeners.clear()
    },
  }
}

/** Calls what the reader gave.  What it throws is the reader's bug: it surfaces as an uncaught error and
 *  keeps nobody else from being called. */
export function callListener(host: Host, call: () => void): void {
  try {
    call()
  } catch (error) {
    const failure = failureOf(error)
    host.defer(() => {
      throw failure.cause ?? failure
    })
  }
}
