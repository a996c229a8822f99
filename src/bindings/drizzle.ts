/** Drizzle: its database over one of ours, its migrations, and live queries out of its own.
 *  Keeps: what `run` answers is ours: changes, lastInsertRowid, seq; `$client` is the database. */

import {
  createTableRelationsHelpers,
  DefaultLogger,
  type DrizzleConfig,
  extractTablesRelationalConfig,
} from 'drizzle-orm'
import type { BatchItem, BatchResponse } from 'drizzle-orm/batch'
import type { MigrationMeta } from 'drizzle-orm/migrator'
import { type BaseSQLiteDatabase, SQLiteAsyncDialect } from 'drizzle-orm/sqlite-core'
import { SqliteRemoteDatabase } from 'drizzle-orm/sqlite-proxy'
import { ConstelliteError } from '../base/failure.ts'
import type { Database, RunResult } from '../database/types.ts'
import { PreparedQuery, Session } from './drizzle-session.ts'
import { keyOf, type LiveQuery } from './live-query.ts'
import { mapWatch } from './map-watch.ts'

export type DrizzleDatabase<Schema extends Record<string, unknown> = Record<string, never>> =
  BaseSQLiteDatabase<'async', RunResult, Schema> & {
    /** Runs the queries in one transaction. */
    batch<Item extends BatchItem<'sqlite'>, Items extends Readonly<[Item, ...Item[]]>>(
      items: Items,
    ): Promise<BatchResponse<Items>>
    readonly $client: Database
  }

/** Drizzle over an open database. */
export function drizzle<Schema extends Record<string, unknown> = Record<string, never>>(
  database: Database,
  config: DrizzleConfig<Schema> = {},
): DrizzleDatabase<Schema> {
  const dialect = new SQLiteAsyncDialect(
    config.casing === undefined ? {} : { casing: config.casing },
  )
  const logger = config.logger === true ? new DefaultLogger() : config.logger || undefined
  const schema = config.schema === undefined ? undefined : relationsOf(config.schema)
  const session = new Session({ database, dialect, schema, logger, cache: config.cache })
  // Both are those of this schema, which the class would infer.
  const made = new SqliteRemoteDatabase('async', dialect, session as never, schema as never)
  Object.assign(made, { $client: database, $cache: config.cache })
  sessions.set(made, session)
  // Its session answers what the type says; the class is Drizzle's own for its proxy.
  return made as unknown as DrizzleDatabase<Schema>
}

/** A query of Drizzle as a live one: `.watch()` it, or give it to `useQuery`. */
export function live<Output extends object>(query: {
  prepare(): unknown
  execute(): Promise<Output[]>
}): LiveQuery<Output> {
  const prepared = query.prepare()
  if (!(prepared instanceof PreparedQuery)) throw foreign()
  const { session, columns } = prepared
  const { sql, parameters } = prepared.statement
  const { database } = session.parts
  return {
    database,
    // One text may be read into other objects by other tables or another schema.
    key: keyOf([sql, parameters, numberOf(session), columns.map((it) => it && numberOf(it))]),
    // What a row is, Drizzle's types say.
    watch: () =>
      mapWatch(database.watch(sql, parameters), (rows) => prepared.mapRows(rows) as Output[]),
  }
}

/** What drizzle-kit writes for a bundle (`migrations.js`), or what `readMigrationFiles` reads in Node. */
export type Migrations =
  | readonly MigrationMeta[]
  | {
      readonly journal: {
        readonly entries: readonly {
          readonly idx: number
          readonly when: number
          readonly tag: string
          readonly breakpoints: boolean
        }[]
      }
      readonly migrations: Readonly<Record<string, string>>
    }

/** Brings the tables up to date, in one transaction. */
export async function migrate<Schema extends Record<string, unknown>>(
  orm: DrizzleDatabase<Schema>,
  migrations: Migrations,
): Promise<void> {
  const session = sessions.get(orm)
  if (session === undefined) throw foreign()
  const all = 'journal' in migrations ? bundled(migrations) : [...migrations]
  await session.parts.dialect.migrate(all, session)
}

const sessions = new WeakMap<object, Session>()

function relationsOf(fullSchema: Record<string, unknown>) {
  const { tables, tableNamesMap } = extractTablesRelationalConfig(
    fullSchema,
    createTableRelationsHelpers,
  )
  return { fullSchema, schema: tables, tableNamesMap }
}

function bundled({
  journal,
  migrations,
}: Extract<Migrations, { readonly journal: unknown }>): MigrationMeta[] {
  return journal.entries.map(({ idx, when, tag, breakpoints }) => {
    const text = migrations[`m${String(idx).padStart(4, '0')}`]
    if (text === undefined) throw missing(tag)
    const sql = text.split('--> statement-breakpoint')
    return { sql, folderMillis: when, hash: '', bps: breakpoints }
  })
}

const numbers = new WeakMap<object, number>()
let lastNumber = 0

function numberOf(part: object): number {
  const known = numbers.get(part)
  if (known !== undefined) return known
  lastNumber += 1
  numbers.set(part, lastNumber)
  return lastNumber
}

function foreign(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrParameter',
    message: 'This was not made by the drizzle of constellite/drizzle.',
    hint: 'Write const orm = drizzle(db), and build queries from it, outside its transactions.',
  })
}

function missing(tag: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrParameter',
    message: `The journal names the migration "${tag}", which is not among the migrations.`,
    hint: 'Give what drizzle-kit generated as it is: import migrations from "./drizzle/migrations.js".',
    facts: { tag },
  })
}
