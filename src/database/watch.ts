/** Watch: one live query as readers hold it: an async iterable, a subscription and the newest rows.
 *  Keeps: the query runs while somebody listens, and once for all of them; a slow reader gets the newest
 *  rows, never a growing queue; an abort ends a loop quietly, an error throws in it.  A subscription may
 *  begin inside a transaction, since it waits for nothing; a loop there would wait for its own end.
 *  Never: starts before somebody listens. */

import { ConstelliteError, failureOf, isFailure } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import type { LiveListener } from './core.ts'
import { held, type KeepAlive } from './keep-alive.ts'
import { callListener } from './status.ts'
import type { Row, Watch } from './types.ts'

export type WatchParts = {
  readonly host: Host
  readonly keepAlive: KeepAlive
  /** Begins the live query; answers the way to end it. */
  start(listener: LiveListener): () => void
  readonly signal: AbortSignal | undefined
  /** Throws inside a transaction of the same database. */
  refuseInside(): void
}

type Listener = {
  onRows(rows: Row[]): void
  onError(failure: ConstelliteError, isFinal: boolean): void
  /** The signal fired. */
  onStop(): void
}

export function createWatch<R>(parts: WatchParts): Watch<R> {
  const source = createSource(parts)
  return {
    get current() {
      // What the reader says a row is; SQLite decides what it holds.
      return source.rows as R[] | undefined
    },
    subscribe: (onRows, onError) => {
      if (typeof onRows !== 'function' || typeof onError !== 'function') throw bothNeeded()
      const { host } = parts
      return source.listen({
        // As above.
        onRows: (rows) => callListener(host, () => onRows(rows as R[])),
        onError: (failure) => callListener(host, () => onError(failure)),
        onStop: () => undefined,
      })
    },
    // As above.
    [Symbol.asyncIterator]: () => iterate(source, parts) as AsyncIterator<R[]>,
  }
}

type Source = {
  readonly rows: Row[] | undefined
  listen(listener: Listener): () => void
}

function createSource({ start, signal }: WatchParts): Source {
  const listeners = new Set<Listener>()
  let rows: Row[] | undefined
  /** What it told instead of rows. */
  let failed: ConstelliteError | undefined
  let stop: (() => void) | undefined

  const stopWhenUnheard = (): void => {
    if (listeners.size > 0) return
    stop?.()
    stop = undefined
    rows = undefined
    failed = undefined
    signal?.removeEventListener('abort', onAbort)
  }
  const onAbort = (): void => {
    const told = [...listeners]
    listeners.clear()
    stopWhenUnheard()
    for (const listener of told) listener.onStop()
  }
  const begin = (): void => {
    signal?.addEventListener('abort', onAbort, { once: true })
    stop = start({
      onRows: (next) => {
        rows = next
        failed = undefined
        for (const listener of [...listeners]) listener.onRows(next)
      },
      onError: (failure, isFinal) => {
        rows = undefined
        failed = failure
        const told = [...listeners]
        if (isFinal) {
          listeners.clear()
          stopWhenUnheard()
        }
        // Closing is what the reader asked for, not something that went wrong.
        const isClosed = isFinal && isFailure(failure, 'ErrClosed')
        for (const listener of told) {
          if (isClosed) listener.onStop()
          else listener.onError(failure, isFinal)
        }
      },
    })
  }
  return {
    get rows() {
      return rows
    },
    listen: (listener) => {
      if (signal?.aborted) {
        listener.onStop()
        return () => undefined
      }
      listeners.add(listener)
      if (stop === undefined) begin()
      else if (rows !== undefined) listener.onRows(rows)
      else if (failed !== undefined) listener.onError(failed, false)
      return () => {
        if (listeners.delete(listener)) stopWhenUnheard()
      }
    },
  }
}

type Waiter = {
  readonly resolve: (result: IteratorResult<Row[], undefined>) => void
  readonly reject: (failure: ConstelliteError) => void
}

function iterate(
  source: Source,
  { keepAlive, refuseInside }: WatchParts,
): AsyncIterator<Row[], undefined> {
  let newest: Row[] | undefined
  let failure: ConstelliteError | undefined
  let isDone = false
  const waiters: Waiter[] = []
  let unlisten: (() => void) | undefined

  const finish = (): void => {
    isDone = true
    unlisten?.()
    for (const waiter of waiters.splice(0)) waiter.resolve({ done: true, value: undefined })
  }
  const listen = (): (() => void) =>
    source.listen({
      onRows: (rows) => {
        const waiter = waiters.shift()
        if (waiter === undefined) newest = rows
        else waiter.resolve({ done: false, value: rows })
      },
      onError: (error) => {
        const waiter = waiters.shift()
        if (waiter === undefined) failure = error
        else waiter.reject(error)
        finish()
      },
      onStop: finish,
    })
  return {
    next: () => {
      if (failure !== undefined) {
        const thrown = failure
        failure = undefined
        return Promise.reject(thrown)
      }
      if (newest !== undefined) {
        const rows = newest
        newest = undefined
        return Promise.resolve({ done: false, value: rows })
      }
      if (isDone) return Promise.resolve({ done: true, value: undefined })
      const result = new Promise<IteratorResult<Row[], undefined>>((resolve, reject) => {
        waiters.push({ resolve, reject })
      })
      unlisten ??= listen()
      try {
        // Now, because listening may have been the first call, which tells whose handle this is.
        refuseInside()
      } catch (error) {
        waiters.pop()?.reject(failureOf(error))
        finish()
      }
      return held(keepAlive, result)
    },
    return: async () => {
      finish()
      return { done: true, value: undefined }
    },
    throw: async (error) => {
      finish()
      throw failureOf(error)
    },
  }
}

function bothNeeded(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrParameter',
    message: 'A subscription needs a function for rows and one for errors.',
    hint: 'Write watch.subscribe((rows) => …, (error) => …).',
  })
}
