/** Connection: one SQLite connection over the page VFS, all calls synchronous.
 *  Keeps: whatever way a statement ends, it is reset, its bindings are cleared and the announcement of
 *  a commit is withdrawn; the tables that a transaction wrote are known when it commits.
 *  Never: lets a pragma, ATTACH or a second statement change how commits are made, or a text from
 *  outside begin or end a transaction (refusals.ts). */

import { assert } from '../base/assert.ts'
import { ConstelliteError } from '../base/failure.ts'
import { type Authorizer, createAuthorizer, createTableUse, type TableUse } from './authorizer.ts'
import { FCNTL_RESET_CACHE, SQLITE_DONE, SQLITE_OK, SQLITE_ROW } from './codes.ts'
import type { CommitIntent, DatabaseFile } from './database-file.ts'
import { type Description, describeUse, TABLE_LIST_SQL } from './describe.ts'
import { sqlFailure } from './failures.ts'
import type { Heap, Scratch } from './heap.ts'
import type { HookTable } from './hooks.ts'
import type { Pointer, Sqlite3 } from './module.ts'
import { openDatabase } from './open-database.ts'
import { bindParameters } from './parameters.ts'
import type { PragmaFacts } from './pragmas.ts'
import { refuseControl, refuseLoadExtension } from './refusals.ts'
import { readRow } from './rows.ts'
import { type Compiler, createCompiler, createStatementCache, type Statement } from './statement.ts'
import type { Row, RunResult, SqlParameters } from './values.ts'
import type { Vfs } from './vfs.ts'

/** One SQLite connection.  All calls are synchronous.  Failures are ErrSql with SQLite's codes,
 *  ErrRefused, ErrParameter, or what the page space threw. */
export type SqlConnection = {
  /** One statement that may write; rows are dropped. */
  run(sql: string, parameters?: SqlParameters): RunResult
  /** One statement; all its rows.  Integers are numbers when safe, else bigint. */
  all(sql: string, parameters?: SqlParameters): Row[]
  /** Any number of statements, without parameters or rows. */
  exec(sql: string): void
  /** As `exec`, for the program's own text: nothing else may begin or end a transaction. */
  control(sql: string): void
  /** Tables that a statement reads and writes, triggers and views resolved, and whether it only reads. */
  describe(sql: string): Description
  /** True between BEGIN and COMMIT or ROLLBACK. */
  readonly inTransaction: boolean
  /** Stops the running statement from another callback: sqlite3_interrupt. */
  interrupt(): void
  close(): void
}

/** What the engine adds for itself. */
export type OwnedConnection = SqlConnection & { resetCache(): void }

export type ConnectionParts = {
  readonly sqlite3: Sqlite3
  readonly heap: Heap
  readonly scratch: Scratch
  readonly hooks: HookTable
  readonly vfs: Vfs
  readonly file: DatabaseFile
  readonly pragmaFacts: () => PragmaFacts
  readonly cacheBytesMax: number
  readonly statementsMax: number
  readonly role: 'writer' | 'reader'
  readonly shouldStop: (() => boolean) | undefined
  readonly onClose: (connection: OwnedConnection) => void
}

type Session = {
  readonly parts: ConnectionParts
  readonly database: Pointer
  readonly authorizer: Authorizer
  readonly intent: CommitIntent
  /** What the open transaction has used so far. */
  readonly transaction: TableUse
  readonly compiler: Compiler
  /** Callbacks may use other connections, never the one that runs. */
  isRunning: boolean
  /** The cache is dropped when the open transaction ends. */
  isResetDue: boolean
  /** What a callback refused or threw since the last call. */
  takeFailure(): unknown
  throwFailure(resultCode: number): never
  close(): void
}

export function openConnection(parts: ConnectionParts): OwnedConnection {
  const session = openSession(parts)
  const { database, compiler } = session
  const { exports } = parts.sqlite3.wasm
  const cache = createStatementCache(compiler, parts.statementsMax)
  let isOpen = true
  const open = (): void => {
    if (!isOpen) throw closedFailure()
    assert(!session.isRunning, 'a callback uses another connection than the one that runs')
  }
  const all = (sql: string, parameters?: SqlParameters): Row[] => {
    open()
    const rows: Row[] = []
    const statement = cache.get(sql)
    execute(session, statement, parameters, () => {
      rows.push(readRow(exports, parts.heap, statement.pointer, statement.columnNames()))
    })
    return rows
  }
  const connection: OwnedConnection = {
    run(sql, parameters) {
      open()
      const before = exports.sqlite3_total_changes(database)
      execute(session, cache.get(sql), parameters, () => undefined)
      const isChanged = exports.sqlite3_total_changes(database) !== before
      return {
        // After DDL or a SELECT, SQLite still answers the count of the statement before.
        changes: isChanged ? exports.sqlite3_changes(database) : 0,
        lastInsertRowid: shortened(exports.sqlite3_last_insert_rowid(database)),
      }
    },
    all,
    exec(sql) {
      open()
      compiler.each(sql, (statement) => execute(session, statement, undefined, () => undefined))
    },
    control(sql) {
      open()
      compiler.each(sql, (statement) => perform(session, statement, undefined, () => undefined))
    },
    describe(sql) {
      open()
      // Compiled anew: a cached statement may be older than a trigger.
      const statement = compiler.compile(sql)
      compiler.finalize(statement)
      return describeUse(statement.use, statement.isReadOnly, all(TABLE_LIST_SQL))
    },
    get inTransaction() {
      return isOpen && exports.sqlite3_get_autocommit(database) === 0
    },
    interrupt() {
      if (isOpen) exports.sqlite3_interrupt(database)
    },
    resetCache() {
      // Inside a transaction the old snapshot is still read, and its schema parsed again.
      if (session.isRunning || connection.inTransaction) session.isResetDue = true
      else resetCache(session)
    },
    close() {
      if (!isOpen) return
      open()
      isOpen = false
      cache.clear()
      session.close()
      parts.onClose(connection)
    },
  }
  return connection
}

