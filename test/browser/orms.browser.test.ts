/** Kysely and Drizzle in a real browser: they run in the page, our database in its worker on OPFS.  Their basic
 *  cases (whose headers say what of those projects' own suites could be had), transactions and live queries. */

import wasmUrl from '@sqlite.org/sqlite-wasm/sqlite3.wasm?url'
import { eq, sql } from 'drizzle-orm'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { Kysely } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Database } from '../../src/database/types.ts'
import { open } from '../../src/entry/browser.ts'
import { drizzle, live as liveOfDrizzle } from '../../src/entry/drizzle.ts'
import { createDialect, live as liveOfKysely } from '../../src/entry/kysely.ts'
import { BLOG_MIGRATIONS, fillBlog } from '../support/drizzle-blog.ts'
import { drizzleReadCases } from '../support/drizzle-read-cases.ts'
import { drizzleWriteCases } from '../support/drizzle-write-cases.ts'
import { fillPeople, PEOPLE_MIGRATIONS, type PeopleSchema } from '../support/kysely-people.ts'
import { kyselyReadCases } from '../support/kysely-read-cases.ts'
import { kyselyWriteCases } from '../support/kysely-write-cases.ts'

/** One database for all: a worker takes longer to start than a case to run. */
let db: Database

beforeAll(async () => {
  db = await open(`orms-${crypto.randomUUID()}`, {
    wasmUrl: new URL(wasmUrl, location.href).href,
    worker: () =>
      new Worker(new URL('../../workers/database.ts', import.meta.url), { type: 'module' }),
  })
  expect(db.status.storage?.kind).toBe('opfs')
})
afterAll(() => db.close())

/** Makes these tables in the place of all that there are. */
async function makeTables(texts: readonly string[]): Promise<void> {
  const found = await db.all<{ type: string; title: string }>`
    SELECT type, name AS title FROM sqlite_schema
    WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY rowid DESC`
  for (const { type, title } of found) await db.exec(`DROP ${type} "${title}"`)
  for (const text of [...texts, 'CREATE TABLE mark (x)']) await db.exec(text)
}

/** The frames that `work` makes, and one of our own. */
async function framesOf(work: () => Promise<unknown>): Promise<bigint> {
  const frame = async (): Promise<bigint> => (await db.run`INSERT INTO mark VALUES (1)`).seq
  const before = await frame()
  await work()
  return (await frame()) - before - 1n
}

/** What a live query tells, until its length is as expected. */
async function lengthsUntil(rows: AsyncIterable<readonly unknown[]>, last: number) {
  const seen: number[] = []
  for await (const some of rows) {
    seen.push(some.length)
    if (some.length === last) break
  }
  return seen
}

const reason = new Error('Changed my mind.')

