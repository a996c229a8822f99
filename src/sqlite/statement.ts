/** Statements: compiling SQL text, and a bounded cache of what was compiled.
 *  Keeps: one text, one statement; text behind it is refused, so that nothing is skipped silently. */

import { type Authorizer, createTableUse, type TableUse } from './authorizer.ts'
import { PREPARE_PERSISTENT, SQLITE_OK, STMTSTATUS_REPREPARE } from './codes.ts'
import type { Heap } from './heap.ts'
import type { Pointer, SqliteExports } from './module.ts'
import { refuseManyStatements, refuseNoStatement, refuseNul } from './refusals.ts'
import { readColumnNames } from './rows.ts'

export type Statement = {
  readonly pointer: Pointer
  readonly parameterNames: readonly string[]
  readonly isReadOnly: boolean
  readonly isVacuum: boolean
  /** As of its compilation. */
  readonly use: TableUse
  /** Names of the columns; asked once a row is there, as a changed schema compiles it anew. */
  columnNames(): readonly string[]
}

export type Compiler = {
  /** The one statement of `sql`, not cached; the caller finalizes it. */
  compile(sql: string): Statement
  /** Runs `visit` on each statement of `sql` and finalizes it before the next is compiled. */
  each(sql: string, visit: (statement: Statement) => void): void
  finalize(statement: Statement): void
  close(): void
}

type CompilerParts = {
  readonly exports: SqliteExports
  readonly heap: Heap
  readonly database: Pointer
  readonly authorizer: Authorizer
  /** Drops what a callback threw in a call that succeeded all the same. */
  readonly forgetFailure: () => void
  /** Throws what the failed compilation means. */
  readonly throwFailure: (resultCode: number) => never
}

type Compiled = { readonly statement: Statement | undefined; readonly tail: Pointer }

export function createCompiler(parts: CompilerParts): Compiler {
  const { exports, heap, throwFailure } = parts
  // Two out-parameters of sqlite3_prepare_v3: the statement and where the text goes on.
  const results = heap.allocate(8)
  const compileAt = (start: Pointer, end: Pointer, flags: number): Compiled => {
    const use = createTableUse()
    parts.authorizer.record(use)
    parts.forgetFailure()
    const code = exports.sqlite3_prepare_v3(
      parts.database,
      start,
      end - start + 1,
      flags,
      results,
      results + 4,
    )
    if (code !== SQLITE_OK) throwFailure(code)
    const pointer = heap.view().getUint32(results, true)
    const tail = heap.view().getUint32(results + 4, true)
    if (pointer === 0) return { statement: undefined, tail }
    const isVacuum = isVacuumText(heap.text(start, tail - start))
    return { statement: createStatement(exports, heap, pointer, use, isVacuum), tail }
  }
  const nextAt = (start: Pointer, end: Pointer, flags: number): Compiled => {
    let at = start
    while (at < end) {
      const compiled = compileAt(at, end, flags)
      if (compiled.statement !== undefined) return compiled
      at = compiled.tail
    }
    return { statement: undefined, tail: end }
  }
  const withText = <T>(sql: string, work: (start: Pointer, end: Pointer) => T): T => {
    if (sql.includes('\0')) throw refuseNul()
    const text = heap.allocateText(sql)
    try {
      return work(text.pointer, text.pointer + text.sizeBytes)
    } finally {
      heap.free(text.pointer)
    }
  }
  const compiler: Compiler = {
    compile: (sql) =>
      withText(sql, (start, end) => {
        const { statement, tail } = nextAt(start, end, PREPARE_PERSISTENT)
        if (statement === undefined) throw refuseNoStatement()
        if (isBlankText(heap.text(tail, end - tail))) return statement
        compiler.finalize(statement)
        throw refuseManyStatements()
      }),
    each: (sql, visit) =>
      withText(sql, (start, end) => {
        let at = start
        while (at < end) {
          const { statement, tail } = nextAt(at, end, 0)
          at = tail
          if (statement === undefined) continue
          try {
            visit(statement)
          } finally {
            compiler.finalize(statement)
          }
        }
      }),
    finalize: (statement) => void exports.sqlite3_finalize(statement.pointer),
    close: () => heap.free(results),
  }
  return compiler
}

function createStatement(
  exports: SqliteExports,
  heap: Heap,
  pointer: Pointer,
  use: TableUse,
  isVacuum: boolean,
): Statement {
  const parameterCount = exports.sqlite3_bind_parameter_count(pointer)
  const parameterNames = Array.from({ length: parameterCount }, (_, index) =>
    heap.cText(exports.sqlite3_bind_parameter_name(pointer, index + 1)),
  )
  let names: readonly string[] | undefined
  let namedAt = 0
  return {
    pointer,
    parameterNames,
    isReadOnly: exports.sqlite3_stmt_readonly(pointer) !== 0,
    isVacuum,
    use,
    columnNames() {
      const compilations = exports.sqlite3_stmt_status(pointer, STMTSTATUS_REPREPARE, 0)
      if (names === undefined || compilations !== namedAt) {
        names = readColumnNames(exports, heap, pointer)
        namedAt = compilations
      }
      return names
    },
  }
}

/** White space, semicolons and comments, as SQLite reads them. */
const BLANK = /^(?:[\s;]|--[^\n]*(?:\n|$)|\/\*[\s\S]*?(?:\*\/|$))*/

function isBlankText(text: string): boolean {
  return BLANK.exec(text)?.[0].length === text.length
}

function isVacuumText(text: string): boolean {
  return /^vacuum\b/i.test(text.slice(BLANK.exec(text)?.[0].length ?? 0))
}

/** The newest texts, compiled; the oldest leaves first. */
export type StatementCache = {
  get(sql: string): Statement
  clear(): void
  readonly size: number
}

export function createStatementCache(compiler: Compiler, statementsMax: number): StatementCache {
  const statements = new Map<string, Statement>()
  const evict = (): void => {
    for (const [sql, statement] of statements) {
      if (statements.size < statementsMax) return
      statements.delete(sql)
      compiler.finalize(statement)
    }
  }
  return {
    get(sql) {
      const known = statements.get(sql)
      if (known !== undefined) {
        statements.delete(sql)
        statements.set(sql, known)
        return known
      }
      evict()
      const statement = compiler.compile(sql)
      statements.set(sql, statement)
      return statement
    },
    clear() {
      for (const statement of statements.values()) compiler.finalize(statement)
      statements.clear()
    },
    get size() {
      return statements.size
    },
  }
}
