/** Proves: a pragma is set only where it harms no other caller of the shared connection, with a value
 *  that SQLite would not misread; asking is free; a refusal says why and gives away no value. */

import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ConstelliteError } from '../../src/base/failure.ts'
import type { Engine, SqlConnection } from '../../src/sqlite/engine.ts'
import { createTestEngine, createTestSpace, refusalOf, type TestSpace } from './sqlite-fixtures.ts'

let space: TestSpace
let engine: Engine
let db: SqlConnection

beforeEach(async () => {
  space = await createTestSpace()
  engine = await createTestEngine(space)
  db = engine.connect('writer')
  db.run('CREATE TABLE t (x)')
})

afterEach(() => engine.close())

const refusal = (work: () => unknown): ConstelliteError => refusalOf('ErrRefused', work)

const REFUSED: readonly (readonly [string, RegExp])[] = [
  ['hard_heap_limit = 1', /memory/],
  ['soft_heap_limit = 1', /memory/],
  ['query_only = 1', /all callers/],
  ['QUERY_ONLY(on)', /all callers/],
  ['writable_schema = ON', /schema/],
  ['schema_version = 7', /schema/],
  ['busy_timeout = 5000', /queue/],
  ['mmap_size = 1000000', /mapped/],
  ['cache_spill = off', /all callers/],
  ['ignore_check_constraints = on', /all callers/],
  ['case_sensitive_like = on', /all callers/],
  ['read_uncommitted = on', /whole commits/],
  ['wal_autocheckpoint = 10', /checkpoint/],
  ['wal_checkpoint(TRUNCATE)', /checkpoint/],
  ['journal_size_limit = 10', /journal/],
  ['fullfsync = on', /flush/],
  ['synchronous = OFF', /flush/],
  ['full_column_names = 1', /all callers/],
  ['foreing_keys = on', /all callers/],
  ['foreign_keys = treu', /on or off/],
  ['secure_delete = quick', /on, off or fast/],
  ['user_version = "seven"', /whole number/],
  ['user_version = 4294967296', /whole number/],
  ['application_id = 0x80000000', /whole number/],
  ['cache_size = -1000000', /MiB/],
  ['cache_size = 1000000', /MiB/],
  ['cache_size = many', /MiB/],
  ['max_page_count = -1', /whole number/],
]

test.each(REFUSED)('PRAGMA %s is refused with its reason, and changes nothing', (text, reason) => {
  const sql = `PRAGMA ${text}`
  const ask = `PRAGMA ${/^\w+/.exec(text)?.[0]}`
  const before = text.startsWith('wal_checkpoint') ? [] : db.all(ask)
  const { length } = space.commits
  for (const call of [() => db.exec(sql), () => db.run(sql), () => db.all(sql)]) {
    const failure = refusal(call)
    expect(failure.message).toMatch(reason)
    expect(failure.hint).not.toBe('')
    expect(failure.facts).toEqual({ pragma: ask.slice(7).toLowerCase() })
  }
  expect(space.commits.length).toBe(length)
  if (before.length > 0) expect(db.all(ask)).toEqual(before)
  db.run('INSERT INTO t VALUES (1)')
  expect(db.all('SELECT count(*) AS n FROM t')).toEqual([{ n: 1 }])
})

const ALLOWED: readonly (readonly [string, unknown])[] = [
  ['user_version = 7', 7],
  ['user_version = -7', -7],
  ['application_id = 0x0f055112', 0x0f055112],
  ['foreign_keys = ON', 1],
  ['foreign_keys = false', 0],
  ['defer_foreign_keys = 1', 1],
  ['recursive_triggers = off', 0],
  ['cell_size_check = yes', 1],
  ['automatic_index = 0', 0],
  ['trusted_schema = on', 1],
  ['secure_delete = fast', 2],
  ['analysis_limit = 400', 400],
  ['cache_size = -64000', -64000],
  ['cache_size = 0', 0],
  ['max_page_count = 4294967294', 4294967294],
  ['query_only = 0', 0],
  ['hard_heap_limit = 0', 0],
  ['busy_timeout = 0', undefined],
  ['writable_schema = off', 0],
  ['synchronous = full', 2],
]

test.each(ALLOWED)('PRAGMA %s is allowed', (text, value) => {
  const name = /^\w+/.exec(text)?.[0] as string
  db.exec(`PRAGMA ${text}`)
  if (value !== undefined) expect(Object.values(db.all(`PRAGMA ${name}`)[0] ?? {})).toEqual([value])
  db.run('INSERT INTO t VALUES (1)')
})

test('asking is free, with an argument too, and as a table', () => {
  db.exec('CREATE INDEX by_x ON t (x)')
  for (const text of [
    'table_info(t)',
    'table_xinfo = t',
    'table_list(t)',
    'index_list(t)',
    'index_info(by_x)',
    'index_xinfo(by_x)',
    'integrity_check(1)',
    'quick_check(t)',
  ]) {
    expect(db.all(`PRAGMA ${text}`).length, text).toBeGreaterThan(0)
  }
  expect(db.all('PRAGMA foreign_key_check(t)')).toEqual([])
  expect(db.all('PRAGMA foreign_key_list(t)')).toEqual([])
  expect(db.all("SELECT name FROM pragma_table_info('t')")).toEqual([{ name: 'x' }])
  db.exec('PRAGMA optimize; PRAGMA optimize(0x10002); PRAGMA incremental_vacuum(3)')
  db.exec('PRAGMA shrink_memory; ALTER TABLE t ADD COLUMN y INTEGER CHECK (y > 0)')
  for (const { name } of db.all('SELECT name FROM pragma_pragma_list')) {
    // SQLite's own list of all that can be asked.
    if (name !== 'wal_checkpoint') db.all(`PRAGMA ${String(name)}`)
  }
})

test('the value stays out of the refusal: it may be a key', () => {
  for (const name of ['key', 'rekey', 'hexkey']) {
    const failure = refusal(() => db.run(`PRAGMA ${name} = 'hunter2'`))
    expect(failure.message).toMatch(/encrypt/)
    expect(`${failure.message}${failure.hint}${JSON.stringify(failure.facts)}`).not.toMatch(
      /hunter/,
    )
  }
})
