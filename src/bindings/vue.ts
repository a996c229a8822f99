/** Vue: live queries and the status as composables.
 *  Keeps: a query runs while its scope lives, and begins anew when a ref that it was made of changes it;
 *  nothing is opened by a render on a server, where effects after a render never run. */

import {
  type ComputedRef,
  computed,
  type MaybeRefOrGetter,
  type ShallowRef,
  shallowRef,
  toValue,
  watchPostEffect,
} from 'vue'
import { STATUS_IDLE } from '../database/status-idle.ts'
import type { Database, Row, Sql, SqlParameters, Status } from '../database/types.ts'
import { type LiveQuery, liveQuery } from './live-query.ts'
import { type LiveStore, liveStoreOf, ON_SERVER, type QueryState } from './live-store.ts'

export type QueryRefs<R> = {
  readonly rows: ComputedRef<readonly R[] | undefined>
  readonly error: ComputedRef<QueryState<R>['error']>
  readonly isLoading: ComputedRef<boolean>
}

export type UseQuery = {
  <R extends object = Row>(
    database: Database,
    statement: MaybeRefOrGetter<string | Sql>,
    parameters?: MaybeRefOrGetter<SqlParameters | undefined>,
  ): QueryRefs<R>
  /** A query of an ORM: `() => live(…)` of its binding. */
  <R extends object>(query: () => LiveQuery<R>): QueryRefs<R>
}

type Given =
  | readonly [() => LiveQuery<object>]
  | readonly [Database, MaybeRefOrGetter<string | Sql>, MaybeRefOrGetter<SqlParameters | undefined>]

/** The rows of a live query, whether it is loading, and what is wrong with it. */
export const useQuery: UseQuery = (...given: readonly unknown[]) => {
  // What the overloads give.
  const query = (): LiveQuery<object> => queryOf(given as Given)
  const store = computed<LiveStore<object>>((before) => {
    const next = query()
    return before?.key === next.key ? before : liveStoreOf(next)
  })
  const state = shallowRef<QueryState<object>>(ON_SERVER)
  watchPostEffect((onCleanup) => {
    const { read, subscribe } = store.value
    const show = (): void => {
      state.value = read()
    }
    onCleanup(subscribe(show))
    show()
  })
  return {
    // R is the reader's word for a row.
    rows: computed(() => state.value.rows as readonly never[] | undefined),
    error: computed(() => state.value.error),
    isLoading: computed(() => state.value.isLoading),
  }
}

/** What the database says of itself; looking at it opens the database. */
export function useStatus(database: Database): Readonly<ShallowRef<Status>> {
  const status = shallowRef(STATUS_IDLE)
  watchPostEffect((onCleanup) => {
    const show = (): void => {
      status.value = database.status
    }
    onCleanup(database.onStatus(show))
    show()
  })
  return status
}

function queryOf(given: Given): LiveQuery<object> {
  if (given.length === 1) return given[0]()
  const [database, statement, parameters] = given
  return liveQuery(database, toValue(statement), toValue(parameters))
}
