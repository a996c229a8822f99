/** Idle status: what a database says before anything was asked of it, and so what a server renders.
 *  Never: imports code, so that a binding may have it without the database. */

import type { Status, SyncStatus } from './types.ts'

export const SYNC_OFF: SyncStatus = {
  state: 'off',
  peers: 0,
  pending: 0,
  asOf: undefined,
  progress: undefined,
  counters: {},
  failure: undefined,
}

export const STATUS_IDLE: Status = {
  state: 'idle',
  progress: undefined,
  role: undefined,
  storage: undefined,
  identity: undefined,
  kernel: undefined,
  sync: SYNC_OFF,
  seq: 0n,
  owner: undefined,
  failure: undefined,
}
