/** A blog in a database of ours.  The tables as Drizzle knows them stand in each test: their types are inferred. */

import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Database } from '../../src/database/types.ts'
import { open } from '../../src/platform/node.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const migrations: readonly string[] = [
  `CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, verified INTEGER NOT NULL DEFAULT 0,
                       created_at INTEGER, tags TEXT);
   CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT NOT NULL, author_id INTEGER)`,
]

export function openBare(given: readonly string[] = []): Database {
  const options = given.length === 0 ? {} : { migrations: given }
  const db = open(join(temporaryDirectory(), 'blog'), options)
  onTestFinished(() => db.close())
  return db
}

export async function openRows(): Promise<Database> {
  const db = openBare(migrations)
  await db.run`INSERT INTO users (name, verified) VALUES ('John', 0), ('Jane', 1)`
  await db.run`INSERT INTO posts (title, author_id) VALUES ('First', 1), ('Second', 1)`
  return db
}
