/** Drizzle over our driver: what its documentation promises of a SQLite driver's statements. */

import { and, asc, count, desc, eq, gt, max, placeholder, relations, sql } from 'drizzle-orm'
import {
  alias,
  blob,
  integer,
  real,
  sqliteTable,
  sqliteView,
  text,
  union,
} from 'drizzle-orm/sqlite-core'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { drizzle } from '../../src/entry/drizzle.ts'
import { openBare, openRows } from './bindings-drizzle-fixtures.ts'
import { rejection } from './database-fixtures.ts'

const users = sqliteTable('users', {
  id: integer('id').primaryKey(),
  name: text('name').notNull(),
  verified: integer('verified', { mode: 'boolean' }).notNull().default(false),
  createdAt: integer('created_at', { mode: 'timestamp' }),
  tags: text('tags', { mode: 'json' }).$type<string[]>(),
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

describe('a statement of Drizzle', () => {
  it('inserts and says what it did', async () => {
    const { orm } = await openBlog()
    const result = await orm.insert(users).values({ name: 'Ann' })
    expectTypeOf(result.changes).toBeNumber()
    expect(result).toMatchObject({ changes: 1, lastInsertRowid: 3 })
  })

  it('returns rows of insert, update and delete', async () => {
    const { orm } = await openBlog()
    const createdAt = new Date(1_700_000_000_000)
    const made = await orm
      .insert(users)
      .values({ name: 'Ann', createdAt, tags: ['a'] })
      .returning()
    expect(made).toEqual([{ id: 3, name: 'Ann', verified: false, createdAt, tags: ['a'] }])
    const changed = await orm
      .update(users)
      .set({ name: sql`upper(${users.name})` })
      .where(eq(users.id, 1))
      .returning({ id: users.id, again: users.id, name: users.name })
    expect(changed).toEqual([{ id: 1, again: 1, name: 'JOHN' }])
    const gone = await orm.delete(users).where(eq(users.id, 3)).returning({ id: users.id })
    expect(gone).toEqual([{ id: 3 }])
  })

  it('refuses returned columns that lose their place, instead of mixing them up', async () => {
    const { orm } = await openBlog()
    const mixed = orm.delete(posts).returning({ id: posts.id, one: sql`1` })
    expect(await rejection(mixed)).toMatchObject({ cause: { code: 'ErrParameter' } })
    expect(await rejection(orm.values(sql`SELECT 'a', 2, 1`))).toMatchObject({
      cause: { code: 'ErrParameter' },
    })
  })

  it('upserts', async () => {
    const { orm } = await openBlog()
    const row = { id: 1, name: 'Johnny' }
    await orm
      .insert(users)
      .values(row)
      .onConflictDoUpdate({ target: users.id, set: { name: 'Johnny' } })
    await orm.insert(users).values(row).onConflictDoNothing()
    expect(await orm.select({ name: users.name }).from(users).where(eq(users.id, 1))).toEqual([
      { name: 'Johnny' },
    ])
  })

  it('keeps columns of one name apart in a join, in order', async () => {
    const { orm } = await openBlog()
    const rows = await orm
      .select()
      .from(users)
      .leftJoin(posts, eq(posts.authorId, users.id))
      .orderBy(desc(users.id), desc(posts.id))
    expect(rows.map((row) => [row.users.id, row.users.name, row.posts?.id])).toEqual([
      [2, 'Jane', undefined],
      [1, 'John', 2],
      [1, 'John', 1],
    ])
    const other = alias(users, 'other')
    const pairs = await orm
      .select({ a: users.name, b: other.name })
      .from(users)
      .innerJoin(other, gt(other.id, users.id))
    expect(pairs).toEqual([{ a: 'John', b: 'Jane' }])
  })

  it('selects expressions, aggregates, subqueries, distinct rows and unions', async () => {
    const { orm } = await openBlog()
    const rows = await orm
      .select({ author: posts.authorId, posts: count(), newest: max(posts.id), one: sql`1` })
      .from(posts)
      .groupBy(posts.authorId)
    expect(rows).toEqual([{ author: 1, posts: 2, newest: 2, one: 1 }])
    expect(await orm.$count(posts)).toBe(2)
    const counted = orm.$with('counted').as(
      orm
        .select({ author: posts.authorId, n: count().as('n') })
        .from(posts)
        .groupBy(posts.authorId),
    )
    const joined = await orm
      .with(counted)
      .select({ name: users.name, n: counted.n })
      .from(users)
      .leftJoin(counted, eq(counted.author, users.id))
      .orderBy(users.id)
    expect(joined).toEqual([
      { name: 'John', n: 2 },
      { name: 'Jane', n: null },
    ])
    const distinct = await orm.selectDistinct({ author: posts.authorId }).from(posts)
    expect(distinct).toEqual([{ author: 1 }])
    const one = orm.select({ name: users.name }).from(users)
    const other = orm.select({ name: posts.title }).from(posts)
    expect(await union(one, other).orderBy(asc(sql`name`))).toHaveLength(4)
  })

  it('keeps the order of columns whose names are numbers', async () => {
    const orm = drizzle(openBare(['CREATE TABLE odd ("2" TEXT, "1" TEXT)']))
    const odd = sqliteTable('odd', { two: text('2'), one: text('1') })
    await orm.insert(odd).values({ two: 'b', one: 'a' })
    expect(await orm.select().from(odd)).toEqual([{ two: 'b', one: 'a' }])
  })

  it('converts bigint, real and bytes', async () => {
    const orm = drizzle(openBare(['CREATE TABLE v (i INTEGER, r REAL, b BLOB)']))
    const v = sqliteTable('v', { i: integer('i'), r: real('r'), b: blob('b', { mode: 'buffer' }) })
    await orm.insert(v).values({ i: 2 ** 40, r: 0.5, b: Buffer.from([1, 2]) })
    expect(await orm.select().from(v)).toEqual([{ i: 2 ** 40, r: 0.5, b: Buffer.from([1, 2]) }])
  })

  it('reads a view', async () => {
    const { orm } = await openBlog()
    await orm.run(sql`CREATE VIEW verified AS SELECT id, name FROM users WHERE verified`)
    const verified = sqliteView('verified', { id: integer('id'), name: text('name') }).existing()
    expect(await orm.select().from(verified)).toEqual([{ id: 2, name: 'Jane' }])
  })

  it('that is raw is run, or answers all, the first, or values', async () => {
    const { orm } = await openBlog()
    expect(await orm.all(sql`SELECT id, name FROM users WHERE id = ${2}`)).toEqual([
      { id: 2, name: 'Jane' },
    ])
    expect(await orm.get(sql`SELECT name FROM users ORDER BY id`)).toEqual({ name: 'John' })
    expect(await orm.values(sql`SELECT u.id, p.id FROM users u JOIN posts p ON p.id = 2;`)).toEqual(
      [
        [1, 2],
        [2, 2],
      ],
    )
    expect(await orm.run(sql`DELETE FROM posts`)).toMatchObject({ changes: 2 })
  })

  it('is prepared once and executed with values', async () => {
    const { orm } = await openBlog()
    const byName = orm
      .select({ id: users.id })
      .from(users)
      .where(and(eq(users.name, placeholder('name')), gt(users.id, 0)))
      .prepare()
    expect(await byName.execute({ name: 'Jane' })).toEqual([{ id: 2 }])
    expect(await byName.get({ name: 'John' })).toEqual({ id: 1 })
    expect(await byName.get({ name: 'Nobody' })).toBeUndefined()
  })

  it('fails with what our database says as its cause', async () => {
    const { orm } = await openBlog()
    const twice = orm.insert(users).values({ id: 1, name: 'again' })
    expect(await rejection(twice)).toMatchObject({ cause: { code: 'ErrSql' } })
  })
})

describe('a relational query of Drizzle', () => {
  it('finds rows with what belongs to them', async () => {
    const { orm } = await openBlog()
    const found = await orm.query.users.findMany({
      columns: { name: true },
      with: { posts: { columns: { title: true }, orderBy: desc(posts.id), limit: 1 } },
    })
    expectTypeOf(found).toEqualTypeOf<{ name: string; posts: { title: string }[] }[]>()
    expect(found).toEqual([
      { name: 'John', posts: [{ title: 'Second' }] },
      { name: 'Jane', posts: [] },
    ])
    const first = await orm.query.posts.findFirst({ with: { author: true } })
    expect(first?.author).toMatchObject({ name: 'John', verified: false })
    const none = await orm.query.posts.findFirst({ where: eq(posts.id, 99) })
    expect(none).toBeUndefined()
  })
})
