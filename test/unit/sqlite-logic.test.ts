/** Proves: SQLite over the page store answers the public sqllogictest corpus (a sample) as SQLite does. */

import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { isFailure } from '../../src/base/failure.ts'
import type { SqlConnection, SqlValue } from '../../src/sqlite/engine.ts'
import { createTestEngine, createTestSpace } from './sqlite-fixtures.ts'

const DATA =
  process.env['CONSTELLITE_TEST_DATA'] ??
  fileURLToPath(new URL('../../../shared/data', import.meta.url))
/** Not all of the sample: these take two seconds, and one prints doubles as an older runner did. */
const FILES = [
  'evidence__in1',
  'evidence__in2',
  'evidence__slt_lang_createtrigger',
  'evidence__slt_lang_createview',
  'evidence__slt_lang_dropindex',
  'evidence__slt_lang_droptable',
  'evidence__slt_lang_droptrigger',
  'evidence__slt_lang_dropview',
  'evidence__slt_lang_reindex',
  'evidence__slt_lang_replace',
  'evidence__slt_lang_update',
  'select1',
  'select2',
]
const MISSING =
  'no SQL logic corpus: set CONSTELLITE_TEST_DATA to the folder that has sqllogictest/'

type Item = {
  readonly line: number
  readonly kind: 'statement' | 'query'
  readonly words: readonly string[]
  readonly sql: string
  readonly expected: readonly string[]
}

/** Blocks are parted by empty lines; conditions for other databases are taken out. */
function parse(text: string): Item[] {
  const items: Item[] = []
  let line = 1
  for (const block of text.replaceAll('\r\n', '\n').split('\n\n')) {
    const start = line
    line += block.split('\n').length + 1
    const lines = block.split('\n').filter((each) => !each.startsWith('#'))
    const conditions = lines.filter((each) => /^(skipif|onlyif)/.test(each))
    if (conditions.some((each) => isElsewhere(each))) continue
    const rest = lines.filter((each) => !conditions.includes(each) && each.trim() !== '')
    const words = (rest[0] ?? '').split(/\s+/)
    const kind = words[0]
    if (kind === 'halt') break
    if (kind !== 'statement' && kind !== 'query') continue
    const divider = rest.indexOf('----')
    const sql = rest.slice(1, divider < 0 ? undefined : divider).join('\n')
    items.push({
      line: start,
      kind,
      words,
      sql,
      expected: divider < 0 ? [] : rest.slice(divider + 1),
    })
  }
  return items
}

function isElsewhere(condition: string): boolean {
  const [word, name] = condition.split(/\s+/)
  return (word === 'skipif') === (name === 'sqlite')
}

/** As the corpus prints values: I as integers, R with three digits, T as text. */
function format(value: SqlValue, type: string | undefined): string {
  if (value === null) return 'NULL'
  if (type === 'I') return typeof value === 'bigint' ? `${value}` : `${toInteger(value)}`
  if (type === 'R') return Number(value).toFixed(3)
  return value === '' ? '(empty)' : String(value)
}

function toInteger(value: SqlValue): number {
  return Math.trunc(Number.parseFloat(String(value))) || 0
}

function answer(db: SqlConnection, item: Item): readonly string[] {
  const [, types = '', sort = 'nosort'] = item.words
  // Named by place, because rows are objects and `SELECT 2, 1` would be sorted by its names.
  const names = Array.from(types, (_, index) => `c${index}`)
  const rows = db.all(`WITH answer(${names.join(', ')}) AS (${item.sql}) SELECT * FROM answer`)
  const cells = rows.map((row) => names.map((name, at) => format(row[name] ?? null, types[at])))
  if (sort === 'rowsort') cells.sort((one, other) => compareText(one.join('\n'), other.join('\n')))
  const values = cells.flat()
  if (sort === 'valuesort') values.sort(compareText)
  if (!/ values hashing to /.test(item.expected[0] ?? '')) return values
  const digest = createHash('md5').update(values.map((value) => `${value}\n`).join(''))
  return [`${values.length} values hashing to ${digest.digest('hex')}`]
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}

function check(db: SqlConnection, item: Item, name: string): void {
  const place = `${name} line ${item.line}: ${item.sql}`
  if (item.kind === 'query') {
    expect(answer(db, item), place).toEqual(item.expected)
  } else if (item.words[1] === 'ok') {
    db.exec(item.sql)
  } else {
    let failure: unknown
    try {
      db.exec(item.sql)
    } catch (error) {
      failure = error
    }
    expect(isFailure(failure), place).toBe(true)
  }
}

test('the SQL logic of the corpus holds', async (context) => {
  if (!existsSync(`${DATA}/sqllogictest`)) context.skip(MISSING)
  for (const name of FILES) await checkFile(name)
})

async function checkFile(name: string): Promise<void> {
  const space = await createTestSpace()
  const engine = await createTestEngine(space, { statementsMax: 16 })
  const db = engine.connect('writer')
  const items = parse(readFileSync(`${DATA}/sqllogictest/${name}.test`, 'utf8'))
  expect(items.length).toBeGreaterThan(5)
  for (const item of items) check(db, item, name)
  expect(db.all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
  engine.close()
  expect(space.pinCount()).toBe(0)
}
