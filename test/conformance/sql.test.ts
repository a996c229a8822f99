import { type Database, list, name, open, sql } from 'constellite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { place } from '#place'
import { failureOf } from './failures.ts'

describe('SQL', () => {
  let db: Database
  beforeAll(async () => {
    db = await open(place.freshName('sql'))
    await db.exec('CREATE TABLE value (id INTEGER PRIMARY KEY, v ANY) STRICT')
  })
  afterAll(() => db.close())

  it.each([
    ['null', null],
    ['an integer', -7],
    ['a real', 0.25],
    ['the largest safe integer', Number.MAX_SAFE_INTEGER],
    ['a bigint beyond it', 2n ** 63n - 1n],
    ['text with an emoji and a NUL', 'ä\u{1f980}\0b'],
    ['empty text', ''],
    ['bytes', new Uint8Array([0, 255, 7])],
    ['no bytes', new Uint8Array(0)],
  ])('returns %s as it was given', async (_label, value) => {
    const { lastInsertRowid } = await db.run`INSERT INTO value (v) VALUES (${value})`
    const row = await db.get`SELECT v FROM value WHERE id = ${lastInsertRowid}`
    expect(row).toEqual({ v: value })
  })

  it('binds templates, positions and names alike', async () => {
    expect(await db.all`SELECT ${1} AS a, ${'x'} AS b`).toEqual([{ a: 1, b: 'x' }])
    expect(await db.all('SELECT ? AS a, ? AS b', [1, 'x'])).toEqual([{ a: 1, b: 'x' }])
    expect(await db.get('SELECT :a AS a', { a: 1 })).toEqual({ a: 1 })
    expect(await db.get`SELECT 1 WHERE 0`).toBeUndefined()
  })

  it('nests fragments, lists and identifiers', async () => {
    await db.exec('CREATE TABLE "odd ""name" (id INTEGER, body TEXT)')
    const table = name('odd "name')
    await db.run`INSERT INTO ${table} VALUES (1, 'a'), (2, 'b'), (3, 'c')`
    const where = sql`id IN ${list([1, 3])} AND body <> ${'c'}`
    expect(await db.all`SELECT body FROM ${table} WHERE ${where}`).toEqual([{ body: 'a' }])
  })

  it.each([
    ['undefined', undefined],
    ['a Date', new Date(0)],
    ['a plain object', { a: 1 }],
    ['NaN', Number.NaN],
    ['an integer of 65 bits', 2n ** 64n],
  ])('refuses %s as a parameter', async (_label, value) => {
    // The types refuse most of these; JavaScript does not.
    const call = async (): Promise<unknown> => db.all('SELECT ?', [value as never])
    expect(await failureOf(call())).toBe('ErrParameter')
  })

  it('refuses what would step around the log', async () => {
    for (const text of [
      'PRAGMA journal_mode=WAL',
      'PRAGMA page_size=512',
      'PRAGMA synchronous=OFF',
      "ATTACH 'other.db' AS other",
      "VACUUM INTO 'other.db'",
    ]) {
      expect(await failureOf(db.exec(text)), text).toBe('ErrRefused')
    }
  })

  it("gives SQLite's own codes with a failure", async () => {
    await expect(db.all`SELECT * FROM nowhere`).rejects.toMatchObject({
      code: 'ErrSql',
      sqlite: { code: 1 },
      message: expect.stringContaining('nowhere'),
    })
  })

  it('searches with FTS5', async () => {
    await db.exec(
      "CREATE VIRTUAL TABLE doc USING fts5(body); INSERT INTO doc VALUES ('one two'), ('three')",
    )
    expect(await db.all`SELECT body FROM doc WHERE doc MATCH ${'two'}`).toEqual([
      { body: 'one two' },
    ])
  })
})
