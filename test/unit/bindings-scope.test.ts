/** Transactions of the ORMs where nobody knows for sure what runs inside one: in a page. */

import { sql as drizzleSql } from 'drizzle-orm'
import { Kysely, sql } from 'kysely'
import { expect, it } from 'vitest'
import { drizzle } from '../../src/entry/drizzle.ts'
import { createDialect } from '../../src/entry/kysely.ts'
import { createTestRealm, rejection } from './database-fixtures.ts'

it('Kysely and Drizzle run in a page, one after the other, and refuse the database inside', async () => {
  const db = createTestRealm().open('notes')
  await db.exec('CREATE TABLE note (body TEXT)')
  const kysely = new Kysely<{ note: { body: string } }>({ dialect: createDialect(db) })
  const orm = drizzle(db)
  const other = new Promise((resolve) => setImmediate(resolve))
  await Promise.all([
    kysely.transaction().execute(async (trx) => {
      await trx.insertInto('note').values({ body: 'a' }).execute()
      await other
      await sql`INSERT INTO note VALUES ('b')`.execute(trx)
    }),
    orm.transaction(async (tx) => {
      await tx.run(drizzleSql`INSERT INTO note VALUES ('c')`)
      await other
      await tx.run(drizzleSql`INSERT INTO note VALUES ('d')`)
    }),
    kysely.selectFrom('note').selectAll().execute(),
  ])
  const rows = await kysely.selectFrom('note').select('body').execute()
  expect(rows.map((row) => row.body).join('')).toMatch(/^(abcd|cdab)$/)
  const inside = kysely.transaction().execute(async (trx) => {
    await trx.deleteFrom('note').execute()
    await kysely.selectFrom('note').selectAll().execute()
  })
  expect(await rejection(inside)).toMatchObject({ code: 'ErrTransaction' })
  expect(await db.all`SELECT count(*) AS n FROM note`).toEqual([{ n: 4 }])
  await db.close()
})
