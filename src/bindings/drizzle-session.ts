/** Drizzle's session over our database or one of our transactions: statements, transactions, batches.
 *  Keeps: a batch is one transaction; a transaction in a transaction is a savepoint.
 *  Turning rows into objects is Drizzle's own, by the classes that its proxy driver is made of. */

import {
  Column,
  fillPlaceholders,
  is,
  type Logger,
  NoopLogger,
  type Query,
  type RelationalSchemaConfig,
  SQL,
  type TablesRelationalConfig,
} from 'drizzle-orm'
import { type Cache, NoopCache } from 'drizzle-orm/cache/core'
import type { SelectedFieldsOrdered, SQLiteAsyncDialect } from 'drizzle-orm/sqlite-core'
import {
  RemotePreparedQuery,
  SQLiteProxyTransaction,
  SQLiteRemoteSession,
} from 'drizzle-orm/sqlite-proxy'
import { ConstelliteError } from '../base/failure.ts'
import type { Database, Queries, Row, SqlInput } from '../database/types.ts'
import { inOrder, toValues } from './drizzle-rows.ts'

export type SessionParts = {
  readonly database: Database
  readonly dialect: SQLiteAsyncDialect
  readonly schema: RelationalSchemaConfig<TablesRelationalConfig> | undefined
  readonly logger: Logger | undefined
  readonly cache: Cache | undefined
}

type Method = 'run' | 'all' | 'get' | 'values'
type PrepareArguments = Parameters<SQLiteRemoteSession<never, never>['prepareQuery']>

export class Session extends SQLiteRemoteSession<Record<string, unknown>, TablesRelationalConfig> {
  readonly parts: SessionParts
  /** The transaction that this is the session of; else the database. */
  readonly queries: Queries

  constructor(parts: SessionParts, queries: Queries = parts.database) {
    const { dialect, schema, logger, cache } = parts
    super(unused, dialect, schema, undefined, {
      ...(logger === undefined ? {} : { logger }),
      ...(cache === undefined ? {} : { cache }),
    })
    this.parts = parts
    this.queries = queries
  }
  // Drizzle's own type has a parameter that its proxy driver never reads.
  override prepareQuery(...given: PrepareArguments): PreparedQuery & RemotePreparedQuery<never> {
    return new PreparedQuery(this, given) as PreparedQuery & RemotePreparedQuery<never>
  }
  /** In one transaction, in order. */
  override async batch(queries: readonly unknown[]): Promise<unknown[]> {
    return this.parts.database.transaction(async (tx) => {
      const answers: unknown[] = []
      for (const query of queries) answers.push(await runInBatch(query, tx))
      return answers
    })
  }
  override async transaction<T>(
    work: (
      tx: SQLiteProxyTransaction<Record<string, unknown>, TablesRelationalConfig>,
    ) => Promise<T>,
    { behavior = 'immediate' }: { readonly behavior?: string } = {},
  ): Promise<T> {
    if (behavior !== 'immediate') throw alwaysImmediate(behavior)
    const { database, dialect, schema } = this.parts
    return database.transaction((tx) => {
      const session = new Session(this.parts, tx)
      return work(new SQLiteProxyTransaction('async', dialect, session, schema))
    })
  }
}

export class PreparedQuery extends RemotePreparedQuery {
  readonly session: Session
  readonly columns: readonly unknown[]
  /** Where it runs; a batch moves it into its transaction. */
  queries: Queries

  constructor(session: Session, given: PrepareArguments) {
    const [query, fields, method, inArrays, mapper, metadata, cacheConfig] = given
    const isSelect = metadata?.type === 'select'
    const sql = isSelect ? inOrder(query.sql, namesOf(fields ?? [])) : query.sql
    const { logger = new NoopLogger(), cache = new NoopCache() } = session.parts
    const isRaw = fields === undefined && mapper === undefined
    super(
      (text, parameters, wanted) =>
        ask(this.queries, { sql: text, parameters }, { method: wanted, isRaw }),
      { ...query, sql },
      logger,
      cache,
      metadata,
      cacheConfig,
      fields,
      method,
      inArrays,
      mapper,
    )
    this.session = session
    this.queries = session.queries
    this.columns = (fields ?? []).map(({ field }) => (is(field, Column) ? field : undefined))
  }
  /** The statement as it is sent, with the values that need no placeholder filled in. */
  get statement(): { readonly sql: string; readonly parameters: readonly SqlInput[] } {
    const { sql, params } = this.query
    // Checked at the call, with a failure that says which of them SQLite cannot take.
    return { sql, parameters: fillPlaceholders(params, {}) as readonly SqlInput[] }
  }
  /** All its rows, as Drizzle's types say that they are. */
  mapRows(rows: readonly Row[]): object[] {
    return this.mapAllResult(rows.map(toValues)) as object[]
  }
}

/** One statement, answered as Drizzle's proxy wants it. */
async function ask(
  queries: Queries,
  { sql, parameters }: { readonly sql: string; readonly parameters: readonly SqlInput[] },
  { method, isRaw }: { readonly method: Method; readonly isRaw: boolean },
): Promise<{ rows: never[] }> {
  // What `run` answers is handed on as it is; of the others Drizzle reads only the rows.
  if (method === 'run') return (await queries.run(sql, parameters)) as unknown as { rows: never[] }
  const rows = await queries.all(sql, parameters)
  const told = isRaw && method !== 'values' ? rows : rows.map(toValues)
  // As above.
  return { rows: (method === 'get' ? told[0] : told) as never[] }
}

/** A query builder or a raw query, which in Drizzle have only this in common. */
type BatchQuery = { _prepare(): PreparedQuery | RawQuery }
type RawQuery = { getQuery(): Query & { readonly method: Method } }

async function runInBatch(query: unknown, tx: Queries): Promise<unknown> {
  const prepared = (query as BatchQuery)._prepare()
  if (prepared instanceof PreparedQuery) {
    prepared.queries = tx
    return prepared.execute()
  }
  const { sql, params, method } = prepared.getQuery()
  const statement = { sql, parameters: params as SqlInput[] }
  const answer = await ask(tx, statement, { method, isRaw: true })
  return method === 'run' ? answer : answer.rows
}

function namesOf(fields: SelectedFieldsOrdered): (string | undefined)[] {
  return fields.map(({ field }) => {
    if (is(field, Column)) return field.name
    return is(field, SQL.Aliased) ? field.fieldAlias : undefined
  })
}

/** The proxy's session asks only through `prepareQuery`, which is overridden. */
async function unused(): Promise<never> {
  throw new Error('A session asks through its prepared queries.')
}

function alwaysImmediate(behavior: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrOption',
    message: `A transaction cannot be "${behavior}": every one here takes the writer at its beginning.`,
    hint: 'Leave `behavior` out.',
    facts: { behavior },
  })
}
