import { describe, expect, it } from 'vitest'
import type { ConstelliteError } from '../../src/base/failure.ts'
import { list, name, sql } from '../../src/database/sql.ts'
import type { Database } from '../../src/database/types.ts'
import { createTestRealm, rejection } from './database-fixtures.ts'

async function openNotes(): Promise<Database> {
  const db = await createTestRealm().open('notes')
  await db.exec(`CREATE TABLE note (id INTEGER PRIMARY KEY, body);
    INSERT INTO note VALUES (1, 'one'), (2, 'two'), (3, 'three')`)
  return db
}

describe('a statement', () => {
  it('is a template, a fragment, or text with parameters by place or name', async () => {
    const db = await openNotes()
    const id = 2
    const expected = [{ body: 'two' }]
    expect(await db.all`SELECT body FROM note WHERE id = ${id}`).toEqual(expected)
    expect(await db.all(sql`SELECT body FROM note WHERE id = ${id}`)).toEqual(expected)
    expect(await db.all('SELECT body FROM note WHERE id = ?', [id])).toEqual(expected)
    expect(await db.all('SELECT body FROM note WHERE id = :id', { id })).toEqual(expected)
  })

  it('nests fragments, expands lists and quotes names', async () => {
    const db = await openNotes()
    const where = sql`WHERE id IN ${list([1, 3])} AND ${name('body')} LIKE ${'t%'}`
    const rows = await db.all`SELECT ${name('note', 'body')} AS body FROM ${name('note')} ${where}`
    expect(rows).toEqual([{ body: 'three' }])
    expect(await db.all`SELECT 1 AS one WHERE 1 IN ${list([])}`).toEqual([])
    await db.run`CREATE TABLE ${name('odd "name"; --')} (x)`
    expect(await db.all`SELECT x FROM ${name('odd "name"; --')}`).toEqual([])
  })

  it('binds text that looks like SQL, never pastes it', async () => {
    const db = await openNotes()
    const evil = `'); DROP TABLE note; --`
    await db.run`INSERT INTO note (body) VALUES (${evil})`
    expect(await db.get`SELECT body FROM note WHERE id = 4`).toEqual({ body: evil })
  })

  it('answers what it changed, the last rowid and its frame', async () => {
    const db = await openNotes()
    const first = await db.run`INSERT INTO note (body) VALUES ('four'), ('five')`
    const second = await db.run`UPDATE note SET body = 'x' WHERE id > 3`
    expect(first).toMatchObject({ changes: 2, lastInsertRowid: 5 })
    expect(second).toMatchObject({ changes: 2, seq: first.seq + 1n })
    const nothing = await db.run`DELETE FROM note WHERE id = 99`
    expect(nothing).toMatchObject({ changes: 0, seq: second.seq })
  })

  it('gives the first row or undefined', async () => {
    const db = await openNotes()
    expect(await db.get<{ body: string }>`SELECT body FROM note ORDER BY id`).toEqual({
      body: 'one',
    })
    expect(await db.get`SELECT body FROM note WHERE id = 99`).toBeUndefined()
  })

  it('returns rows of a write', async () => {
    const db = await openNotes()
    const rows = await db.all`DELETE FROM note WHERE id < 3 RETURNING id`
    expect(rows).toEqual([{ id: 1 }, { id: 2 }])
  })

  it('tells what SQLite refused, with its codes', async () => {
    const db = await openNotes()
    const failure = await rejection(db.run`INSERT INTO note VALUES (1, 'again')`)
    expect(failure).toMatchObject({
      code: 'ErrSql',
      sqlite: { code: 19, name: 'SQLITE_CONSTRAINT_PRIMARYKEY' },
    })
    expect((await rejection(db.all('SELEC 1'))).code).toBe('ErrSql')
  })

  it('that is no text, template or fragment is refused', async () => {
    const db = await openNotes()
    expect((await rejection(db.run({ text: 'x' } as never))).code).toBe('ErrParameter')
    expect((await rejection(db.all('SELECT 1', [], { retries: 3 } as never))).code).toBe(
      'ErrOption',
    )
  })

  it('is taken out of the queue by its signal', async () => {
    const db = await openNotes()
    const abort = new AbortController()
    const run = db.run(sql`DELETE FROM note`, { signal: abort.signal })
    abort.abort('changed my mind')
    expect(await rejection(run)).toMatchObject({ code: 'ErrAborted', cause: 'changed my mind' })
    expect(await db.get`SELECT count(*) AS count FROM note`).toEqual({ count: 3 })
  })
})

