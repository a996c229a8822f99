import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { readFileHeader } from '../../src/database/file-header.ts'
import type { Database, ImportReport } from '../../src/database/types.ts'
import { open } from '../../src/platform/node.ts'
import { openStock, type Stock } from '../support/stock-sqlite.ts'
import { rejection } from './database-fixtures.ts'

const directory = mkdtempSync(join(tmpdir(), 'constellite-import-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

let made = 0
const fresh = (name = 'db'): string => join(directory, `${name}-${made++}`)

/** A stock SQLite file, made by another build of SQLite. */
function makeFile(prepare: (stock: Stock) => void, rows = 300): string {
  const path = `${fresh('source')}.sqlite`
  const stock = openStock()
  prepare(stock)
  stock.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT);
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows - 1})
    INSERT INTO t (body) SELECT 'row ' || i || ' ${'x'.repeat(50)}' FROM n`)
  writeFileSync(path, stock.bytes())
  stock.close()
  return path
}

async function importInto(path: string): Promise<{ db: Database; report: ImportReport }> {
  const db = open(fresh())
  const report = await db.import(path)
  return { db, report }
}

describe('an import', () => {
  it('takes a stock file, byte for byte, and tells what it took', async () => {
    const path = makeFile(() => undefined)
    const { db, report } = await importInto(path)
    const bytes = readFileSync(path)
    expect(report).toMatchObject({
      pageSize: 4096,
      sizeBytes: bytes.length,
      seq: 2n,
      warnings: [],
    })
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 300 })
    expect(await db.get('PRAGMA integrity_check')).toEqual({ integrity_check: 'ok' })
    const exported = new Uint8Array(await (await db.export()).arrayBuffer())
    expect(Buffer.compare(exported, bytes)).toBe(0)
    expect(await db.verify()).toMatchObject({ ok: true, pages: 'match' })
    await db.close()
  })

  it.each([512, 1024, 65_536])(
    'keeps pages of %i bytes, also when written to',
    async (pageSize) => {
      const path = makeFile((stock) => stock.exec(`PRAGMA page_size = ${pageSize}`))
      const { db, report } = await importInto(path)
      expect(report.pageSize).toBe(pageSize)
      await db.run("INSERT INTO t (body) VALUES ('more')")
      await db.exec('CREATE INDEX by_body ON t (body)')
      expect(await db.get('PRAGMA page_size')).toEqual({ page_size: pageSize })
      expect(await db.get('PRAGMA integrity_check')).toEqual({ integrity_check: 'ok' })
      await db.close()
    },
  )

  it('survives a restart, and goes on', async () => {
    const name = fresh()
    const db = open(name)
    await db.import(makeFile(() => undefined))
    await db.run("INSERT INTO t (body) VALUES ('after')")
    await db.close()
    const again = open(name)
    expect(await again.get('SELECT count(*) AS n FROM t')).toEqual({ n: 301 })
    expect(await again.verify()).toMatchObject({ ok: true })
    await again.close()
  })

  it('takes bytes and Blobs too', async () => {
    const bytes = new Uint8Array(readFileSync(makeFile(() => undefined, 5)))
    for (const source of [bytes, new Blob([bytes])]) {
      const db = open(fresh(), { import: source })
      expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 5 })
      await db.close()
    }
  })

  it('comes before the migrations of the same opening, and tells its progress', async () => {
    const path = makeFile(() => undefined, 5)
    const progress: number[] = []
    const db = open(fresh(), { import: path, migrations: ['ALTER TABLE t ADD COLUMN done'] })
    db.onStatus((status) => status.progress !== undefined && progress.push(status.progress))
    expect(await db.get('SELECT done FROM t')).toEqual({ done: null })
    expect(progress.at(-1)).toBe(1)
    await db.close()
  })

  it('of a file in WAL mode takes it out of that mode and asks for its -wal', async () => {
    const path = makeFile((stock) => stock.exec('PRAGMA journal_mode = WAL'))
    expect(readFileSync(path).subarray(18, 20)).toEqual(Buffer.of(2, 2))
    const { db, report } = await importInto(path)
    expect(report.warnings).toEqual([expect.stringContaining('-wal')])
    const exported = new Uint8Array(await (await db.export()).arrayBuffer())
    expect(exported.subarray(18, 20)).toEqual(Uint8Array.of(1, 1))
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 300 })
    await db.close()
  })

  it('names a -wal or -journal that lies beside the file', async () => {
    const path = makeFile(() => undefined, 5)
    writeFileSync(`${path}-wal`, 'x'.repeat(77))
    writeFileSync(`${path}-journal`, 'x')
    const { db, report } = await importInto(path)
    expect(report.warnings[0]).toContain('77 bytes')
    expect(report.warnings[1]).toContain('-journal')
    await db.close()
  })

  it('needs a database that has nothing yet', async () => {
    const path = makeFile(() => undefined, 5)
    const name = fresh()
    const db = open(name)
    await db.exec('CREATE TABLE mine (x)')
    expect(await rejection(db.import(path))).toMatchObject({ code: 'ErrNotEmpty' })
    expect(await db.all('SELECT name FROM sqlite_schema')).toEqual([{ name: 'mine' }])
    await db.close()
    expect((await rejection(open(name, { import: path }).ready)).code).toBe('ErrNotEmpty')
  })

  it('that is aborted changes nothing', async () => {
    const db = open(fresh())
    const abort = new AbortController()
    abort.abort()
    const path = makeFile(() => undefined, 5)
    expect((await rejection(db.import(path, { signal: abort.signal }))).code).toBe('ErrAborted')
    await db.import(path)
    await db.close()
  })
})

describe('an import is refused, with nothing changed,', () => {
  const damaged: readonly (readonly [string, string, (bytes: Buffer) => Uint8Array])[] = [
    ['of an empty file', 'ErrNotSqlite', () => new Uint8Array(0)],
    ['of a text', 'ErrNotSqlite', () => Buffer.from('id,body\n1,hello\n'.repeat(100))],
    ['of a picture', 'ErrNotSqlite', () => Buffer.from('89504e470d0a1a0a', 'hex')],
    ['of an encrypted file', 'ErrEncrypted', (bytes) => noise(bytes.length, 0)],
    [
      'of one encrypted behind its header',
      'ErrEncrypted',
      (bytes) => {
        const mixed = Buffer.from(noise(bytes.length, 0))
        bytes.copy(mixed, 0, 0, 100)
        return mixed
      },
    ],
    [
      'of one encrypted behind its magic',
      'ErrEncrypted',
      (bytes) => Buffer.concat([bytes.subarray(0, 16), noise(bytes.length - 16, 0)]),
    ],
    [
      'of one encrypted behind the sizes in its header',
      'ErrEncrypted',
      (bytes) => Buffer.concat([bytes.subarray(0, 24), noise(bytes.length - 24, 0)]),
    ],
    ['of an encoding that there is not', 'ErrCorrupt', (bytes) => edit(bytes, 59, 7)],
    ['of a file cut off in its header', 'ErrTruncatedFile', (bytes) => bytes.subarray(0, 60)],
    ['of a file cut off', 'ErrTruncatedFile', (bytes) => bytes.subarray(0, bytes.length - 4096)],
    [
      'of a file cut off in a page',
      'ErrTruncatedFile',
      (bytes) => bytes.subarray(0, bytes.length - 1),
    ],
    ['of an impossible page size', 'ErrCorrupt', (bytes) => edit(bytes, 16, 3)],
    ['of a damaged schema page', 'ErrCorrupt', (bytes) => edit(bytes, 100, 7)],
    [
      'of a damaged page',
      'ErrCorrupt',
      (bytes) => {
        const copy = Buffer.from(bytes)
        copy.fill(0x55, 4096 * 2, 4096 * 2 + 200)
        return copy
      },
    ],
  ]
  it.each(damaged)('%s: %s', async (_, code, damage) => {
    const good = makeFile(() => undefined)
    const path = `${fresh('damaged')}.sqlite`
    writeFileSync(path, damage(readFileSync(good)))
    const db = open(fresh())
    expect((await rejection(db.import(path))).code).toBe(code)
    // The name is still empty, so a good file enters.
    expect((await db.import(good)).seq).toBe(2n)
    await db.close()
  })

  it('of UTF-16 texts: ErrEncoding', async () => {
    // Made by the sqlite3 program: the official WASM build leaves UTF-16 out.
    const file = new URL('../vectors/stock-utf16.db', import.meta.url)
    const db = open(fresh())
    expect((await rejection(db.import(fileURLToPath(file)))).code).toBe('ErrEncoding')
    await db.close()
  })

  it('of a path where nothing is: ErrStorage', async () => {
    const db = open(fresh())
    expect(await rejection(db.import(fresh()))).toMatchObject({
      code: 'ErrStorage',
      message: expect.stringContaining('ENOENT'),
    })
    await db.close()
  })
})

describe('the header of a file', () => {
  it('gives the page count where it is valid, else the size does', () => {
    const bytes = readFileSync(makeFile(() => undefined))
    const pageCount = bytes.length / 4096
    expect(readFileHeader(bytes, bytes.length).pageCount).toBe(pageCount)
    // Bytes beyond the count are no pages.
    expect(readFileHeader(bytes, bytes.length + 5000).pageCount).toBe(pageCount)
    // Written by a version before 3.7: the counters differ, so the size counts.
    const old = edit(bytes, 92, 9)
    expect(readFileHeader(old, bytes.length).pageCount).toBe(pageCount)
    expect(() => readFileHeader(old, bytes.length + 1)).toThrow(/bytes/)
  })
})

describe('an export', () => {
  it('to a path is whole, and nothing else is left beside it', async () => {
    const { db } = await importInto(makeFile(() => undefined))
    const path = `${fresh('out')}.sqlite`
    const { sizeBytes } = await db.export({ path })
    expect(readFileSync(path).length).toBe(sizeBytes)
    expect(existsSync(`${path}.unfinished-${process.pid}`)).toBe(false)
    const stock = openStock(path)
    expect(stock.value('PRAGMA integrity_check')).toBe('ok')
    expect(stock.value('SELECT count(*) FROM t')).toBe(300)
    stock.close()
    await db.close()
  })

  it('shows one moment, whatever is written meanwhile', async () => {
    const { db } = await importInto(makeFile(() => undefined, 20_000))
    const exporting = db.export()
    const ids = Array.from({ length: 60 }, (_, index) => 1 + index * 300)
    const writing = Promise.all(
      ids.map((id) => db.run('UPDATE t SET body = ? WHERE id = ?', ['new', id])),
    )
    const bytes = new Uint8Array(await (await exporting).arrayBuffer())
    await writing
    const stock = openStock(bytes)
    expect(stock.value('PRAGMA integrity_check')).toBe('ok')
    const seen = stock.values("SELECT id FROM t WHERE body = 'new' ORDER BY id")
    expect(seen).toEqual(ids.slice(0, seen.length))
    stock.close()
    await db.close()
  })
})

function edit(bytes: Uint8Array, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = value
  return copy
}

/** Bytes that look random and are the same at every run. */
function noise(sizeBytes: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes)
  let state = seed + 1
  for (let at = 0; at < sizeBytes; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[at] = state >>> 24
  }
  return bytes
}
