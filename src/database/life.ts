/** Life of a handle: idle until the first call, then one share of the open database, then closed.
 *  Keeps: what kept the database from opening is told by every call; a share is given back once. */

import { type ConstelliteError, failureOf } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import type { Core, LiveListener } from './core.ts'
import { closed } from './open-failures.ts'
import type { Entry } from './registry.ts'
import type { Query } from './sql.ts'
import { createStatusBoard, STATUS_IDLE } from './status.ts'
import type { Status } from './types.ts'

export type Share = { readonly entry: Entry; giveBack(): Promise<void> }

export type Life = {
  /** The open database; opens it at the first call. */
  core(): Promise<Core>
  /** What the transactions of this database are known by; undefined before the first call. */
  readonly database: object | undefined
  readonly status: Status
  onStatus(listener: (status: Status) => void): () => void
  /** Begins a live query as soon as the database is open. */
  startWatch(query: Query, listener: LiveListener): () => void
  /** Refuses later calls, ends live queries, waits for `pending`, gives the share back. */
  close(pending: () => Promise<unknown>): Promise<void>
}

export function createLife(host: Host, take: () => Share): Life {
  let share: Share | undefined
  let opening: Promise<Core> | undefined
  let open: Core | undefined
  let failure: ConstelliteError | undefined
  let progress: number | undefined
  let closing: Promise<void> | undefined
  const stops = new Set<() => void>()

  const board = createStatusBoard(host, () => {
    if (open !== undefined) return open.status
    const state = failure !== undefined ? 'failed' : opening === undefined ? 'idle' : 'opening'
    return { ...STATUS_IDLE, state, progress, failure }
  })
  const begin = async (): Promise<Core> => {
    share = take()
    const onProgress = (fraction: number): void => {
      progress = fraction
      board.changed('state')
    }
    share.entry.onProgress.add(onProgress)
    try {
      const core = await share.entry.core
      open = core
      stops.add(core.onStatus(() => board.changed('state')))
      return core
    } finally {
      share.entry.onProgress.delete(onProgress)
    }
  }
  const core = (): Promise<Core> => {
    if (closing !== undefined) return Promise.reject(closed())
    if (opening === undefined) {
      opening = begin()
      opening.then(
        () => board.changed('state'),
        (error) => {
          failure = failureOf(error)
          board.changed('state')
        },
      )
    }
    return opening
  }
  const close = async (pending: () => Promise<unknown>): Promise<void> => {
    for (const stop of stops) stop()
    await pending()
    // What failed to open was told by every call and holds nothing.
    await opening?.catch(() => undefined)
    board.close({ ...board.current, state: 'closed' })
    await share?.giveBack()
  }

  return {
    core,
    get database() {
      return share?.entry
    },
    get status() {
      return board.current
    },
    onStatus: (listener) => {
      const stop = board.listen(listener)
      core().catch(() => undefined)
      return stop
    },
    startWatch: (query, listener) => {
      let stopLive: (() => void) | undefined
      const stop = (): void => {
        stops.delete(onClose)
        stopLive?.()
      }
      const onClose = (): void => {
        stop()
        listener.onError(closed(), true)
      }
      stops.add(onClose)
      core().then(
        (opened) => {
          if (stops.has(onClose)) stopLive = opened.watch(query, listener)
        },
        (error) => {
          if (stops.delete(onClose)) listener.onError(failureOf(error), true)
        },
      )
      return stop
    },
    close: (pending) => {
      closing ??= close(pending)
      return closing
    },
  }
}
