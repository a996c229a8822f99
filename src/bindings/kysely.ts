/** Kysely: a dialect over an open database, and live queries out of Kysely's.
 *  Keeps: statements outside transactions are ours, one by one; a transaction is one of ours, so that DDL in
 *  it rolls back too.  Not here: `destroy` of Kysely leaves the database open, because it was given open.
 *  Never: promises what SQLite does not have, as another isolation level: it is refused. */

import {
  type Compilable,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type KyselyPlugin,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type TransactionSettings,
} from 'kysely'
import { ConstelliteError } from '../base/failure.ts'
import type { Database, Queries, SqlInput, Watch } from '../database/types.ts'
import { type HeldTransaction, holdTransaction } from './held-transaction.ts'
import { keyOf, type LiveQuery } from './live-query.ts'
import { mapWatch } from './map-watch.ts'

/** The dialect for `new Kysely({ dialect })`. */
export function createDialect(database: Database): Dialect {
  return {
    createAdapter: () => new Adapter(database),
    createDriver: () => createDriver(database),
    createIntrospector: (kysely) => new SqliteIntrospector(kysely),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  }
}

/** A query of Kysely as a live one: `.watch()` it, or give it to `useQuery`. */
export function live<Schema, Output extends object>(
  kysely: Kysely<Schema>,
  query: Compilable<Output>,
): LiveQuery<Output> {
  const { adapter, plugins } = kysely.getExecutor()
  if (!(adapter instanceof Adapter)) throw foreign()
  const { database } = adapter
  const compiled = query.compile()
  return {
    database,
    key: keyOf([compiled.sql, compiled.parameters, plugins.map(numberOf)]),
    watch: () => {
      // What a row is, Kysely's types say.
      const watch = database.watch(compiled.sql, parametersOf(compiled)) as Watch<object>
      const mapped = plugins.length === 0 ? watch : mapWatch(watch, (rows) => transform(rows))
      return mapped as Watch<Output>
    },
  }

  async function transform(rows: object[]): Promise<object[]> {
    // As above.
    let result = { rows: rows as Record<string, unknown>[] }
    for (const plugin of plugins) {
      result = await plugin.transformResult({ queryId: compiled.queryId, result })
    }
    return result.rows
  }
}

class Adapter extends SqliteAdapter {
  readonly database: Database
  constructor(database: Database) {
    super()
    this.database = database
  }
  /** Every connection is one of ours, which waits in our queue. */
  override get supportsMultipleConnections(): boolean {
    return true
  }
  /** All migrations of one call are one transaction, which is also their lock. */
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

/** One piece of work of Kysely's: a statement, or everything in a transaction. */
class Connection implements DatabaseConnection {
  readonly database: Database
  held: HeldTransaction | undefined
  constructor(database: Database) {
    this.database = database
  }
  get queries(): Queries {
    return this.held?.tx ?? this.database
  }
  async executeQuery<R>(
    compiled: CompiledQuery,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<QueryResult<R>> {
    const options = signal === undefined ? {} : { signal }
    const parameters = parametersOf(compiled)
    if (answersRows(compiled)) {
      const rows = await this.queries.all(compiled.sql, parameters, options)
      // What a row is, Kysely's types say.
      return { rows: rows as R[] }
    }
    const { changes, lastInsertRowid } = await this.queries.run(compiled.sql, parameters, options)
    return {
      rows: [],
      numAffectedRows: BigInt(changes),
      ...(isInsert(compiled) ? { insertId: BigInt(lastInsertRowid) } : {}),
    }
  }
  /** In chunks out of one answer: the rows were all read before the first is handed out. */
  async *streamQuery<R>(
    compiled: CompiledQuery,
    chunkSize: number,
    options?: { readonly signal?: AbortSignal | undefined },
  ): AsyncIterableIterator<QueryResult<R>> {
    const { rows } = await this.executeQuery<R>(compiled, options)
    for (let at = 0; at < rows.length; at += chunkSize) {
      yield { rows: rows.slice(at, at + chunkSize) }
    }
  }
}

function createDriver(database: Database): Driver {
  const savepoint = async (given: DatabaseConnection, word: string, name: string) => {
    await connectionOf(given).queries.run(`${word} "${name.replaceAll('"', '""')}"`)
  }
  return {
    init: async () => undefined,
    acquireConnection: async () => new Connection(database),
    beginTransaction: async (given, settings) => {
      refuseSettings(settings)
      connectionOf(given).held = await holdTransaction(database)
    },
    commitTransaction: async (given) => endTransaction(given, 'commit'),
    rollbackTransaction: async (given) => endTransaction(given, 'rollback'),
    savepoint: (given, name) => savepoint(given, 'SAVEPOINT', name),
    rollbackToSavepoint: (given, name) => savepoint(given, 'ROLLBACK TO', name),
    releaseSavepoint: (given, name) => savepoint(given, 'RELEASE', name),
    releaseConnection: async () => undefined,
    destroy: async () => undefined,
  }
}

async function endTransaction(given: DatabaseConnection, how: 'commit' | 'rollback') {
  const connection = connectionOf(given)
  const { held } = connection
  connection.held = undefined
  await held?.[how]()
}

function connectionOf(given: DatabaseConnection): Connection {
  if (given instanceof Connection) return given
  throw foreign()
}

function parametersOf({ parameters }: CompiledQuery): readonly SqlInput[] {
  // Checked at the call, with a failure that says which of them SQLite cannot take.
  return parameters as readonly SqlInput[]
}

/** Of a text that Kysely did not build: what certainly only writes. */
const WRITES = /^\s*(insert|update|delete|replace)\b(?![\s\S]*\breturning\b)/i

function answersRows({ query, sql }: CompiledQuery): boolean {
  switch (query.kind) {
    case 'InsertQueryNode':
    case 'UpdateQueryNode':
    case 'DeleteQueryNode':
      return query.returning !== undefined
    case 'RawNode':
      return !WRITES.test(sql)
    default:
      return query.kind === 'SelectQueryNode'
  }
}

function isInsert({ query, sql }: CompiledQuery): boolean {
  return query.kind === 'InsertQueryNode' || /^\s*(insert|replace)\b/i.test(sql)
}

const numbers = new WeakMap<KyselyPlugin, number>()
let lastNumber = 0

/** Plugins change rows, so two with other plugins are two queries. */
function numberOf(plugin: KyselyPlugin): number {
  const known = numbers.get(plugin)
  if (known !== undefined) return known
  lastNumber += 1
  numbers.set(plugin, lastNumber)
  return lastNumber
}

function refuseSettings({ accessMode, isolationLevel }: TransactionSettings): void {
  const isPlain = isolationLevel === undefined || isolationLevel === 'serializable'
  if (isPlain && accessMode !== 'read only') return
  throw new ConstelliteError({
    code: 'ErrOption',
    message: 'Every transaction here is serializable and may write.',
    hint: 'Leave setIsolationLevel and setAccessMode out.',
    facts: { isolationLevel, accessMode },
  })
}

function foreign(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrParameter',
    message: 'This Kysely was not made with the dialect of constellite/kysely.',
    hint: 'Write new Kysely({ dialect: createDialect(db) }).',
  })
}
