/** Migrations: numbered SQL texts, each applied once (number = index + 1).
 *  Keeps: a migration and its row in `constellite_migration` are one transaction; the table is made with
 *  the first migration and never otherwise; an applied text that changed, and a database ahead of the
 *  code, are refused before anything runs. */

import { ConstelliteError, failureOf } from '../base/failure.ts'
import { formatHex } from '../bytes/text.ts'
import { hashOf } from '../crypto/hash.ts'
import type { SqlConnection } from '../sqlite/engine.ts'

const TABLE = 'constellite_migration'
const CONTEXT = 'constellite migration v1'
const utf8 = new TextEncoder()

/** Checks those that were applied; answers how many are still to run. */
export function countMissing(connection: SqlConnection, migrations: readonly string[]): number {
  return migrations.length - checkApplied(connection, migrations).applied
}

/** Applies what is missing; answers how many that were. */
export function applyMigrations(connection: SqlConnection, migrations: readonly string[]): number {
  const { applied, hashes } = checkApplied(connection, migrations)
  for (let index = applied; index < migrations.length; index++) {
    applyOne(connection, {
      number: index + 1,
      text: migrations[index] as string,
      hash: hashes[index] as string,
    })
  }
  return migrations.length - applied
}

function checkApplied(
  connection: SqlConnection,
  migrations: readonly string[],
): { readonly applied: number; readonly hashes: readonly string[] } {
  const hashes = migrations.map((text) => formatHex(hashOf(CONTEXT, utf8.encode(text))))
  const applied = readApplied(connection)
  if (applied.length > migrations.length) throw newer(applied.length, migrations.length)
  const edited = applied.findIndex((hash, index) => hash !== hashes[index])
  if (edited >= 0) throw wasEdited(edited + 1)
  return { applied: applied.length, hashes }
}

function readApplied(connection: SqlConnection): readonly string[] {
  const tables = connection.all(`SELECT 1 AS one FROM sqlite_schema WHERE name = ?`, [TABLE])
  if (tables.length === 0) return []
  const rows = connection.all(`SELECT number, hash FROM ${TABLE} ORDER BY number`)
  return rows.map((row, index) => {
    if (row['number'] !== index + 1) throw wasEdited(index + 1)
    return String(row['hash'])
  })
}

type Migration = { readonly number: number; readonly text: string; readonly hash: string }

function applyOne(connection: SqlConnection, { number, text, hash }: Migration): void {
  connection.control('BEGIN IMMEDIATE')
  try {
    if (number === 1) {
      connection.exec(
        `CREATE TABLE ${TABLE} (number INTEGER PRIMARY KEY, hash TEXT NOT NULL) STRICT`,
      )
    }
    connection.exec(text)
    connection.run(`INSERT INTO ${TABLE} (number, hash) VALUES (?, ?)`, [number, hash])
    connection.control('COMMIT')
  } catch (error) {
    if (connection.inTransaction) connection.control('ROLLBACK')
    throw failed(number, failureOf(error))
  }
}

function failed(number: number, cause: ConstelliteError): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrMigration',
    message: `Migration ${number} failed: ${cause.message}`,
    hint: `Nothing of migration ${number} was kept; earlier ones stand. Mend its text and open again.`,
    retry: 'after-repair',
    facts: { number },
    cause,
    ...(cause.sqlite === undefined ? {} : { sqlite: cause.sqlite }),
  })
}

function newer(applied: number, known: number): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrSchemaNewer',
    message: `The database has ${applied} migrations and this code knows ${known}.`,
    hint: 'A newer version of the program has been here: load the newest code.',
    facts: { applied, known },
  })
}

function wasEdited(number: number): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrMigrationEdited',
    message: `Migration ${number} is not the text that was applied.`,
    hint: 'Put the old text back and append the change as a new migration.',
    facts: { number },
  })
}