describe('Kysely in a page', () => {
  async function openPeople() {
    await makeTables(PEOPLE_MIGRATIONS)
    const kysely = new Kysely<PeopleSchema>({ dialect: createDialect(db) })
    await fillPeople(kysely)
    return kysely
  }
  const count = async (kysely: Kysely<PeopleSchema>): Promise<number> =>
    (await kysely.selectFrom('person').select('id').execute()).length

  it.each([...kyselyReadCases, ...kyselyWriteCases])('%s', async (_, check) => {
    await check(await openPeople())
    expect.hasAssertions()
  })

  it('commits a transaction as one frame, and keeps nothing of one that throws', async () => {
    const kysely = await openPeople()
    const work = () =>
      kysely.transaction().execute(async (trx) => {
        await trx.deleteFrom('pet').execute()
        await trx.insertInto('person').values({ first_name: 'Dolph', age: 60 }).execute()
        expect(await count(trx)).toBe(4)
      })
    expect(await framesOf(work)).toBe(1n)
    const thrown = kysely.transaction().execute(async (trx) => {
      await trx.deleteFrom('person').execute()
      throw reason
    })
    await expect(thrown).rejects.toBe(reason)
    expect(await count(kysely)).toBe(4)
  })

  it('goes back to a savepoint of a transaction that the page controls', async () => {
    const kysely = await openPeople()
    const trx = await kysely.startTransaction().execute()
    await trx.insertInto('person').values({ first_name: 'kept', age: 1 }).execute()
    const after = await trx.savepoint('one').execute()
    await after.deleteFrom('pet').execute()
    await after.rollbackToSavepoint('one').execute()
    await trx.commit().execute()
    expect(await count(kysely)).toBe(4)
    expect(await kysely.selectFrom('pet').select('id').execute()).toHaveLength(1)
  })

  it('tells a live query what a transaction committed, once', async () => {
    const kysely = await openPeople()
    const watch = liveOfKysely(kysely, kysely.selectFrom('person').selectAll()).watch()
    const telling = lengthsUntil(watch, 5)
    await expect.poll(() => watch.current?.length).toBe(3)
    await kysely.transaction().execute(async (trx) => {
      for (const first_name of ['d', 'e']) {
        await trx.insertInto('person').values({ first_name, age: 1 }).execute()
      }
    })
    expect(await telling).toEqual([3, 5])
  })

  it('runs its migrator and streams', async () => {
    const kysely = await openPeople()
    const first: Migration = {
      up: (it) => it.schema.createTable('author').addColumn('id', 'integer').execute(),
    }
    const provider = { getMigrations: async () => ({ first }) }
    const { error } = await new Migrator({ db: kysely, provider }).migrateToLatest()
    expect(error).toBeUndefined()
    const tables = await kysely.introspection.getTables()
    expect(tables.map((table) => table.name)).toContain('author')
    const names: string[] = []
    for await (const row of kysely.selectFrom('person').select('first_name').stream(2)) {
      names.push(row.first_name)
    }
    expect(names).toEqual(['Jennifer', 'Arnold', 'Sylvester'])
  })
})

describe('Drizzle in a page', () => {
  const posts = sqliteTable('posts', {
    id: integer().primaryKey(),
    title: text().notNull(),
    authorId: integer('author_id'),
  })
  async function openBlog() {
    await makeTables(BLOG_MIGRATIONS)
    await fillBlog(db)
    return drizzle(db, { schema: { posts } })
  }

  it.each([...drizzleReadCases, ...drizzleWriteCases])('%s', async (_, check) => {
    await makeTables(BLOG_MIGRATIONS)
    await check(db)
    expect.hasAssertions()
  })

  it('commits a transaction as one frame, and keeps nothing of one that throws', async () => {
    const orm = await openBlog()
    const work = () =>
      orm.transaction(async (tx) => {
        await tx.delete(posts).where(eq(posts.id, 1))
        await tx.transaction((nested) => nested.insert(posts).values({ title: 'Nested' }))
        const inner = tx.transaction(async (nested) => {
          await nested.delete(posts)
          nested.rollback()
        })
        await expect(inner).rejects.toThrow()
        expect(await tx.query.posts.findMany()).toHaveLength(3)
      })
    expect(await framesOf(work)).toBe(1n)
    const thrown = orm.transaction(async (tx) => {
      await tx.delete(posts)
      throw reason
    })
    await expect(thrown).rejects.toBe(reason)
    expect(await orm.$count(posts)).toBe(3)
  })

  it('runs a batch as one', async () => {
    const orm = await openBlog()
    const frames = await framesOf(async () => {
      const answers = await orm.batch([
        orm.insert(posts).values({ title: 'Fourth' }).returning({ id: posts.id }),
        orm.update(posts).set({ title: 'changed' }),
        orm.all<{ n: number }>(sql`SELECT count(*) AS n FROM posts`),
      ])
      expect(answers).toMatchObject([[{ id: 4 }], { changes: 4 }, [{ n: 4 }]])
    })
    expect(frames).toBe(1n)
  })

  it('tells a live query what a transaction committed, once', async () => {
    const orm = await openBlog()
    for (const query of [orm.select().from(posts), orm.query.posts.findMany()]) {
      await orm.delete(posts)
      const watch = liveOfDrizzle(query).watch()
      const telling = lengthsUntil(watch, 2)
      await expect.poll(() => watch.current?.length).toBe(0)
      await orm.transaction(async (tx) => {
        for (const title of ['a', 'b']) await tx.insert(posts).values({ title })
      })
      expect(await telling).toEqual([0, 2])
    }
  })
})