function shortened(rowid: bigint): number | bigint {
  const asNumber = Number(rowid)
  return Number.isSafeInteger(asNumber) ? asNumber : rowid
}

function openSession(parts: ConnectionParts): Session {
  const { sqlite3, heap, vfs, role } = parts
  const transaction = createTableUse()
  const authorizer = createAuthorizer(heap, parts.pragmaFacts)
  const intent: CommitIntent = {
    role,
    isAnnounced: false,
    isVacuum: false,
    changedTables: () => (transaction.isSchemaChange ? [] : [...transaction.writes].sort()),
  }
  let hookFailure: unknown
  const takeFailure = (): unknown => {
    const thrown = [authorizer.takeRefusal(), vfs.takeFailure(), hookFailure]
    hookFailure = undefined
    return thrown.find((failure) => failure !== undefined)
  }
  const database = openDatabase({ ...parts, intent })
  const detach = parts.hooks.attach(database, {
    authorize: authorizer.decide,
    announceCommit: () => {
      intent.isAnnounced = true
    },
    shouldStop: parts.shouldStop,
    fail: (error) => {
      hookFailure ??= error
    },
  })
  const throwFailure = (resultCode: number): never => {
    const failure = sqlFailure({ sqlite3, heap, database, resultCode, thrown: takeFailure() })
    if (failure.message.includes('no such function: load_extension')) throw refuseLoadExtension()
    throw failure
  }
  const { exports } = sqlite3.wasm
  const compiler = createCompiler({
    exports,
    heap,
    database,
    authorizer,
    forgetFailure: takeFailure,
    throwFailure,
  })
  return {
    parts,
    database,
    authorizer,
    intent,
    transaction,
    compiler,
    isRunning: false,
    isResetDue: false,
    takeFailure,
    throwFailure,
    close() {
      compiler.close()
      detach()
      exports.sqlite3_close_v2(database)
    },
  }
}

/** As `perform`, for text from outside.  Asked at each run: a compiled statement is kept, and may come
 *  again when no transaction is open. */
function execute(
  session: Session,
  statement: Statement,
  parameters: SqlParameters | undefined,
  onRow: () => void,
): void {
  const { control } = statement.use
  if (control !== undefined) {
    const { exports } = session.parts.sqlite3.wasm
    const isInside = exports.sqlite3_get_autocommit(session.database) === 0
    const refusal = refuseControl(control, isInside)
    if (refusal !== undefined) throw refusal
  }
  perform(session, statement, parameters, onRow)
}

/** Binds, steps to the end and tidies up, whatever happens. */
function perform(
  session: Session,
  statement: Statement,
  parameters: SqlParameters | undefined,
  onRow: () => void,
): void {
  const { parts, database, authorizer, intent, transaction } = session
  const { exports } = parts.sqlite3.wasm
  const { pointer, use, isVacuum } = statement
  for (const table of use.writes) transaction.writes.add(table)
  if (use.isSchemaChange) transaction.isSchemaChange = true
  session.isRunning = true
  parts.scratch.push()
  // A step may compile again, after a change of the schema by another connection.
  authorizer.record(transaction)
  authorizer.isVacuum = isVacuum
  intent.isVacuum = isVacuum
  session.takeFailure()
  try {
    let code = bindParameters(exports, parts.scratch, statement, parameters)
    if (code !== SQLITE_OK) session.throwFailure(code)
    code = exports.sqlite3_step(pointer)
    while (code === SQLITE_ROW) {
      onRow()
      code = exports.sqlite3_step(pointer)
    }
    if (code !== SQLITE_DONE) session.throwFailure(code)
  } finally {
    exports.sqlite3_reset(pointer)
    if (statement.parameterNames.length > 0) exports.sqlite3_clear_bindings(pointer)
    parts.scratch.pop()
    session.isRunning = false
    authorizer.isVacuum = false
    intent.isVacuum = false
    intent.isAnnounced = false
    if (exports.sqlite3_get_autocommit(database) !== 0) endTransaction(session)
  }
}

function endTransaction(session: Session): void {
  const { transaction } = session
  transaction.reads.clear()
  transaction.writes.clear()
  transaction.isSchemaChange = false
  if (session.isResetDue) resetCache(session)
}

/** The file control keeps the parsed schema, whose cookie may be equal on another history. */
function resetCache(session: Session): void {
  session.isResetDue = false
  session.parts.sqlite3.wasm.exports.sqlite3_file_control(session.database, 0, FCNTL_RESET_CACHE, 0)
  session.compiler.each('PRAGMA writable_schema = RESET', (statement) =>
    perform(session, statement, undefined, () => undefined),
  )
}

export function closedFailure(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrClosed',
    message: 'The database was closed.',
    hint: 'Open the database again.',
  })
}
