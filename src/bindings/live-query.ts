/** Live query: one query that views and ORMs hand to each other: how to watch it, and what it is known by.
 *  Keeps: two queries of one database with one key have the same rows.
 *  Never: starts anything; a view does, when somebody looks. */

import type { Database, Row, Sql, SqlParameters, Watch } from '../database/types.ts'

/** What `useQuery` takes besides a database and a statement: made by `live` of an ORM's binding. */
export type LiveQuery<R> = {
  readonly database: Database
  /** Equal for the same rows, so that a view which asks again at every render keeps what it has. */
  readonly key: string
  watch(): Watch<R>
}

/** A query as text with parameters, or as a fragment of `sql`. */
export function liveQuery<R extends object = Row>(
  database: Database,
  statement: string | Sql,
  parameters?: SqlParameters,
): LiveQuery<R> {
  return {
    database,
    key: keyOf([statement, parameters]),
    watch: () =>
      typeof statement === 'string'
        ? database.watch<R>(statement, parameters)
        : database.watch<R>(statement),
  }
}

/** Text that differs where the values do, also where JSON has one word for several. */
export function keyOf(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) => {
    const isTold = typeof part !== 'bigint' && part !== undefined && !isOdd(part)
    return isTold ? part : { [typeof part]: String(part) }
  })
}

/** NaN and the infinities, which JSON writes as null. */
function isOdd(part: unknown): boolean {
  return typeof part === 'number' && !Number.isFinite(part)
}
