/** Refusals: what SQL may not do here, and why.  Pure: decides, never acts.
 *  Keeps: a pragma that would change nothing is allowed, so that tools which set the defaults work.
 *  DESIGN §5 "Page VFS", STYLE "settings that do nothing are refused". */

import { ConstelliteError } from '../base/failure.ts'

export type PragmaFacts = {
  readonly pageSize: number
  /** 0 none, 1 full, 2 incremental: what the file says. */
  readonly autoVacuum: number
}

type Rule = {
  /** The values that change nothing. */
  readonly same: (facts: PragmaFacts) => readonly string[]
  readonly reason: string
}

const AUTO_VACUUM_NAMES: readonly (readonly string[])[] = [
  ['0', 'none'],
  ['1', 'full'],
  ['2', 'incremental'],
]

const RULES: Readonly<Record<string, Rule>> = {
  page_size: {
    same: (facts) => [String(facts.pageSize)],
    reason: 'The page size belongs to the history of this database and changes only by import.',
  },
  journal_mode: {
    same: () => ['truncate'],
    reason:
      'The log of Constellite is the journal; a second one would add nothing and cost a write.',
  },
  synchronous: {
    same: () => ['2', 'full'],
    reason: 'How far a commit got is chosen with the durability option, never by skipping a flush.',
  },
  locking_mode: {
    same: () => ['normal'],
    reason: 'Readers and applied frames stay coherent only with normal locking.',
  },
  temp_store: {
    same: () => ['1', 'file'],
    reason: 'Temporary files are kept by Constellite, in memory up to a limit.',
  },
  encoding: {
    same: () => ['utf-8', 'utf8'],
    reason: 'Text is UTF-8 in every copy.',
  },
  auto_vacuum: {
    same: (facts) => AUTO_VACUUM_NAMES[facts.autoVacuum] ?? [],
    reason: 'Whether free pages are returned at each commit was decided when the file was made.',
  },
  temp_store_directory: { same: () => [], reason: 'Temporary files are kept by Constellite.' },
  data_store_directory: { same: () => [], reason: 'Files are kept by Constellite.' },
}

/** The failure for a pragma with an argument, or undefined when it is allowed. */
export function refusePragma(
  name: string,
  value: string | undefined,
  facts: PragmaFacts,
): ConstelliteError | undefined {
  const pragma = name.toLowerCase()
  const rule = Object.hasOwn(RULES, pragma) ? RULES[pragma] : undefined
  if (value === undefined || rule === undefined) return undefined
  if (rule.same(facts).includes(value.toLowerCase())) return undefined
  return refused(
    `PRAGMA ${pragma} = ${value} is refused. ${rule.reason}`,
    'Leave the pragma out; it has the only value that fits.',
  )
}

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
