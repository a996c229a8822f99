/** Live queries: which of them must run again when tables change, and whether their rows differ.
 *  Keeps: one run per query and flush, however many commits it covered; equal rows are not told again, and
 *  a row that stayed equal stays the same object; an error is told once and the query lives on, so that a
 *  table made later brings its rows.  Equal queries were made one before: live-sharing.ts.
 *  At most one turn is asked for at a time, and a slice of queries runs in it: a call that comes meanwhile
 *  waits for one slice and not for all of them.
 *  Never: decides when to flush; it asks the executor for a turn like any reader. */

import { ConstelliteError, failureOf } from '../base/failure.ts'
import type { LiveListener } from './core.ts'
import type { LiveStart } from './live-sharing.ts'
import type { Query } from './sql.ts'
import type { Row, SqlValue } from './types.ts'

/** Distinct queries of one database that run at once; each keeps its rows in memory. */
export const LIVE_QUERIES_MAX = 4096
/** No query begins in a slice that has taken this long. */
export const SLICE_MS_MAX = 2

export type LiveParts = {
  /** Milliseconds of a clock that only goes forward. */
  now(): number
  /** Runs `work` in its turn; resolves when what it saw is durable. */
  turn(work: () => void): Promise<void>
  /** Lets the calls arrive that came meanwhile: in a worker they are messages. */
  rest(): Promise<void>
  /** Runs the query, inside a turn.  Which tables it reads is asked for only where that is not known,
   *  because it costs a compilation. */
  read(query: Query, areTablesWanted: boolean): LiveResult
}

/** No rows: it could not run yet and will when something changes. */
export type LiveResult = {
  readonly rows: Row[] | undefined
  /** Undefined: a change of any table may concern it. */
  readonly tables: readonly string[] | undefined
}

export type LiveQueries = {
  readonly add: LiveStart
  /** These tables changed; none named means any may have. */
  changed(tables: readonly string[]): void
  /** Tells every listener that nothing follows. */
  end(failure: ConstelliteError): void
}

type Live = {
  readonly query: Query
  readonly listener: LiveListener
  rows: Row[] | undefined
  /** What the last run failed with. */
  error: string | undefined
}

/** By the text of the query; a text that is not here has not been asked about since the schema changed. */
type TablesBySql = Map<string, readonly string[] | undefined>

type State = {
  readonly parts: LiveParts
  readonly queries: Set<Live>
  /** Those that must run, the longest waiting first. */
  readonly stale: Set<Live>
  readonly tablesBySql: TablesBySql
  isPumping: boolean
}

export function createLiveQueries(parts: LiveParts): LiveQueries {
  const queries = new Set<Live>()
  const stale = new Set<Live>()
  const tablesBySql: TablesBySql = new Map()
  const state: State = { parts, queries, stale, tablesBySql, isPumping: false }
  return {
    add: (query, listener) => {
      if (queries.size >= LIVE_QUERIES_MAX) {
        listener.onError(tooMany(), true)
        return () => undefined
      }
      const live: Live = { query, listener, rows: undefined, error: undefined }
      queries.add(live)
      stale.add(live)
      pump(state)
      return () => {
        queries.delete(live)
        stale.delete(live)
      }
    },
    changed: (tables) => {
      if (tables.length === 0 || tables.some(isSchemaTable)) tablesBySql.clear()
      for (const live of queries) {
        if (touches(tablesBySql.get(live.query.sql), tables)) stale.add(live)
      }
      pump(state)
    },
    end: (failure) => {
      const told = [...queries]
      queries.clear()
      stale.clear()
      for (const { listener } of told) listener.onError(failure, true)
    },
  }
}

async function pump(state: State): Promise<void> {
  if (state.isPumping) return
  state.isPumping = true
  const { parts, stale } = state
  for (let slices = 0; stale.size > 0; slices++) {
    if (slices > 0) await parts.rest()
    const outcomes = new Map<Live, Outcome>()
    try {
      await parts.turn(() => readSlice(state, outcomes))
    } catch (error) {
      for (const live of [...outcomes.keys(), ...stale]) outcomes.set(live, { error })
      stale.clear()
    }
    for (const [live, outcome] of outcomes) tell(state, live, outcome)
  }
  state.isPumping = false
}

type Outcome = { readonly rows: Row[] | undefined } | { readonly error: unknown }

function readSlice(state: State, outcomes: Map<Live, Outcome>): void {
  const { parts, stale } = state
  const endMs = parts.now() + SLICE_MS_MAX
  for (const live of stale) {
    stale.delete(live)
    outcomes.set(live, readOne(state, live.query))
    if (parts.now() >= endMs) return
  }
}

function readOne({ parts, tablesBySql }: State, query: Query): Outcome {
  const { sql } = query
  const areTablesWanted = !tablesBySql.has(sql)
  try {
    const { rows, tables } = parts.read(query, areTablesWanted)
    if (rows === undefined || !areTablesWanted) return { rows }
    // Texts of queries that are gone: those in use are asked about again.
    if (tablesBySql.size >= LIVE_QUERIES_MAX) tablesBySql.clear()
    tablesBySql.set(sql, tables)
    return { rows }
  } catch (error) {
    tablesBySql.delete(sql)
    return { error }
  }
}

function tell({ queries }: State, live: Live, outcome: Outcome): void {
  if (!queries.has(live)) return
  if ('error' in outcome) {
    const failure = failureOf(outcome.error)
    const error = `${failure.code} ${failure.message}`
    if (live.error === error) return
    live.error = error
    live.rows = undefined
    live.listener.onError(failure, false)
  } else if (outcome.rows !== undefined) {
    const rows = keepRows(live.rows, outcome.rows)
    live.error = undefined
    if (live.rows === rows) return
    live.rows = rows
    live.listener.onRows(rows)
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

/** `last` itself where `next` equals it; else `next` with the objects of `last` for rows that are equal:
 *  from the start, from the end, and between them at the same index. */
export function keepRows(last: Row[] | undefined, next: Row[]): Row[] {
  if (last === undefined) return next
  const shift = last.length - next.length
  const lengthMin = Math.min(last.length, next.length)
  let start = 0
  while (start < lengthMin && sameRow(last[start], next[start])) start += 1
  if (shift === 0 && start === next.length) return last
  let end = next.length
  while (end > start && end + shift > start && sameRow(last[end + shift - 1], next[end - 1]))
    end -= 1
  return next.map((row, index) => {
    const old = last[index < end ? index : index + shift]
    const isKept = index < start || index >= end || sameRow(old, row)
    return isKept && old !== undefined ? old : row
  })
}

function sameRow(left: Row | undefined, right: Row | undefined): boolean {
  if (left === undefined || right === undefined) return false
  let columns = 0
  for (const name in left) {
    columns += 1
    // A column that is missing on the right is undefined, which no value is.
    if (!sameValue(left[name] as SqlValue, right[name])) return false
  }
  for (const _ in right) columns -= 1
  return columns === 0
}

function sameValue(left: SqlValue, right: SqlValue | undefined): boolean {
  if (left instanceof Uint8Array && right instanceof Uint8Array) {
    return left.length === right.length && left.every((byte, index) => byte === right[index])
  }
  return Object.is(left, right)
}

function tooMany(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrBackpressure',
    message: `${LIVE_QUERIES_MAX} live queries run already.`,
    hint: 'Stop some, or watch one query for many rows.  Equal ones count once.',
    retry: 'later',
    facts: { countMax: LIVE_QUERIES_MAX },
  })
}
