/** Authorizer: what SQLite asks while it compiles a statement; the answers refuse and record.
 *  Keeps: tables behind views, triggers and foreign keys are recorded, because SQLite asks for each;
 *  temporary tables are not, they are no part of the database.
 *  It also hears statements that SQLite compiles for itself inside a step (VACUUM, FTS5). */

import type { ConstelliteError } from '../base/failure.ts'
import {
  ACTION_ATTACH,
  ACTION_DELETE,
  ACTION_INSERT,
  ACTION_PRAGMA,
  ACTION_READ,
  ACTION_SAVEPOINT,
  ACTION_TRANSACTION,
  ACTION_UPDATE,
  SCHEMA_ACTIONS,
  SQLITE_DENY,
  SQLITE_OK,
} from './codes.ts'
import type { Heap } from './heap.ts'
import type { Pointer } from './module.ts'
import { type PragmaFacts, refusePragma } from './pragmas.ts'
import { type Control, refuseAttach, refuseVacuumInto } from './refusals.ts'

/** Tables of the main database that statements use. */
export type TableUse = {
  readonly reads: Set<string>
  readonly writes: Set<string>
  /** The schema changes, so which tables change is not known. */
  isSchemaChange: boolean
  /** The statement begins, keeps or ends a transaction. */
  control: Control | undefined
}

export function createTableUse(): TableUse {
  return { reads: new Set(), writes: new Set(), isSchemaChange: false, control: undefined }
}

/** What SQLite names by what it does, as it is written. */
const SAVEPOINT_WORDS: Readonly<Record<string, string>> = {
  BEGIN: 'SAVEPOINT',
  RELEASE: 'RELEASE',
  ROLLBACK: 'ROLLBACK TO',
}

export type Authorizer = {
  /** Where tables are recorded from now on. */
  record(use: TableUse): void
  /** The running statement is VACUUM, which attaches a temporary database. */
  isVacuum: boolean
  takeRefusal(): ConstelliteError | undefined
  decide(action: number, first: Pointer, second: Pointer, schema: Pointer): number
}

export function createAuthorizer(heap: Heap, pragmaFacts: () => PragmaFacts): Authorizer {
  let use = createTableUse()
  let refusal: ConstelliteError | undefined
  let lastRead: Pointer = 0
  // A table of which no column is read (count(*)) comes as it was written, mostly without a schema.
  const isMain = (schema: Pointer): boolean => schema === 0 || heap.cText(schema) === 'main'
  const refuse = (failure: ConstelliteError | undefined): number => {
    refusal ??= failure
    return failure === undefined ? SQLITE_OK : SQLITE_DENY
  }
  const recordRead = (table: Pointer, schema: Pointer): void => {
    // One call for each column; the name of one table stays at one address during a compilation.
    if (table === lastRead) return
    lastRead = table
    if (isMain(schema)) use.reads.add(heap.cText(table))
  }
  const recordWrite = (table: Pointer, schema: Pointer): void => {
    if (!isMain(schema)) return
    const name = heap.cText(table)
    if (name === 'sqlite_master' || name === 'sqlite_schema') use.isSchemaChange = true
    else use.writes.add(name)
  }
  const decidePragma = (name: Pointer, value: Pointer): number => {
    if (value === 0) return SQLITE_OK
    return refuse(refusePragma(heap.cText(name), heap.cText(value), pragmaFacts()))
  }
  const authorizer: Authorizer = {
    isVacuum: false,
    record(target) {
      use = target
      lastRead = 0
    },
    takeRefusal() {
      const taken = refusal
      refusal = undefined
      return taken
    },
    decide(action, first, second, schema) {
      switch (action) {
        case ACTION_READ:
          recordRead(first, schema)
          return SQLITE_OK
        case ACTION_INSERT:
        case ACTION_UPDATE:
        case ACTION_DELETE:
          recordWrite(first, schema)
          return SQLITE_OK
        case ACTION_TRANSACTION:
          use.control = { kind: 'transaction', word: heap.cText(first) }
          return SQLITE_OK
        case ACTION_SAVEPOINT:
          use.control = { kind: 'savepoint', word: SAVEPOINT_WORDS[heap.cText(first)] ?? '' }
          return SQLITE_OK
        case ACTION_PRAGMA:
          return decidePragma(first, second)
        case ACTION_ATTACH:
          if (!authorizer.isVacuum) return refuse(refuseAttach())
          return refuse(heap.cText(first) === '' ? undefined : refuseVacuumInto())
        default:
          if (SCHEMA_ACTIONS.has(action) && heap.cText(schema) !== 'temp') use.isSchemaChange = true
          return SQLITE_OK
      }
    },
  }
  return authorizer
}
