import { describe, expect, it } from 'vitest'
import { createTestRealm, rejection } from './database-fixtures.ts'

const first = 'CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)'
const second = `ALTER TABLE note ADD COLUMN done INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX by_done ON note (done)`

describe('migrations', () => {
  it('are numbered from 1 and kept with the hash of their text', async () => {
    const db = createTestRealm().open('notes', { migrations: [first, second] })
    const rows = await db.all('SELECT number, hash FROM constellite_migration ORDER BY number')
    expect(rows).toEqual([
      { number: 1, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
      { number: 2, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ])
    expect(rows[0]?.['hash']).not.toBe(rows[1]?.['hash'])
  })

  it('are each one frame, applied once', async () => {
    const realm = createTestRealm()
    const db = await realm.open('notes', { migrations: [first] })
    expect((await db.run('INSERT INTO note (body) VALUES (?)', ['x'])).seq).toBe(3n)
    await db.close()
    const again = await realm.open('notes', { migrations: [first, second] })
    const { seq } = await again.run('UPDATE note SET done = 1')
    expect(seq).toBe(5n)
    await again.close()
    const third = await realm.open('notes', { migrations: [first, second] })
    expect((await third.run('UPDATE note SET done = 2')).seq).toBe(6n)
    await third.close()
  })

  it('that are not given make no table', async () => {
    const realm = createTestRealm()
    const bare = await realm.open('bare')
    expect(await bare.all('SELECT name FROM sqlite_schema')).toEqual([])
    const empty = await realm.open('empty', { migrations: [] })
    expect(await empty.all('SELECT name FROM sqlite_schema')).toEqual([])
  })

  it('that were edited are refused, before anything runs', async () => {
    const realm = createTestRealm()
    await (await realm.open('notes', { migrations: [first] })).close()
    const edited = realm.open('notes', { migrations: [`${first} STRICT`, second] })
    expect(await rejection(edited.ready)).toMatchObject({
      code: 'ErrMigrationEdited',
      facts: { number: 1 },
    })
    const unedited = await realm.open('notes', { migrations: [first] })
    expect(await unedited.all('SELECT * FROM note')).toEqual([])
  })

  it('of which the database has more than the code are refused', async () => {
    const realm = createTestRealm()
    await (await realm.open('notes', { migrations: [first, second] })).close()
    for (const migrations of [[first], []]) {
      expect(await rejection(realm.open('notes', { migrations }).ready)).toMatchObject({
        code: 'ErrSchemaNewer',
        facts: { applied: 2, known: migrations.length },
      })
    }
  })

  it('that fail keep nothing of themselves; those before them stand', async () => {
    const realm = createTestRealm()
    const half = `CREATE TABLE half (x); INSERT INTO half VALUES (1); CREATE TABLE note (y)`
    const failing = realm.open('notes', { migrations: [first, half] })
    const failure = await rejection(failing.ready)
    expect(failure).toMatchObject({
      code: 'ErrMigration',
      facts: { number: 2 },
      retry: 'after-repair',
      sqlite: { code: 1 },
      cause: { code: 'ErrSql' },
    })
    const db = await realm.open('notes', { migrations: [first] })
    const tables = await db.all("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    expect(tables).toEqual([{ name: 'constellite_migration' }, { name: 'note' }])
  })

  it.each([
    'CREATE TABLE a (x); COMMIT',
    'CREATE TABLE a (x); COMMIT; BEGIN',
    'CREATE TABLE a (x); ROLLBACK; BEGIN',
    'CREATE TABLE a (x); SAVEPOINT s; END',
  ])('may not end the transaction that they run in: %s', async (text) => {
    const realm = createTestRealm()
    const ending = realm.open('notes', { migrations: [first, text] })
    const failure = await rejection(ending.ready)
    expect(failure).toMatchObject({
      code: 'ErrMigration',
      facts: { number: 2 },
      cause: { code: 'ErrTransaction' },
    })
    const before = await realm.open('notes', { migrations: [first] })
    expect(await before.all("SELECT name FROM sqlite_schema WHERE name = 'a'")).toEqual([])
    // The genesis and the first migration: nothing of the second was made a frame.
    expect((await before.run("INSERT INTO note (body) VALUES ('x')")).seq).toBe(3n)
    await before.close()
    const mended = await realm.open('notes', { migrations: [first, 'CREATE TABLE a (x)'] })
    expect(await mended.all('SELECT x FROM a')).toEqual([])
  })

  it('may use savepoints', async () => {
    const text = 'CREATE TABLE a (x); SAVEPOINT s; DROP TABLE a; ROLLBACK TO s; RELEASE s'
    const db = await createTestRealm().open('notes', { migrations: [text] })
    expect(await db.all('SELECT x FROM a')).toEqual([])
  })
})
