import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createTestRealm, settle } from './database-fixtures.ts'

const SCHEMA = `CREATE TABLE note (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT, folder INTEGER
    REFERENCES folder ON DELETE CASCADE);
  CREATE TABLE folder (id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE log (body TEXT);
  CREATE TRIGGER logged AFTER DELETE ON note BEGIN INSERT INTO log VALUES (old.body); END;
  CREATE VIRTUAL TABLE search USING fts5(body);
  CREATE TRIGGER indexed AFTER INSERT ON note BEGIN INSERT INTO search VALUES (new.body); END;
  CREATE VIRTUAL TABLE word USING fts5vocab('search', 'row');
  CREATE VIRTUAL TABLE outside USING fts5(body, content = 'note', content_rowid = 'id');
  CREATE VIRTUAL TABLE box USING rtree(id, low, high);
  CREATE VIEW titled AS SELECT name, body FROM note JOIN folder ON folder.id = folder`

const QUERIES: readonly string[] = [
  'SELECT * FROM note',
  'SELECT count(*) AS count FROM NOTE',
  'SELECT * FROM titled',
  'SELECT * FROM log',
  "SELECT * FROM search WHERE search MATCH 'one'",
  'SELECT * FROM search_docsize',
  'SELECT term, cnt FROM word',
  'SELECT body FROM outside',
  'SELECT id FROM box WHERE high > 2',
  'SELECT * FROM sqlite_sequence',
  'SELECT name FROM sqlite_schema',
  'WITH it AS (SELECT name FROM folder) SELECT * FROM it WHERE EXISTS (SELECT 1 FROM log)',
  "SELECT value, (SELECT count(*) FROM folder) AS folders FROM json_each('[1, 2]')",
  'SELECT * FROM later',
]

const WRITES: readonly string[] = [
  "INSERT OR IGNORE INTO folder VALUES (1, 'a'), (2, 'b')",
  "INSERT INTO note (body, folder) SELECT 'one', max(id) FROM folder",
  "INSERT INTO note (body) VALUES ('two'), ('three')",
  "UPDATE note SET body = body || '!' WHERE id % 2 = 0",
  'UPDATE note SET body = body',
  'DELETE FROM note WHERE id IN (SELECT id FROM note LIMIT 1)',
  'DELETE FROM folder WHERE id = 1',
  'DELETE FROM log',
  "UPDATE search SET body = 'one more' WHERE rowid = 1",
  'REPLACE INTO box VALUES (1, 2, abs(random() % 9) + 2)',
  'CREATE TABLE IF NOT EXISTS later (x)',
  "INSERT INTO later VALUES ('here')",
  'DROP TABLE IF EXISTS later',
]

/** What a query answers now: its rows, or that it cannot run. */
async function answerOf(rows: Promise<unknown>): Promise<unknown> {
  try {
    return await rows
  } catch {
    return undefined
  }
}

it('live queries of every kind show what the same queries answer, after any writes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...WRITES), { minLength: 1, maxLength: 10 }),
      async (writes) => {
        const db = createTestRealm().open('notes')
        await db.exec(`PRAGMA foreign_keys = ON; ${SCHEMA}`)
        const watches = QUERIES.map((sql) => db.watch(sql))
        for (const watch of watches) {
          watch.subscribe(
            () => undefined,
            () => undefined,
          )
        }
        for (const write of writes) {
          // Some need what others make.
          await db.run(write).catch(() => undefined)
          await settle(8)
          for (const [index, sql] of QUERIES.entries()) {
            const answer = await answerOf(db.all(sql))
            expect([sql, watches[index]?.current]).toEqual([sql, answer])
          }
        }
        await db.close()
      },
    ),
    { numRuns: 20 },
  )
})
