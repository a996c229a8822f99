/** Svelte: live queries and the status, for runes (read the properties) and as stores (`$view`).
 *  Keeps: a query runs while an effect or a subscriber looks at it, and begins anew when state that it was
 *  made of changes it; nothing is opened by a render on a server, where `createSubscriber` does nothing. */

import { createSubscriber } from 'svelte/reactivity'
import { type Readable, toStore } from 'svelte/store'
import { STATUS_IDLE } from '../database/status-idle.ts'
import type { Database, Row, Sql, SqlParameters, Status } from '../database/types.ts'
import { type LiveQuery, liveQuery } from './live-query.ts'
import { type LiveStore, liveStoreOf, type QueryState } from './live-store.ts'

export type QueryView<R> = QueryState<R> & Readable<QueryState<R>>

export type UseQuery = {
  /** With functions where they are made of state: `useQuery(db, 'SELECT …', () => [id])`. */
  <R extends object = Row>(
    database: Database,
    statement: string | Sql | (() => string | Sql),
    parameters?: SqlParameters | (() => SqlParameters | undefined),
  ): QueryView<R>
  /** A query of an ORM: `() => live(…)` of its binding. */
  <R extends object>(query: () => LiveQuery<R>): QueryView<R>
}

type Given =
  | readonly [() => LiveQuery<object>]
  | readonly [
      Database,
      string | Sql | (() => string | Sql),
      SqlParameters | (() => SqlParameters | undefined) | undefined,
    ]

/** The rows of a live query, whether it is loading, and what is wrong with it. */
export const useQuery: UseQuery = (...given: readonly unknown[]) => {
  let current: { readonly store: LiveStore<object>; readonly look: () => void } | undefined
  const state = (): QueryState<never> => {
    // What the overloads give.
    const query = queryOf(given as Given)
    if (current?.store.key !== query.key) {
      const store = liveStoreOf(query)
      current = { store, look: createSubscriber(store.subscribe) }
    }
    current.look()
    // R is the reader's word for a row.
    return current.store.read() as QueryState<never>
  }
  const view = {
    get rows() {
      return state().rows
    },
    get error() {
      return state().error
    },
    get isLoading() {
      return state().isLoading
    },
    ...storeOf(state),
  }
  // Read one by one, the properties are those of one state.
  return view as QueryView<never>
}

/** What the database says of itself, as `current` and as a store; looking at it opens the database. */
export function useStatus(database: Database): { readonly current: Status } & Readable<Status> {
  let isSeen = false
  const look = createSubscriber((update) => {
    isSeen = true
    return database.onStatus(update)
  })
  const current = (): Status => {
    look()
    return isSeen ? database.status : STATUS_IDLE
  }
  return {
    get current() {
      return current()
    },
    ...storeOf(current),
  }
}

/** Made when somebody subscribes, so that making a view looks at nothing. */
function storeOf<T>(read: () => T): Readable<T> {
  return { subscribe: (...listeners) => toStore(read).subscribe(...listeners) }
}

function queryOf(given: Given): LiveQuery<object> {
  if (given.length === 1) return given[0]()
  const [database, statement, parameters] = given
  return liveQuery(database, toPlain(statement), toPlain(parameters))
}

function toPlain<T>(given: T | (() => T)): T {
  // No statement and no parameters are functions.
  return typeof given === 'function' ? (given as () => T)() : given
}
