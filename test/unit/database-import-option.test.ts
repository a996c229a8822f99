import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { Database, ImportOptions, ImportReport } from '../../src/database/types.ts'
import { open } from '../../src/platform/node.ts'
import { openStock } from '../support/stock-sqlite.ts'
import { rejection } from './database-fixtures.ts'

const directory = mkdtempSync(join(tmpdir(), 'constellite-import-option-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

let made = 0
const fresh = (name = 'db'): string => join(directory, `${name}-${made++}`)

/** A stock SQLite file of so many rows of about 130 bytes. */
function makeFile(rows = 5): string {
  const path = `${fresh('source')}.sqlite`
  const stock = openStock()
  stock.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
    INSERT INTO t (body) SELECT '${'x'.repeat(120)}' FROM n`)
  writeFileSync(path, stock.bytes())
  stock.close()
  return path
}

describe('the option `import`', () => {
  it('tells its report in `ready`, warnings included', async () => {
    const path = makeFile()
    writeFileSync(`${path}-wal`, 'x'.repeat(77))
    const name = fresh()
    const db = open(name, { import: path })
    expect((await db.ready).import).toMatchObject({
      seq: 2n,
      sizeBytes: readFileSync(path).length,
      warnings: [expect.stringContaining('77 bytes')],
    })
    await db.close()
    const again = open(name)
    expect((await again.ready).import).toBeUndefined()
    await again.close()
  })

  it('takes in what stands when a migration after it fails, and the failure says how to go on', async () => {
    const path = makeFile()
    const name = fresh()
    const broken = open(name, { import: path, migrations: ['ALTER TABLE missing ADD COLUMN x'] })
    const failure = await rejection(broken.ready)
    expect(failure).toMatchObject({ code: 'ErrMigration', facts: { number: 1 } })
    expect(failure.hint).toContain('without `import`')
    await broken.close()
    const mended = open(name, { migrations: ['ALTER TABLE t ADD COLUMN x'] })
    expect(await mended.get('SELECT count(*) AS n, max(x) AS x FROM t')).toEqual({ n: 5, x: null })
    await mended.close()
  })
})

describe('an import of a large file', () => {
  const rows = 40_000
  const takeLarge = (db: Database, options: ImportOptions = {}): Promise<ImportReport> =>
    db.import(makeFile(rows), options)

  it('gives others a turn for each mebibyte of it', async () => {
    const db = await open(fresh())
    let turns = 0
    let isDone = false
    const counting = (async () => {
      for (; !isDone; turns++) await new Promise((resolve) => setImmediate(resolve))
    })()
    const { sizeBytes } = await takeLarge(db)
    isDone = true
    await counting
    expect(sizeBytes).toBeGreaterThan(4 << 20)
    expect(turns).toBeGreaterThan(sizeBytes >> 20)
    await db.close()
  })

  it('stops when its signal fires meanwhile, with nothing changed', async () => {
    const db = await open(fresh())
    const abort = new AbortController()
    const seen: number[] = []
    const onProgress = (fraction: number): void => {
      if (seen.push(fraction) === 1) setImmediate(() => abort.abort())
    }
    const failure = await rejection(takeLarge(db, { onProgress, signal: abort.signal }))
    expect(failure.code).toBe('ErrAborted')
    expect(seen.at(-1)).toBeLessThan(1)
    expect((await takeLarge(db)).seq).toBe(2n)
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: rows })
    await db.close()
  })
})

describe('the options of `import`', () => {
  it.each([
    ['an unknown option', { progress: () => undefined }],
    ['a progress that is no function', { onProgress: 5 }],
    ['a signal that is none', { signal: 5 }],
    ['no object', null],
  ])('are refused for %s, and nothing is changed', async (_, options) => {
    const path = makeFile()
    const db = open(fresh())
    expect((await rejection(db.import(path, options as never))).code).toBe('ErrOption')
    expect((await db.import(path)).seq).toBe(2n)
    await db.close()
  })
})
