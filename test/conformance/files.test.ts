import { type Database, follow, open, publish, websocket } from 'constellite'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import { place } from '#place'
import { failureOf } from './failures.ts'

const migrations = ['CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)']
const MAGIC = 'SQLite format 3\0'

async function openOne(label: string, options: Parameters<typeof open>[1] = {}): Promise<Database> {
  const db = await open(place.freshName(label), options)
  onTestFinished(() => db.close())
  return db
}

/** A plain SQLite file of 300 rows. */
async function makeFile(): Promise<Uint8Array> {
  const db = await openOne('source', { migrations })
  await db.run`
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
    INSERT INTO note SELECT i, 'row ' || i FROM n`
  return await place.bytesOf(await db.export())
}

describe('import and export', () => {
  it('exports a plain SQLite file, and imports it whole into a new database', async () => {
    const file = await makeFile()
    expect(new TextDecoder().decode(file.subarray(0, 16))).toBe(MAGIC)
    const db = await openOne('target')
    const fractions: number[] = []
    const report = await db.import(file, { onProgress: (it) => fractions.push(it) })
    expect(report).toMatchObject({ sizeBytes: file.length, warnings: [] })
    expect(report.pageCount * report.pageSize).toBe(file.length)
    expect(fractions.at(-1)).toBe(1)
    expect(await db.get`SELECT count(*) AS n, max(body) AS top FROM note`).toEqual({
      n: 300,
      top: 'row 99',
    })
    expect(await place.bytesOf(await db.export())).toEqual(file)
    expect((await db.verify()).ok).toBe(true)
  })

  it('opens a new database with a file, and brings it to a follower', async () => {
    const file = await makeFile()
    const via = [websocket(inject('relayUrl'))]
    const db = await openOne('imported', { import: file, sync: publish({ via }) })
    await db.until('shared')
    const copy = await openOne('copy', { sync: follow((await db.ready).address) })
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        const { seq, failure } = copy.status
        if (failure !== undefined) reject(failure)
        else if (seq >= db.status.seq) resolve()
      }
      copy.onStatus(look)
      look()
    })
    expect(await place.bytesOf(await copy.export())).toEqual(file)
    expect(await copy.verify()).toMatchObject({ ok: true, root: (await db.verify()).root })
  })

  it('refuses what is no database, what is cut short, and a database that has something', async () => {
    const file = await makeFile()
    const db = await openOne('refusing')
    const text = new TextEncoder().encode('id,body\n1,hello\n'.repeat(200))
    expect(await failureOf(db.import(text))).toBe('ErrNotSqlite')
    const half = file.subarray(0, file.length / 2)
    expect(await failureOf(db.import(half))).toBe('ErrTruncatedFile')
    const spoiled = file.slice()
    spoiled.fill(0xee, file.length - 4096)
    expect(await failureOf(db.import(spoiled))).toBe('ErrCorrupt')
    expect(db.status.seq).toBe(1n)
    await db.import(file)
    expect(await failureOf(db.import(file))).toBe('ErrNotEmpty')
  })
})
