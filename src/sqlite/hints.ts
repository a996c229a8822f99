/** Hints: what to do about a failure that SQLite reports.  Pure.
 *  Keeps: every failure has one; what the message says comes before what the code says.
 *  Messages are SQLite's own English ones, so one that is worded anew falls back to its code.
 *  Few and short, because the browser loads them. */

import type { Facts } from '../base/failure.ts'
import {
  SQLITE_BUSY,
  SQLITE_CONSTRAINT,
  SQLITE_CORRUPT,
  SQLITE_FULL,
  SQLITE_INTERRUPT,
  SQLITE_IOERR,
  SQLITE_NOMEM,
  SQLITE_NOTADB,
  SQLITE_READONLY,
  SQLITE_TOOBIG,
} from './codes.ts'

const BY_MESSAGE: readonly (readonly [RegExp, string])[] = [
  [
    /^no such (table|view|index|trigger)/,
    'Check the name.  New ones belong in `migrations`; a follower has them once it has caught up.',
  ],
  [
    /^no such column|has no column/,
    'Check the name, or add it by a migration.  Text needs single quotes: double quotes mean a name.',
  ],
  [
    /^no such function/,
    'JSON, FTS5, R-Tree and math are built in; functions of your own cannot be added.',
  ],
  [
    /syntax error|unrecognized token/,
    'facts.sqlOffset counts the bytes up to where SQLite stopped.  Values belong in parameters.',
  ],
  [/^incomplete input/, 'The statement ends too early: a bracket or a word is missing.'],
  [
    /row value misused|term - expected/,
    'list() brings its own brackets: write IN before it and no brackets around it.',
  ],
  [
    /already (exists|another|a )/,
    'Write CREATE … IF NOT EXISTS, or use `migrations`, where each text runs once.',
  ],
  [/within a transaction/, 'Call it on the database, outside of transactions and migrations.'],
  [
    /^UNIQUE constraint/,
    'Such a row exists: change it, or say INSERT … ON CONFLICT DO UPDATE or DO NOTHING.',
  ],
  [/^NOT NULL constraint/, 'Give the column a value, or a DEFAULT in the schema.'],
  [/^CHECK constraint/, 'The value breaks a condition of the schema.'],
  [/^FOREIGN KEY constraint/, 'Insert the parent row first, or delete its children first.'],
  [/^cannot store/, 'The table is STRICT: give a value of the type of the column.'],
]

const DAMAGED = 'Call verify(), which names what is damaged; a follower can be made anew.'
const TOO_LARGE = 'Store large values in pieces.'

const BY_CODE: ReadonlyMap<number, string> = new Map([
  [
    SQLITE_BUSY,
    'Another connection holds the write transaction, or this snapshot is older than the newest commit: roll back and start again.',
  ],
  [SQLITE_NOMEM, TOO_LARGE],
  [SQLITE_READONLY, 'Write through the writer of this database; temporary tables work here.'],
  [SQLITE_INTERRUPT, 'The statement was stopped; nothing of it was kept.'],
  [SQLITE_IOERR, 'The cause says what storage reported.'],
  [SQLITE_CORRUPT, DAMAGED],
  [SQLITE_FULL, 'PRAGMA max_page_count limits this database: delete rows, or raise it.'],
  [SQLITE_TOOBIG, TOO_LARGE],
  [SQLITE_CONSTRAINT, 'A constraint or a trigger of the schema refused the row.'],
  [SQLITE_NOTADB, DAMAGED],
])

const OTHER = 'These are SQLite’s own words; sqlite.org/rescode.html explains its codes.'

export function hintFor(code: number, message: string): string {
  const [, hint] = BY_MESSAGE.find(([pattern]) => pattern.test(message)) ?? []
  return hint ?? BY_CODE.get(code) ?? OTHER
}

/** Which constraint failed, and on which columns or by which name, from what SQLite says about it. */
export function constraintFacts(message: string): Facts {
  const match = /^(.+) constraint failed(?:: (.*))?$/s.exec(message)
  if (match === null) return {}
  return { constraint: match[1], ...(match[2] === undefined ? {} : { on: match[2] }) }
}
