/** Proves: values of every SQLite type cross unchanged in both directions, and what cannot cross is
 *  refused with a hint. */

import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ConstelliteError } from '../../src/base/failure.ts'
import type { Engine, SqlConnection, SqlParameters } from '../../src/sqlite/engine.ts'
import { createTestEngine, createTestSpace, type TestSpace } from './sqlite-fixtures.ts'

let space: TestSpace
let engine: Engine
let db: SqlConnection

beforeEach(async () => {
  space = await createTestSpace()
  engine = await createTestEngine(space, { statementsMax: 4 })
  db = engine.connect('writer')
})

afterEach(() => engine.close())

function failureOf(work: () => unknown): ConstelliteError {
  try {
    work()
  } catch (error) {
    return error as ConstelliteError
  }
  throw new Error('Nothing was thrown.')
}

const echo = (value: unknown): unknown =>
  db.all('SELECT ? AS v', [value] as SqlParameters)[0]?.['v']

test('every value of every type comes back as it went in', () => {
  const values = [
    null,
    0,
    1,
    -1,
    2 ** 31,
    -(2 ** 31) - 1,
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
    2n ** 53n,
    2n ** 63n - 1n,
    -(2n ** 63n),
    0.1,
    1e300,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    '',
    'text',
    'with \0 inside',
    '\ufeffbyte order mark',
    '日本語 🚀',
    'x'.repeat(100_000),
    new Uint8Array(0),
    new Uint8Array([0, 1, 255]),
    new Uint8Array(200_000).fill(7),
  ]
  for (const value of values) expect(echo(value)).toEqual(value)
  const table = 'CREATE TABLE v (id INTEGER PRIMARY KEY, value)'
  db.run(table)
  for (const [id, value] of values.entries()) db.run('INSERT INTO v VALUES (?, ?)', [id, value])
  expect(db.all('SELECT value FROM v ORDER BY id').map((row) => row['value'])).toEqual(values)
})

test('a safe bigint comes back as a number, a number past 2^53 is REAL', () => {
  expect(echo(5n)).toBe(5)
  expect(db.all('SELECT typeof(?) AS t', [2 ** 60])).toEqual([{ t: 'real' }])
  expect(db.all('SELECT typeof(?) AS t', [2 ** 52])).toEqual([{ t: 'integer' }])
  expect(db.all('SELECT typeof(?) AS t', [new Uint8Array(0)])).toEqual([{ t: 'blob' }])
})

test('random rows of random values come back unchanged', () => {
  const value = fc.oneof(
    fc.constant(null),
    fc.maxSafeInteger(),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
    fc.double({ noNaN: true, noInteger: true }),
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }),
  )
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 20 }), (values) => {
      const sql = `SELECT ${values.map((_, index) => `? AS c${index}`).join(', ')}`
      expect(Object.values(db.all(sql, values)[0] ?? {})).toEqual(values)
    }),
    { numRuns: 100 },
  )
})

test('a blob read is a copy that later statements do not change', () => {
  const first = echo(new Uint8Array([1, 2, 3]))
  echo(new Uint8Array([9, 9, 9]))
  expect(first).toEqual(new Uint8Array([1, 2, 3]))
})

test('what SQLite cannot take is ErrParameter, with a hint, and names no value', () => {
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [undefined, /null/],
    [new Date(0), /toISOString/],
    [{ secret: 'hunter2' }, /JSON\.stringify/],
    [['hunter2'], /list/],
    [true, /1 or 0/],
    [Number.NaN, /null/],
    [2n ** 63n, /text/],
    [Symbol('x'), /value/],
    [new ArrayBuffer(3), /Uint8Array/],
  ]
  for (const [value, hint] of cases) {
    const failure = failureOf(() => echo(value))
    expect(failure.code).toBe('ErrParameter')
    expect(failure.hint).toMatch(hint)
    expect(failure.message).toMatch(/number 1/)
    expect(failure.message).not.toMatch(/hunter2/)
  }
  expect(echo('still usable')).toBe('still usable')
})

test('named values match :name, @name and $name, with or without the prefix', () => {
  const sql = 'SELECT :a AS a, @b AS b, $c AS c, :a AS again'
  const row = { a: 1, b: 2, c: 3, again: 1 }
  expect(db.all(sql, { a: 1, b: 2, c: 3 })).toEqual([row])
  expect(db.all(sql, { ':a': 1, '@b': 2, $c: 3 })).toEqual([row])
  expect(db.all(sql, [1, 2, 3])).toEqual([row])
})

test('a missing, surplus or unknown value is ErrParameter', () => {
  const refused = (sql: string, parameters?: SqlParameters): string => {
    const failure = failureOf(() => db.all(sql, parameters))
    expect(failure.code).toBe('ErrParameter')
    return failure.message
  }
  expect(refused('SELECT ?, ?', [1])).toMatch(/2 parameters and got 1/)
  expect(refused('SELECT ?', [1, 2])).toMatch(/1 parameters and got 2/)
  expect(refused('SELECT ?')).toMatch(/1 parameters and got 0/)
  expect(refused('SELECT 1', [1])).toMatch(/0 parameters and got 1/)
  expect(refused('SELECT :a, :b', { a: 1 })).toMatch(/:b/)
  expect(refused('SELECT :a', { a: 1, z: 2 })).toMatch(/no parameter z/)
  expect(refused('SELECT ?', { a: 1 })).toMatch(/without a name/)
  expect(refused('SELECT :toString', {})).toMatch(/:toString/)
  // Not typed as parameters, as a caller in JavaScript would pass it.
  expect(refused('SELECT ?', new Date(0) as unknown as SqlParameters)).toMatch(/array/)
})
