import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { Database, StorageReport } from '../../src/database/types.ts'
import { open } from '../../src/platform/node.ts'
import { isOwnerFile } from '../../src/storage/owned.ts'
import { rejection } from './database-fixtures.ts'

const directory = mkdtempSync(join(tmpdir(), 'constellite-report-'))
let made = 0
afterAll(() => rmSync(directory, { recursive: true, force: true }))

async function withDatabase(use: (db: Database, folder: string) => Promise<void>): Promise<void> {
  const name = join(directory, `database-${made++}`)
  const db = open(name)
  try {
    await use(db, `${name}.constellite`)
  } finally {
    await db.close()
  }
}

/** What is on the disk but for what says who has it open. */
function bytesIn(folder: string): number {
  return readdirSync(folder)
    .filter((entry) => !isOwnerFile(entry))
    .reduce((total, entry) => total + statSync(join(folder, entry)).size, 0)
}

function sumOf(report: StorageReport): number {
  const { log, pages, leavesBytes, snapshotBytes, keptBytes, otherBytes } = report
  return log.sizeBytes + pages.sizeBytes + leavesBytes + snapshotBytes + keptBytes + otherBytes
}

async function write(db: Database, rows: number): Promise<void> {
  await db.exec('CREATE TABLE IF NOT EXISTS t (x BLOB)')
  await db.run`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
    INSERT INTO t SELECT randomblob(1000) FROM n`
}

describe('the storage report', () => {
  it('counts every byte that is on the disk, once', () =>
    withDatabase(async (db, folder) => {
      await write(db, 500)
      const report = await db.storage()
      expect(report.totalBytes).toBe(bytesIn(folder))
      expect(sumOf(report)).toBe(report.totalBytes)
      expect(report.site).toBeUndefined()
    }))

  it('shows what was written in the log and in memory, and in the pages after a checkpoint', () =>
    withDatabase(async (db) => {
      const before = await db.storage()
      await write(db, 500)
      const after = await db.storage()
      expect(after.log.usedBytes - before.log.usedBytes).toBeGreaterThan(500_000)
      expect(after.log.usedBytes).toBeLessThanOrEqual(after.log.sizeBytes)
      expect(after.log.capBytes).toBe(67_108_864)
      expect(after.log.holder).toBeUndefined()
      expect(after.memory.dirtyBytes).toBeGreaterThan(500_000)
      // A segment is folded when it has 8 MiB.
      await write(db, 10_000)
      const folded = await db.storage()
      expect(folded.pages.sizeBytes).toBeGreaterThan(10_000_000)
      expect(folded.leavesBytes).toBeGreaterThan(0)
      expect(folded.memory.dirtyBytes).toBeLessThan(1_000_000)
    }))

  it('tells what VACUUM gives back', () =>
    withDatabase(async (db) => {
      await write(db, 500)
      expect((await db.storage()).pages.freeBytes).toBe(0)
      await db.run`DELETE FROM t`
      const { freeBytes } = (await db.storage()).pages
      expect(freeBytes).toBeGreaterThan(500_000)
      await db.exec('VACUUM')
      expect((await db.storage()).pages.freeBytes).toBe(0)
    }))

  it('is answered while a transaction is open, which it does not wait for', () =>
    withDatabase(async (db) => {
      await write(db, 1)
      let end = (): void => undefined
      const held = new Promise<void>((resolve) => {
        end = resolve
      })
      let transaction: Promise<void> | undefined
      await new Promise<void>((begun) => {
        transaction = db.transaction(async (tx) => {
          await tx.run`DELETE FROM t`
          begun()
          await held
        })
      })
      expect((await db.storage()).totalBytes).toBeGreaterThan(0)
      end()
      await transaction
    }))

  it('is consistent while writes go on', () =>
    withDatabase(async (db) => {
      await write(db, 1)
      const writing = Array.from({ length: 40 }, () => write(db, 50))
      for (let round = 0; round < 20; round++) {
        const report = await db.storage()
        expect(sumOf(report)).toBe(report.totalBytes)
        expect(report.log.usedBytes).toBeLessThanOrEqual(report.log.sizeBytes)
      }
      await Promise.all(writing)
    }))

  it('is refused by a closed database', async () => {
    const db = open(join(directory, 'closed'))
    await db.ready
    await db.close()
    expect(await rejection(db.storage())).toMatchObject({ code: 'ErrClosed' })
  })
})
