/** Control words: statements that begin or end a transaction, which only `transaction` may do.
 *  Keeps: what looks at the text looks at its first words only; what escapes it (a COMMIT inside `exec`)
 *  is seen afterwards by SQLite's own state. */

import { ConstelliteError } from '../base/failure.ts'

/** Blanks, and comments in both of SQLite's forms, before the first word. */
const LEAD = /^(?:\s|;|--[^\n]*(?:\n|$)|\/\*[\s\S]*?(?:\*\/|$))*/

/** The first word of a statement, in capitals; '' when there is none. */
export function firstWord(sql: string): string {
  return firstWords(sql)[0] ?? ''
}

function firstWords(sql: string): readonly string[] {
  const start = LEAD.exec(sql)?.[0].length ?? 0
  return sql
    .slice(start, start + 80)
    .toUpperCase()
    .split(/[^A-Z]+/)
}

/** Why a statement may not be used outside (or inside) a transaction's callback, if it may not. */
export function refuseControl(
  sql: string,
  where: 'inside' | 'outside',
): ConstelliteError | undefined {
  const [word, second, third] = firstWords(sql)
  const isBegin = word === 'BEGIN'
  const isEnd =
    word === 'COMMIT' ||
    word === 'END' ||
    (word === 'ROLLBACK' && second !== 'TO' && third !== 'TO')
  const isSavepoint = word === 'SAVEPOINT' || word === 'RELEASE' || word === 'ROLLBACK'
  if (where === 'inside') {
    if (isBegin) return nested()
    return isEnd ? endsItself() : undefined
  }
  return isBegin || isEnd || isSavepoint ? useTransaction(word) : undefined
}

export function nested(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrTransaction',
    message: 'A transaction cannot begin inside another.',
    hint: 'Inside it use savepoints: SAVEPOINT name … ROLLBACK TO name … RELEASE name.',
  })
}

/** SQLite ended the transaction: by a statement in `exec`, or after an error that it cannot undo alone. */
export function endsItself(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrTransaction',
    message: 'The transaction was ended inside its callback.',
    hint: 'Return from the callback to commit; throw to roll back.',
  })
}

export function useTransaction(word: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrTransaction',
    message: `${word} cannot be used on a connection that all callers share.`,
    hint: 'Use db.transaction(async (tx) => { … }).',
    facts: { word },
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
