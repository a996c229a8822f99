/** Drizzle's rows: Drizzle reads rows by position, and ours are objects by column name (sqlite/rows.ts gives
 *  every column a name of its own).  An object has names that are numbers first, wherever the columns stood.
 *  Keeps: no row is read out of order: a SELECT that could have such names is asked for under others, and
 *  elsewhere a row with such names is refused.
 *  Rests on SQLite keeping the order of the one subquery that a plain SELECT * reads. */

import { ConstelliteError } from '../base/failure.ts'
import type { Row, SqlValue } from '../database/types.ts'

/** A SELECT such that its rows keep the order of these columns; undefined is a name that only SQLite knows. */
export function inOrder(sql: string, names: readonly (string | undefined)[]): string {
  if (names.length < 2 || names.every((name) => name !== undefined && !isIndex(name))) return sql
  const columns = names.map((_, index) => `c${index}`).join(', ')
  return `WITH drizzle_rows (${columns}) AS (${sql}) SELECT * FROM drizzle_rows`
}

/** A row by position. */
export function toValues(row: Row): SqlValue[] {
  const names = Object.keys(row)
  // Such names come first, so one look is enough.
  if (names.length < 2 || !isIndex(names[0] ?? '')) return Object.values(row)
  throw new ConstelliteError({
    code: 'ErrParameter',
    message: `A column of this statement is named "${names[0]}", which loses its place in a row.`,
    hint: 'Name it with a word: sql`…`.as(name), or AS in SQL.',
    facts: { names: names.join(', ') },
  })
}

function isIndex(name: string): boolean {
  return /^\d+$/.test(name)
}
