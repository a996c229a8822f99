/** What a writer of the matrix run writes: of everything that makes frames differ. */

import type { Database } from 'constellite'

export const MIGRATIONS: readonly string[] = [
  'CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT NOT NULL, file BLOB)',
  'CREATE TABLE tag (note INTEGER REFERENCES note, name TEXT, PRIMARY KEY (note, name)) WITHOUT ROWID',
  "ALTER TABLE note ADD COLUMN state TEXT DEFAULT 'new'; CREATE INDEX by_state ON note (state, id)",
]

const COMMITS = 40
/** About 5 MiB of pages in one transaction, which no compression makes small. */
const LARGE_ROWS = 5000
const LARGE_ROW_BYTES = 1000

export async function work(db: Database): Promise<void> {
  for (let index = 1; index <= COMMITS; index++) {
    await db.run`INSERT INTO note (id, body, file)
      VALUES (${index}, ${`note ${index} \u{1f980}`}, randomblob(${index * 500}))`
  }
  await db.transaction(async (tx) => {
    for (let index = 1; index <= COMMITS; index++) {
      await tx.run`INSERT INTO tag VALUES (${index}, ${index % 2 === 0 ? 'even' : 'odd'})`
    }
  })
  await db.run`UPDATE note SET state = 'read', body = body || ' again' WHERE id % 3 = 0`
  await db.run`DELETE FROM note WHERE id % 5 = 0`
  await db.run`
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${LARGE_ROWS})
    INSERT INTO note (id, body, file) SELECT 1000 + i, 'row ' || i, randomblob(${LARGE_ROW_BYTES}) FROM n`
  await db.run`UPDATE note SET file = NULL WHERE id > 1000 AND id % 2 = 0`
  await db.run`DELETE FROM note WHERE id > 4000`
  await db.exec('CREATE INDEX by_body ON note (body)')
}

/** Of the finished work, for whoever has a file of it: 32 notes of the single commits, 3000 of the large one. */
export const NOTES_LEFT = 3032
