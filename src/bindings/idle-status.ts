/** Idle status: what a database says before anything was asked of it, and so what a server renders.
 *  Keeps: the same as `status` of a handle that nobody used; a test compares them. */

import type { Status } from '../database/types.ts'

export const IDLE_STATUS: Status = {
  state: 'idle',
  progress: undefined,
  role: undefined,
  storage: undefined,
  identity: undefined,
  kernel: undefined,
  sync: {
    state: 'off',
    peers: 0,
    pending: 0,
    asOf: undefined,
    progress: undefined,
    counters: {},
    failure: undefined,
  },
  seq: 0n,
  failure: undefined,
}
