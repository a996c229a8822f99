/** Refusals: what SQL may not do here, and why.  Pure: decides, never acts.  Pragmas: pragmas.ts.
 *  DESIGN §5 "Page VFS". */

import { ConstelliteError } from '../base/failure.ts'

/** A statement that begins, keeps or ends a transaction, as SQLite's own parser understood it. */
export type Control = {
  readonly kind: 'transaction' | 'savepoint'
  readonly word: string
}

/** SQL text may set savepoints inside a transaction; all else belongs to whoever began it. */
export function refuseControl(
  { kind, word }: Control,
  isInside: boolean,
): ConstelliteError | undefined {
  if (isInside && kind === 'savepoint') return undefined
  return new ConstelliteError({
    code: 'ErrTransaction',
    message: isInside
      ? `${word} is refused inside a transaction: only what began it ends it.`
      : `${word} is refused: all callers share the connection that it would act on.`,
    hint: isInside
      ? 'Leave it out; a part that may be undone is a savepoint: SAVEPOINT name … ROLLBACK TO name … RELEASE name.'
      : 'Use db.transaction(async (tx) => { … }); a script goes to tx.exec without its BEGIN and COMMIT.',
    facts: { statement: word },
  })
}

export function refuseAttach(): ConstelliteError {
  return refused(
    'ATTACH is refused: a commit over two files could not be one record of one history.',
    'Open the other database with a handle of its own and copy between the two.',
  )
}

export function refuseVacuumInto(): ConstelliteError {
  return refused(
    'VACUUM INTO is refused: the file it makes would have no history and no place here.',
    'Use export(), which gives a plain SQLite file.',
  )
}

export function refuseLoadExtension(): ConstelliteError {
  return refused(
    'load_extension() is refused: WebAssembly cannot load native libraries.',
    'FTS5, R-Tree, JSON and the math functions are built in.',
  )
}

export function refuseManyStatements(): ConstelliteError {
  return refused(
    'The text holds more than one statement, and only the first would have run.',
    'Use exec() for several statements, or call once for each.',
  )
}

export function refuseNoStatement(): ConstelliteError {
  return refused('The text holds no statement.', 'Pass one SQL statement.')
}

export function refuseNul(): ConstelliteError {
  return refused(
    'The SQL text holds a NUL character, at which SQLite would silently stop.',
    'Pass such text as a parameter.',
  )
}

function refused(message: string, hint: string): ConstelliteError {
  return new ConstelliteError({ code: 'ErrRefused', message, hint })
}
