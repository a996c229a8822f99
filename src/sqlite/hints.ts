/** Hints: what to do about a failure that SQLite reports.  Pure.
 *  Keeps: every failure has one; the first line of the table that fits decides.
 *  Messages are SQLite's own English ones, so a line that no longer fits falls back to the code's. */

import type { Facts } from '../base/failure.ts'
import {
  SQLITE_BUSY,
  SQLITE_CONSTRAINT,
  SQLITE_CORRUPT,
  SQLITE_ERROR,
  SQLITE_FULL,
  SQLITE_INTERRUPT,
  SQLITE_IOERR,
  SQLITE_MISMATCH,
  SQLITE_NOMEM,
  SQLITE_NOTADB,
  SQLITE_READONLY,
  SQLITE_TOOBIG,
} from './codes.ts'

type Line = {
  /** Primary result code. */
  readonly code: number
  readonly message?: RegExp
  readonly hint: string
}

const LINES: readonly Line[] = [
  {
    code: SQLITE_ERROR,
    message: /^no such (table|view|index|trigger)/,
    hint: 'Check the name.  What is missing on the writer belongs in `migrations`; a follower has it once it has caught up.',
  },
  {
    code: SQLITE_ERROR,
    message: /^no such column|has no column named/,
    hint: 'Check the name, and put text in single quotes or parameters: double quotes mean a name.  A new column needs a migration.',
  },
  {
    code: SQLITE_ERROR,
    message: /^no such function/,
    hint: 'JSON, FTS5, R-Tree and the math functions are built in; functions of your own cannot be added.',
  },
  {
    code: SQLITE_ERROR,
    message: /^wrong number of arguments/,
    hint: 'The function takes other arguments: see sqlite.org/lang_corefunc.html.',
  },
  {
    code: SQLITE_ERROR,
    message: /^incomplete input/,
    hint: 'The statement ends too early: a bracket or a word is missing.',
  },
  {
    code: SQLITE_ERROR,
    message: /syntax error|unrecognized token/,
    hint: 'facts.sqlOffset counts the bytes up to the place where SQLite stopped.  Values belong in parameters.',
  },
  {
    code: SQLITE_ERROR,
    message: /row value misused|term - expected/,
    hint: 'list() brings its own brackets: write IN before it and no brackets around it.',
  },
  {
    code: SQLITE_ERROR,
    message: /already exists|already another|already a (table|view|index)/,
    hint: 'Write CREATE … IF NOT EXISTS, or put it in `migrations`, where each text runs once.',
  },
  {
    code: SQLITE_ERROR,
    message: /columns? but \d+ values|values for \d+ columns/,
    hint: 'Name the columns: INSERT INTO t (a, b) VALUES (?, ?).',
  },
  {
    code: SQLITE_ERROR,
    message: /^ambiguous column/,
    hint: 'Say which one is meant: table.column.',
  },
  {
    code: SQLITE_ERROR,
    message: /^no such savepoint/,
    hint: 'It was released or rolled back, or never set in this transaction.',
  },
  {
    code: SQLITE_ERROR,
    message: /within a transaction/,
    hint: 'Call it on the database, outside of `transaction` and of migrations.',
  },
  {
    code: SQLITE_CONSTRAINT,
    message: /^UNIQUE|^PRIMARY KEY/,
    hint: 'Such a row exists: change it, or say what to do with INSERT … ON CONFLICT DO UPDATE or DO NOTHING.',
  },
  {
    code: SQLITE_CONSTRAINT,
    message: /^NOT NULL/,
    hint: 'Give the column a value, or a DEFAULT in the schema.',
  },
  {
    code: SQLITE_CONSTRAINT,
    message: /^CHECK/,
    hint: 'The value breaks the condition that the schema sets.',
  },
  {
    code: SQLITE_CONSTRAINT,
    message: /^FOREIGN KEY/,
    hint: 'Insert the parent row first, or delete the children first; PRAGMA foreign_key_check names the rows.',
  },
  {
    code: SQLITE_CONSTRAINT,
    message: /^cannot store/,
    hint: 'The table is STRICT: give a value of the type of the column.',
  },
  { code: SQLITE_CONSTRAINT, hint: 'A constraint or a trigger of the schema refused the row.' },
  {
    code: SQLITE_BUSY,
    hint: 'Another connection holds the write transaction, or this snapshot is older than the newest commit: roll back and start again.',
  },
  { code: SQLITE_NOMEM, hint: 'Store large values in pieces, or in fewer open databases.' },
  {
    code: SQLITE_READONLY,
    hint: 'Write through the writer of this database; temporary tables work here.',
  },
  { code: SQLITE_INTERRUPT, hint: 'The statement was stopped; nothing of it was kept.' },
  { code: SQLITE_IOERR, hint: 'The cause says what storage reported.' },
  {
    code: SQLITE_CORRUPT,
    hint: 'Call verify(), which names what is damaged; a follower can be made anew.',
  },
  {
    code: SQLITE_NOTADB,
    hint: 'Call verify(), which names what is damaged; a follower can be made anew.',
  },
  {
    code: SQLITE_FULL,
    hint: 'PRAGMA max_page_count limits this database: delete rows, or raise it.',
  },
  { code: SQLITE_TOOBIG, hint: 'Store it in pieces: SQLite takes up to 1 GB of text or bytes.' },
  { code: SQLITE_MISMATCH, hint: 'An INTEGER PRIMARY KEY (rowid) takes only whole numbers.' },
]

const OTHER_HINT = 'These are SQLite’s own words; sqlite.org/rescode.html explains its codes.'

export function hintFor(code: number, message: string): string {
  const fits = (line: Line): boolean => line.code === code && line.message?.test(message) !== false
  return LINES.find(fits)?.hint ?? OTHER_HINT
}

/** Which constraint failed, and on which columns or by which name, from what SQLite says about it. */
export function constraintFacts(message: string): Facts {
  const match = /^(.+) constraint failed(?:: (.*))?$/s.exec(message)
  if (match === null) return {}
  return { constraint: match[1], ...(match[2] === undefined ? {} : { on: match[2] }) }
}
