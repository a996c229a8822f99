/** A blog in a database of ours, on which the cases of Drizzle are tried, in whatever place.  The tables as
 *  Drizzle knows them stand with the cases: their types are inferred. */

import type { Database } from '../../src/database/types.ts'

export const BLOG_MIGRATIONS: readonly string[] = [
  `CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, verified INTEGER NOT NULL DEFAULT 0,
                       created_at INTEGER, tags TEXT);
   CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT NOT NULL, author_id INTEGER)`,
]

export async function fillBlog(db: Database): Promise<void> {
  await db.run`INSERT INTO users (name, verified) VALUES ('John', 0), ('Jane', 1)`
  await db.run`INSERT INTO posts (title, author_id) VALUES ('First', 1), ('Second', 1), ('Nobody’s', NULL)`
}

/** A title and what must hold, given a database with these tables and nothing in them. */
export type DrizzleCase = readonly [title: string, check: (db: Database) => Promise<void>]
