/** Drizzle over our driver: transactions and batches, and live queries out of Drizzle's own. */

import { eq, relations, sql, TransactionRollbackError } from 'drizzle-orm'
import { integer, type SQLiteTable, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { type DrizzleDatabase, drizzle, live } from '../../src/entry/drizzle.ts'
import { openRows } from './bindings-drizzle-fixtures.ts'
import { rejection } from './database-fixtures.ts'

const users = sqliteTable('users', {
  id: integer('id').primaryKey(),
  name: text('name').notNull(),
  verified: integer('verified', { mode: 'boolean' }).notNull().default(false),
})
const posts = sqliteTable('posts', {
  id: integer('id').primaryKey(),
  title: text('title').notNull(),
  authorId: integer('author_id').references(() => users.id),
})
const usersRelations = relations(users, ({ many }) => ({ posts: many(posts) }))
const postsRelations = relations(posts, ({ one }) => ({
  author: one(users, { fields: [posts.authorId], references: [users.id] }),
}))
const schema = { users, posts, usersRelations, postsRelations }

async function openBlog() {
  const db = await openRows()
  return { db, orm: drizzle(db, { schema }) }
}

const titles = async (orm: DrizzleDatabase<typeof schema>): Promise<string[]> =>
  (await orm.select().from(posts).orderBy(posts.id)).map((post) => post.title)

describe('a transaction of Drizzle', () => {
  it('commits as one frame', async () => {
    const { db, orm } = await openBlog()
    const { seq } = db.status
    await orm.transaction(async (tx) => {
      await tx.delete(posts).where(eq(posts.id, 1))
      await tx.insert(posts).values({ title: 'Third', authorId: 2 })
      expect(await tx.query.posts.findMany()).toHaveLength(2)
    })
    expect(db.status.seq).toBe(seq + 1n)
    expect(await titles(orm)).toEqual(['Second', 'Third'])
  })

  it('rolls back when it throws or is told to', async () => {
    const { orm } = await openBlog()
    const reason = new Error('Changed my mind.')
    const thrown = orm.transaction(async (tx) => {
      await tx.delete(posts)
      throw reason
    })
    expect(await rejection(thrown)).toBe(reason)
    const told = orm.transaction(async (tx) => {
      await tx.delete(posts)
      tx.rollback()
    })
    expect(await rejection(told)).toBeInstanceOf(TransactionRollbackError)
    expect(await titles(orm)).toEqual(['First', 'Second'])
  })

  it('nests as savepoints', async () => {
    const { orm } = await openBlog()
    await orm.transaction(async (tx) => {
      await tx.insert(posts).values({ title: 'Third' })
      const inner = tx.transaction(async (nested) => {
        await nested.delete(posts)
        nested.rollback()
      })
      await rejection(inner)
      await tx.transaction((nested) => nested.insert(posts).values({ title: 'Fourth' }))
    })
    expect(await titles(orm)).toEqual(['First', 'Second', 'Third', 'Fourth'])
  })

  it('refuses the database itself inside it, and another behavior', async () => {
    const { orm } = await openBlog()
    const inside = orm.transaction(async () => titles(orm))
    expect(await rejection(inside)).toMatchObject({ cause: { code: 'ErrTransaction' } })
    const deferred = orm.transaction(async () => 1, { behavior: 'deferred' })
    expect(await rejection(deferred)).toMatchObject({ code: 'ErrOption' })
  })

  it('runs a batch as one, and none of it when one fails', async () => {
    const { db, orm } = await openBlog()
    const { seq } = db.status
    const [made, found, ran, raw] = await orm.batch([
      orm.insert(posts).values({ title: 'Third' }).returning({ id: posts.id }),
      orm.query.users.findMany({ columns: { name: true } }),
      orm.delete(posts).where(eq(posts.id, 1)),
      orm.all<{ n: number }>(sql`SELECT count(*) AS n FROM posts`),
    ])
    expectTypeOf(made).toEqualTypeOf<{ id: number }[]>()
    expect([made, found, raw]).toEqual([
      [{ id: 3 }],
      [{ name: 'John' }, { name: 'Jane' }],
      [{ n: 2 }],
    ])
    expect(ran).toMatchObject({ changes: 1 })
    expect(db.status.seq).toBe(seq + 1n)
    const failing = orm.batch([
      orm.delete(posts),
      orm.insert(users).values({ id: 1, name: 'twice' }),
    ])
    expect(await rejection(failing)).toMatchObject({ cause: { code: 'ErrSql' } })
    expect(await titles(orm)).toEqual(['Second', 'Third'])
  })
})

describe('a live query of Drizzle', () => {
  it('tells its rows now and after each change, typed and converted', async () => {
    const { db, orm } = await openBlog()
    const query = live(orm.select().from(users).innerJoin(posts, eq(posts.authorId, users.id)))
    expect(query.database).toBe(db)
    const seen: unknown[] = []
    for await (const rows of query.watch()) {
      expectTypeOf(rows[0]!.users.verified).toBeBoolean()
      seen.push(rows.map((row) => [row.users.id, row.users.verified, row.posts.id]))
      if (seen.length === 2) break
      await orm.insert(posts).values({ title: 'Third', authorId: 2 })
    }
    const before = [
      [1, false, 1],
      [1, false, 2],
    ]
    expect(seen).toEqual([before, [...before, [2, true, 3]]])
  })

  it('may be relational', async () => {
    const { orm } = await openBlog()
    for await (const rows of live(orm.query.users.findMany({ with: { posts: true } })).watch()) {
      expectTypeOf(rows[0]!.posts[0]!.title).toBeString()
      expect(rows.map((row) => row.posts.length)).toEqual([2, 0])
      break
    }
  })

  it('keeps one array while the rows are the same', async () => {
    const { orm } = await openBlog()
    const watch = live(orm.select().from(posts)).watch()
    const seen: unknown[] = []
    let stop: () => void = () => undefined
    await new Promise<void>((resolve, reject) => {
      stop = watch.subscribe((rows) => {
        seen.push(rows)
        resolve()
      }, reject)
    })
    const stopOther = watch.subscribe(
      (rows) => seen.push(rows),
      () => undefined,
    )
    expect(watch.current).toBe(seen[0])
    expect(seen).toEqual([watch.current, watch.current])
    expect(seen[1]).toBe(seen[0])
    stop()
    stopOther()
  })

  it('has one key for the same rows, and another for other values, tables or instances', async () => {
    const { db, orm } = await openBlog()
    const key = (it: Pick<typeof orm, 'select'>, table: SQLiteTable, id: number) =>
      live(it.select().from(table).where(sql`id = ${id}`)).key
    expect(key(orm, posts, 1)).toBe(key(orm, posts, 1))
    expect(key(orm, posts, 1)).not.toBe(key(orm, posts, 2))
    const plain = sqliteTable('posts', otherColumns())
    expect(key(orm, posts, 1)).not.toBe(key(orm, plain, 1))
    expect(key(orm, posts, 1)).not.toBe(key(drizzle(db, { schema }), posts, 1))
  })

  it('refuses what another driver made', () => {
    const foreign = { prepare: () => ({}), execute: async () => [{}] }
    expect(() => live(foreign)).toThrow('constellite/drizzle')
  })
})

/** The columns of posts, read in another way. */
function otherColumns() {
  return { id: text('id'), title: text('title'), authorId: text('author_id') }
}