describe('a parameter', () => {
  const kept: readonly (readonly [string, unknown, unknown?])[] = [
    ['null', null],
    ['an integer', 42],
    ['a fraction', 1.5],
    ['infinity', Number.POSITIVE_INFINITY],
    ['the largest safe integer', Number.MAX_SAFE_INTEGER],
    ['an integer past it', 2n ** 62n],
    ['the largest integer', 2n ** 63n - 1n],
    ['the smallest integer', -(2n ** 63n)],
    ['a small bigint, back as a number', 7n, 7],
    ['true, back as 1', true, 1],
    ['false, back as 0', false, 0],
    ['text beyond the BMP', 'naïve 🜚 \0 end'],
    ['empty text', ''],
    ['bytes', Uint8Array.of(0, 255, 128)],
    ['no bytes', new Uint8Array(0)],
  ]
  it.each(kept)('may be %s', async (_, value, back = value) => {
    const db = await openNotes()
    await db.run('INSERT INTO note VALUES (9, ?)', [value as never])
    const row = await db.get<{ body: unknown }>('SELECT body FROM note WHERE id = 9')
    expect(row?.body).toEqual(back)
  })

  const refused: readonly (readonly [string, unknown, RegExp])[] = [
    ['undefined', undefined, /missing/],
    ['a Date', new Date(0), /toISOString/],
    ['a plain object', { a: 1 }, /JSON/],
    ['an array', [1, 2], /list/],
    ['a promise', Promise.resolve(1), /await/],
    ['an ArrayBuffer', new ArrayBuffer(2), /Uint8Array/],
    ['other views', new Float64Array(1), /Uint8Array/],
    ['a function', () => 1, /function/],
    ['a symbol', Symbol('x'), /symbol/],
    ['NaN', Number.NaN, /NULL/],
    ['an integer of 65 bits', 2n ** 63n, /64 bits/],
    ['half a surrogate pair', 'a\ud800b', /surrogate/],
  ]
  it.each(refused)('may not be %s', async (_, value, hint) => {
    const db = await openNotes()
    for (const attempt of [
      () => db.run`INSERT INTO note (body) VALUES (${value as never})`,
      () => db.run('INSERT INTO note (body) VALUES (?)', [value as never]),
      () => db.run('INSERT INTO note (body) VALUES (:body)', { body: value as never }),
    ]) {
      const failure: ConstelliteError = await rejection(attempt())
      expect(failure.code).toBe('ErrParameter')
      expect(failure.hint).toMatch(hint)
    }
    expect(await db.get`SELECT count(*) AS count FROM note`).toEqual({ count: 3 })
  })

  it('is taken as it was at the call', async () => {
    const db = await openNotes()
    const bytes = Uint8Array.of(1, 2, 3)
    const running = db.run`INSERT INTO note VALUES (9, ${bytes})`
    bytes.fill(0)
    await running
    const row = await db.get`SELECT body FROM note WHERE id = 9`
    expect(row).toEqual({ body: Uint8Array.of(1, 2, 3) })
  })

  it('is one of at most 32 766', () => {
    expect(() => list(Array.from({ length: 32_767 }, (_, index) => index))).toThrow(/parameters/)
    expect(() => name('')).toThrow(/identifier/)
    expect(() => name('a\0b')).toThrow(/identifier/)
  })
})
