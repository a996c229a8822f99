/** Live store: the newest state of one live query, in the shape that every UI framework binds to: read it,
 *  be told that it changed.
 *  Keeps: the state is one object, and its rows one array, until they change; the query runs while somebody
 *  listens, once for all who ask the same; who leaves and comes back in one turn (a double mount, a hot
 *  reload) finds it still running.
 *  Never: starts before somebody listens, so that rendering on a server opens nothing. */

import type { ConstelliteError } from '../base/failure.ts'
import type { Database } from '../database/types.ts'
import type { LiveQuery } from './live-query.ts'

export type QueryState<R> =
  | { readonly isLoading: true; readonly rows: undefined; readonly error: undefined }
  | { readonly isLoading: false; readonly rows: readonly R[]; readonly error: undefined }
  | { readonly isLoading: false; readonly rows: undefined; readonly error: ConstelliteError }

export type LiveStore<R> = {
  readonly key: string
  read(): QueryState<R>
  /** Answers the way to stop. */
  subscribe(onChange: () => void): () => void
  /** Runs the query for a view that waits before it subscribes; settles with its first rows or error. */
  hold(): Promise<void>
  /** Gives up what `hold` holds. */
  release(): void
}

type Loading = Extract<QueryState<never>, { isLoading: true }>

const LOADING: Loading = { isLoading: true, rows: undefined, error: undefined }

/** What a server shows; another object than `LOADING`, so that a view can tell that it is rendered there. */
export const ON_SERVER: Loading = { ...LOADING }

/** Stores that run, by what they are known by. */
type Running = Map<string, LiveStore<unknown>>

const runningByDatabase = new WeakMap<Database, Running>()

/** The running store of this query, or one that runs as soon as somebody listens. */
export function liveStoreOf<R>(query: LiveQuery<R>): LiveStore<R> {
  const running = runningByDatabase.get(query.database) ?? new Map()
  runningByDatabase.set(query.database, running)
  return running.get(query.key) ?? createLiveStore(query, running)
}

function createLiveStore<R>(query: LiveQuery<R>, running: Running): LiveStore<R> {
  const listeners = new Set<() => void>()
  let state: QueryState<R> = LOADING
  let stop: (() => void) | undefined
  let held: { readonly settled: Promise<void>; readonly stop: () => void } | undefined

  const tell = (next: QueryState<R>): void => {
    state = next
    for (const listener of [...listeners]) listener()
  }
  const fail = (error: ConstelliteError): void => tell({ isLoading: false, rows: undefined, error })
  const start = (): void => {
    if (!running.has(query.key)) running.set(query.key, store)
    stop = () => undefined
    try {
      stop = query
        .watch()
        .subscribe((rows) => tell({ isLoading: false, rows, error: undefined }), fail)
    } catch (error) {
      // What is wrong with a statement or its values is thrown at the call, and is nothing else.
      fail(error as ConstelliteError)
    }
  }
  const stopWhenUnheard = (): void => {
    if (listeners.size > 0 || stop === undefined) return
    stop()
    stop = undefined
    if (running.get(query.key) === store) running.delete(query.key)
  }
  const listen = (onChange: () => void): (() => void) => {
    const listener = (): void => onChange()
    listeners.add(listener)
    if (stop === undefined) start()
    return () => {
      listeners.delete(listener)
      Promise.resolve().then(stopWhenUnheard)
    }
  }
  const store: LiveStore<R> = {
    key: query.key,
    read: () => state,
    subscribe: (onChange) => {
      const unsubscribe = listen(onChange)
      store.release()
      return unsubscribe
    },
    hold: () => {
      held ??= hold(store, listen)
      return held.settled
    },
    release: () => {
      held?.stop()
      held = undefined
    },
  }
  return store
}

/** Views that waited and never came: the oldest are given up. */
const HELD_MAX = 64

const heldStores = new Set<LiveStore<unknown>>()

function hold(store: LiveStore<unknown>, listen: LiveStore<unknown>['subscribe']) {
  let settle: () => void = () => undefined
  const settled = new Promise<void>((resolve) => {
    settle = resolve
  })
  const onChange = (): void => {
    if (!store.read().isLoading) settle()
  }
  const unlisten = listen(onChange)
  onChange()
  heldStores.add(store)
  // One that is loading has somebody waiting for it, who must be woken.
  const [oldest] = [...heldStores].filter((it) => !it.read().isLoading)
  if (heldStores.size > HELD_MAX) oldest?.release()
  const stop = (): void => {
    heldStores.delete(store)
    unlisten()
  }
  return { settled, stop }
}
