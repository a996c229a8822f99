/** Control words: what a statement begins with, and the words of transactions used where they may not be.
 *  Keeps: the text decides only where a call runs; what it may do is decided by SQLite's own parser
 *  (sqlite/refusals.ts), which no comment or script gets past. */

import { ConstelliteError } from '../base/failure.ts'

/** Blanks, and comments in both of SQLite's forms, before the first word. */
const LEAD = /^(?:\s|;|--[^\n]*(?:\n|$)|\/\*[\s\S]*?(?:\*\/|$))*/

/** The first word of a statement, in capitals; '' when there is none. */
export function firstWord(sql: string): string {
  const start = LEAD.exec(sql)?.[0].length ?? 0
  return /^[A-Z]*/.exec(sql.slice(start, start + 20).toUpperCase())?.[0] ?? ''
}

/** What a statement that writes has in it, in front of RETURNING: SQLite reserves all but the last. */
const WRITING = /\b(insert|update|delete|replace)\b/i

/** False for what certainly writes nothing; a read that has such a word in a text counts as a write. */
export function mayWrite(sql: string): boolean {
  return WRITING.test(sql)
}

/** SQLite ended the transaction by itself and named no reason. */
export function endsItself(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrTransaction',
    message: 'The transaction was ended inside its callback.',
    hint: 'Return from the callback to commit; throw to roll back.',
  })
}

/** Calls on a database inside its own transaction. */
export function insideItself(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrTransaction',
    message: 'A call on the database inside its own transaction would wait for itself.',
    hint: 'Use `tx`, the argument of the callback.  For a nested transaction use savepoints.',
  })
}
