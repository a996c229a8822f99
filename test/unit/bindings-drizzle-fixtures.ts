/** A blog in a database of ours.  The tables as Drizzle knows them stand in each test: their types are inferred. */

import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Database } from '../../src/database/types.ts'
import { open } from '../../src/platform/node.ts'
import { BLOG_MIGRATIONS } from '../support/drizzle-blog.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

export function openBare(given: readonly string[] = []): Database {
  const options = given.length === 0 ? {} : { migrations: given }
  const db = open(join(temporaryDirectory(), 'blog'), options)
  onTestFinished(() => db.close())
  return db
}

export async function openRows(): Promise<Database> {
  const db = openBare(BLOG_MIGRATIONS)
  await db.run`INSERT INTO users (name, verified) VALUES ('John', 0), ('Jane', 1)`
  await db.run`INSERT INTO posts (title, author_id) VALUES ('First', 1), ('Second', 1)`
  return db
}
