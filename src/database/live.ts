/** Live queries: which of them must run again when tables change, and whether their rows differ.
 *  Keeps: one run per query and flush, however many commits it covered; equal rows are not told again;
 *  an error is told and the query lives on, so that a table made later brings its rows.
 *  Never: decides when to flush; it asks the executor for a turn like any reader. */

import { type ConstelliteError, failureOf } from '../base/failure.ts'
import type { LiveListener } from './core.ts'
import type { Query } from './sql.ts'
import type { Row, SqlValue } from './types.ts'

export type LiveParts = {
  /** Runs the query in its turn; resolves when what it saw is durable.  Which tables it reads is asked
   *  for only when that may have changed, because it costs a compilation. */
  read(query: Query, areTablesWanted: boolean): Promise<LiveResult>
}

/** No rows: it could not run yet and will when something changes. */
export type LiveResult = {
  readonly rows: Row[] | undefined
  readonly tables: readonly string[] | undefined
}

export type LiveQueries = {
  add(query: Query, listener: LiveListener): () => void
  /** These tables changed; none named means any may have. */
  changed(tables: readonly string[]): void
  /** Tells every listener that nothing follows. */
  end(failure: ConstelliteError): void
}

type Live = {
  readonly query: Query
  readonly listener: LiveListener
  /** Undefined until it ran once without an error: then any change may concern it. */
  tables: readonly string[] | undefined
  rows: Row[] | undefined
  isRunning: boolean
  isStale: boolean
}

export function createLiveQueries(parts: LiveParts): LiveQueries {
  const queries = new Set<Live>()

  const run = async (live: Live): Promise<void> => {
    live.isRunning = true
    while (live.isStale && queries.has(live)) {
      live.isStale = false
      try {
        const { rows, tables } = await parts.read(live.query, live.tables === undefined)
        live.tables ??= tables
        if (rows === undefined || !queries.has(live)) continue
        if (live.rows !== undefined && sameRows(live.rows, rows)) continue
        live.rows = rows
        live.listener.onRows(rows)
      } catch (error) {
        live.tables = undefined
        live.rows = undefined
        if (queries.has(live)) live.listener.onError(failureOf(error), false)
      }
    }
    live.isRunning = false
  }
  const refresh = (live: Live): void => {
    live.isStale = true
    if (!live.isRunning) run(live)
  }

  return {
    add: (query, listener) => {
      const live: Live = {
        query,
        listener,
        tables: undefined,
        rows: undefined,
        isRunning: false,
        isStale: false,
      }
      queries.add(live)
      refresh(live)
      return () => {
        queries.delete(live)
      }
    },
    changed: (tables) => {
      const isSchema = tables.length === 0 || tables.some(isSchemaTable)
      for (const live of queries) {
        if (isSchema) live.tables = undefined
        if (touches(live.tables, tables)) refresh(live)
      }
    },
    end: (failure) => {
      for (const live of queries) live.listener.onError(failure, true)
      queries.clear()
    },
  }
}

/** True when a change of `changed` can change what reads `read`; unknown on either side means yes. */
export function touches(read: readonly string[] | undefined, changed: readonly string[]): boolean {
  if (read === undefined || changed.length === 0) return true
  return changed.some((table) => read.includes(table))
}

function isSchemaTable(table: string): boolean {
  return table.startsWith('sqlite_')
}

export function sameRows(left: readonly Row[], right: readonly Row[]): boolean {
  if (left.length !== right.length) return false
  return left.every((row, index) => sameRow(row, right[index] as Row))
}

function sameRow(left: Row, right: Row): boolean {
  const names = Object.keys(left)
  if (names.length !== Object.keys(right).length) return false
  return names.every((column) => {
    const other = right[column]
    return other !== undefined && sameValue(left[column] as SqlValue, other)
  })
}

function sameValue(left: SqlValue, right: SqlValue): boolean {
  if (left instanceof Uint8Array && right instanceof Uint8Array) {
    return left.length === right.length && left.every((byte, index) => byte === right[index])
  }
  return Object.is(left, right)
}
