'use client'
/** React: live queries and the status as hooks, on `useSyncExternalStore`; no provider.
 *  Keeps: a hook subscribes when it is mounted and not again while its query is the same; nothing is opened
 *  by an import, by a render on a server, or by one that React throws away.
 *  The namespace is imported, because React's build for server components has none of these names. */

import * as React from 'react'
import { STATUS_IDLE } from '../database/status-idle.ts'
import type { Database, Row, Sql, SqlParameters, Status } from '../database/types.ts'
import { type LiveQuery, liveQuery } from './live-query.ts'
import { type LiveStore, liveStoreOf, ON_SERVER, type QueryState } from './live-store.ts'

export type QueryHook<Answer extends 'state' | 'rows'> = {
  <R extends object = Row>(
    database: Database,
    statement: string | Sql,
    parameters?: SqlParameters,
  ): Answered<R>[Answer]
  /** A query of an ORM: `live(…)` of its binding. */
  <R extends object>(query: LiveQuery<R>): Answered<R>[Answer]
}

type Answered<R> = { readonly state: QueryState<R>; readonly rows: readonly R[] }

/** The rows of a live query, or that it is loading, or what is wrong with it. */
export const useQuery: QueryHook<'state'> = (...given: readonly unknown[]) =>
  // The overloads give what `useState` takes, and R is the reader's word.
  useStore(given as Given).state as QueryState<never>

/** The rows of a live query: suspends until there are any, and throws what is wrong with it.
 *  On a server, where nothing is opened, there are none. */
export const useSuspenseQuery: QueryHook<'rows'> = (...given: readonly unknown[]) => {
  // As above.
  const { store, state } = useStore(given as Given)
  if (state.error !== undefined) {
    // A boundary that tries again asks anew.
    store.release()
    throw state.error
  }
  if (state.isLoading && state !== ON_SERVER) throw store.hold()
  // As above.
  return (state.rows ?? NO_ROWS) as readonly never[]
}

const NO_ROWS: readonly never[] = []

/** What the database says of itself; looking at it opens the database. */
export function useStatus(database: Database): Status {
  const subscribe = React.useCallback(
    (onChange: () => void) => database.onStatus(onChange),
    [database],
  )
  return React.useSyncExternalStore(
    subscribe,
    () => database.status,
    () => STATUS_IDLE,
  )
}

type Given =
  | readonly [LiveQuery<object>]
  | readonly [Database, string | Sql, SqlParameters | undefined]

function useStore(given: Given): { store: LiveStore<object>; state: QueryState<object> } {
  const query = given.length === 1 ? given[0] : liveQuery(...given)
  const { database, key } = query
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the query, which is another object at every render.
  const store = React.useMemo(() => liveStoreOf(query), [database, key])
  const state = React.useSyncExternalStore(store.subscribe, store.read, readOnServer)
  return { store, state }
}

const readOnServer = (): typeof ON_SERVER => ON_SERVER
