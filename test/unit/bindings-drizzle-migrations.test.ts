/** Drizzle's migrations over our driver. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { describe, expect, it } from 'vitest'
import { type DrizzleDatabase, drizzle, migrate } from '../../src/entry/drizzle.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { openBare } from './bindings-drizzle-fixtures.ts'
import { rejection } from './database-fixtures.ts'

describe('migrations of Drizzle', () => {
  const journal = {
    entries: [
      { idx: 0, when: 1, tag: '0000_first', breakpoints: true },
      { idx: 1, when: 2, tag: '0001_second', breakpoints: true },
    ],
  }
  const texts = {
    m0000: 'CREATE TABLE a (x);\n--> statement-breakpoint\nCREATE TABLE b (x);',
    m0001: 'ALTER TABLE a ADD COLUMN y',
  }
  const columns = async (orm: DrizzleDatabase): Promise<unknown> =>
    orm.values(sql`SELECT name FROM pragma_table_info('a')`)

  it('run as drizzle-kit bundles them, once each', async () => {
    const orm = drizzle(openBare())
    const entries = journal.entries.slice(0, 1)
    await migrate(orm, { journal: { entries }, migrations: texts })
    expect(await columns(orm)).toEqual([['x']])
    await migrate(orm, { journal, migrations: texts })
    await migrate(orm, { journal, migrations: texts })
    expect(await columns(orm)).toEqual([['x'], ['y']])
  })

  it('run from the folder that drizzle-kit writes', async () => {
    const folder = temporaryDirectory()
    mkdirSync(join(folder, 'meta'))
    writeFileSync(join(folder, 'meta/_journal.json'), JSON.stringify(journal))
    writeFileSync(join(folder, '0000_first.sql'), texts.m0000)
    writeFileSync(join(folder, '0001_second.sql'), texts.m0001)
    const orm = drizzle(openBare())
    await migrate(orm, readMigrationFiles({ migrationsFolder: folder }))
    expect(await columns(orm)).toEqual([['x'], ['y']])
  })

  it('are done as a whole or not at all', async () => {
    const orm = drizzle(openBare())
    const bad = { ...texts, m0001: 'CREATE TABLE a (again)' }
    await rejection(migrate(orm, { journal, migrations: bad }))
    expect(await columns(orm)).toEqual([])
    expect(
      await rejection(migrate(orm, { journal, migrations: { m0000: texts.m0000 } })),
    ).toMatchObject({ code: 'ErrParameter', facts: { tag: '0001_second' } })
  })
})
