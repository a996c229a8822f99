/** Life of a handle: idle until the first call, then one share of the open database, then closed.
 *  Keeps: what kept the database from opening is told by every call; a share is given back once; closing waits
 *  for what is under way, but not for a tab that does not answer. */

import { type ConstelliteError, failureOf } from '../base/failure.ts'
import type { Signal } from '../base/globals.ts'
import type { Host } from '../base/host.ts'
import type { Core, LiveListener } from './core.ts'
import { aborted, closed } from './open-failures.ts'
import { sameData } from './options.ts'
import type { Taken } from './registry.ts'
import type { Query } from './sql.ts'
import { createStatusBoard, type StatusBoard } from './status.ts'
import { STATUS_IDLE } from './status-idle.ts'
import type { Status } from './types.ts'

export type Share = Taken & { giveBack(): Promise<void> }

export type Life = {
  /** The open database; opens it at the first call. */
  core(): Promise<Core>
  /** The answer of a call, or ErrAborted when its signal fires before the database is open; after that the core
   *  minds it. */
  unlessAborted<T>(answer: Promise<T>, signal: Signal | undefined): Promise<T>
  /** What the transactions of this database are known by; undefined before the first call. */
  readonly database: object | undefined
  readonly status: Status
  onStatus(listener: (status: Status) => void): () => void
  /** Begins a live query as soon as the database is open. */
  startWatch(query: Query, listener: LiveListener): () => void
  /** Refuses later calls, ends live queries, waits for `pending`, gives the share back. */
  close(pending: () => Promise<unknown>): Promise<void>
}

type State = {
  readonly host: Host
  readonly take: () => Share
  /** What `close` ends: live queries, the subscription to the core's status. */
  readonly stops: Set<() => void>
  readonly board: StatusBoard
  share: Share | undefined
  opening: Promise<Core> | undefined
  /** Rejects `opening`, should it be under way. */
  giveUp: (failure: ConstelliteError) => void
  hasGivenUp: boolean
  open: Core | undefined
  failure: ConstelliteError | undefined
  progress: number | undefined
  told: Status
  closing: Promise<void> | undefined
}

export function createLife(host: Host, take: () => Share): Life {
  const state: State = {
    host,
    take,
    stops: new Set(),
    board: createStatusBoard(host, () => stableStatus(state)),
    share: undefined,
    opening: undefined,
    giveUp: () => undefined,
    hasGivenUp: false,
    open: undefined,
    failure: undefined,
    progress: undefined,
    told: STATUS_IDLE,
    closing: undefined,
  }
  return {
    core: () => coreOf(state),
    unlessAborted: (answer, signal) => unlessAborted(state, answer, signal),
    get database() {
      return state.share?.entry
    },
    get status() {
      return state.board.current
    },
    onStatus: (listener) => {
      const stop = state.board.listen(listener)
      // Told by the status itself.
      coreOf(state).catch(() => undefined)
      return stop
    },
    startWatch: (query, listener) => startWatch(state, query, listener),
    close: (pending) => {
      state.closing ??= close(state, pending)
      return state.closing
    },
  }
}

/** The same object until something in it changes, as views that compare snapshots need. */
function stableStatus(state: State): Status {
  const status = statusOf(state)
  const isSame = state.told.failure === status.failure && sameData(state.told, status)
  if (!isSame) state.told = status
  return state.told
}

function statusOf({ open, opening, failure, progress, share }: State): Status {
  if (open !== undefined) return open.status
  const state = failure !== undefined ? 'failed' : opening === undefined ? 'idle' : 'opening'
  const owner = state === 'opening' && share?.entry.isSilent === true ? 'silent' : undefined
  return { ...STATUS_IDLE, state, progress, owner, failure }
}

function coreOf(state: State): Promise<Core> {
  if (state.closing !== undefined) return Promise.reject(closed())
  if (state.opening !== undefined) return state.opening
  const opening = new Promise<Core>((resolve, reject) => {
    state.giveUp = (failure) => {
      state.hasGivenUp = true
      reject(failure)
    }
    begin(state).then(resolve, reject)
  })
  state.opening = opening
  opening.then(
    () => state.board.changed('state'),
    (error) => {
      state.failure = failureOf(error)
      state.board.changed('state')
    },
  )
  state.board.changed('state')
  return opening
}

async function begin(state: State): Promise<Core> {
  const share = state.take()
  state.share = share
  const onProgress = (fraction: number): void => {
    state.progress = fraction
    state.board.changed('state')
  }
  const onSilence = (): void => state.board.changed('state')
  share.entry.onProgress.add(onProgress)
  share.entry.onSilence.add(onSilence)
  try {
    const core = await share.core
    if (state.hasGivenUp) return core
    state.open = core
    state.stops.add(core.onStatus(() => state.board.changed('state')))
    return core
  } finally {
    share.entry.onProgress.delete(onProgress)
    share.entry.onSilence.delete(onSilence)
  }
}

async function close(state: State, pending: () => Promise<unknown>): Promise<void> {
  for (const stop of state.stops) stop()
  const settled = async (): Promise<void> => {
    await pending()
    // What failed to open was told by every call and holds nothing.
    await state.opening?.catch(() => undefined)
  }
  await unlessSilent(state, settled())
  // Where it is open, what waits is rejected by the core, as its share is given back.
  state.giveUp(closed())
  state.board.close({ ...state.board.current, state: 'closed', owner: undefined })
  await state.share?.giveBack()
}

/** Waits for `work`, but no longer than until nobody answers. */
function unlessSilent(state: State, work: Promise<void>): Promise<void> {
  const { share, opening } = state
  if (share === undefined) return work
  const { onSilence } = share.entry
  return new Promise((resolve, reject) => {
    let stop: () => void = () => undefined
    const look = (): void => {
      if (statusOf(state).owner === 'silent') resolve()
    }
    const lookOn = (core: Core): void => {
      stop = core.onStatus(look)
      look()
    }
    onSilence.add(look)
    look()
    // It may open meanwhile, and fall silent then.
    opening?.then(lookOn, () => undefined)
    const finish = (): void => {
      onSilence.delete(look)
      stop()
    }
    work.finally(finish).then(resolve, reject)
  })
}

function unlessAborted<T>(
  { open, opening }: State,
  answer: Promise<T>,
  signal: Signal | undefined,
): Promise<T> {
  if (signal === undefined || open !== undefined || opening === undefined) return answer
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(aborted(signal))
    const stop = (): void => signal.removeEventListener('abort', onAbort)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    opening.then(stop, stop)
    answer.then(resolve, reject)
  })
}

function startWatch(state: State, query: Query, listener: LiveListener): () => void {
  const { stops } = state
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
  coreOf(state).then(
    (core) => {
      if (!stops.has(onClose)) return
      stopLive = core.watch(query, listener)
      // Where others watch the same, its first rows have come by now, and the listener may want no more.
      if (!stops.has(onClose)) stopLive()
    },
    (error) => {
      if (stops.delete(onClose)) listener.onError(failureOf(error), true)
    },
  )
  return stop
}
