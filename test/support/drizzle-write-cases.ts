/** Drizzle's basic cases over our driver, for every place that runs them: what writes.
 *  Drizzle's own suite cannot be had as a package: what is on npm is the built driver alone (0.45.4), so these
 *  are ours, after the parts of its file `integration-tests/tests/sqlite/sqlite-common.ts`, by what its
 *  documentation says. */

import { eq, gt, inArray, isNull, not, sql } from 'drizzle-orm'
import { integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { expect } from 'vitest'
import type { Database } from '../../src/database/types.ts'
import { drizzle } from '../../src/entry/drizzle.ts'
import { type DrizzleCase, fillBlog } from './drizzle-blog.ts'

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

export const drizzleWriteCases: readonly DrizzleCase[] = [
  ['insert: one, many, of defaults, of a query, conflicts', insert],
  ['update: by expressions, from a table; delete; both with what they return', updateAndDelete],
  ['with: select, insert, update and delete', commonTables],
  ['$defaultFn and $onUpdateFn fill what is not given', filled],
  ['values that are converted: boolean, time, JSON, null', converted],
]

async function openBlog(db: Database) {
  await fillBlog(db)
  return drizzle(db)
}

async function insert(db: Database): Promise<void> {
  const orm = drizzle(db)
  await orm.run(
    sql`CREATE TABLE tag (name TEXT PRIMARY KEY DEFAULT 'new', uses INTEGER NOT NULL DEFAULT 1)`,
  )
  const tag = sqliteTable(
    'tag',
    { name: text().primaryKey().default('new'), uses: integer().notNull().default(1) },
    (it) => [uniqueIndex('by_name').on(it.name)],
  )
  expect(await orm.insert(tag).values({}).returning()).toEqual([{ name: 'new', uses: 1 }])
  const many = [{ name: 'a' }, { name: 'b', uses: 5 }]
  expect(await orm.insert(tag).values(many)).toMatchObject({ changes: 2 })
  const nothing = orm.insert(tag).values(many).onConflictDoNothing().returning()
  expect(await nothing).toEqual([])
  const raised = orm
    .insert(tag)
    .values(many)
    .onConflictDoUpdate({
      target: tag.name,
      set: { uses: sql`${tag.uses} + excluded.uses` },
      setWhere: gt(tag.uses, 1),
    })
    .returning({ uses: tag.uses })
  expect(await raised).toEqual([{ uses: 10 }])
  const copied = orm
    .insert(tag)
    .select(orm.select({ name: sql<string>`name || '2'`.as('name'), uses: tag.uses }).from(tag))
    .returning({ name: tag.name })
  expect((await copied).map((row) => row.name).sort()).toEqual(['a2', 'b2', 'new2'])
}

async function updateAndDelete(db: Database): Promise<void> {
  const orm = await openBlog(db)
  const updated = await orm
    .update(posts)
    .set({ title: sql`${posts.title} || ' by ' || ${users.name}`, authorId: undefined })
    .from(users)
    .where(eq(users.id, posts.authorId))
    .returning({ title: posts.title, authorId: posts.authorId })
  expect(updated).toEqual([
    { title: 'First by John', authorId: 1 },
    { title: 'Second by John', authorId: 1 },
  ])
  const gone = await orm.delete(posts).where(isNull(posts.authorId)).returning({ id: posts.id })
  expect(gone).toEqual([{ id: 3 }])
  expect(await orm.delete(posts)).toMatchObject({ changes: 2 })
}

async function commonTables(db: Database): Promise<void> {
  const orm = await openBlog(db)
  const busy = orm.$with('busy').as(
    orm
      .selectDistinct({ id: posts.authorId })
      .from(posts)
      .where(not(isNull(posts.authorId))),
  )
  const isBusy = inArray(users.id, orm.select({ id: busy.id }).from(busy))
  const updated = await orm
    .with(busy)
    .update(users)
    .set({ verified: true })
    .where(isBusy)
    .returning({ id: users.id })
  expect(updated).toEqual([{ id: 1 }])
  const made = await orm
    .with(busy)
    .insert(posts)
    .values({ title: sql`(SELECT 'by ' || author_id FROM ${busy})` })
    .returning({ title: posts.title })
  expect(made).toEqual([{ title: 'by 1' }])
  await orm.with(busy).delete(users).where(not(isBusy))
  expect(await orm.select({ id: users.id }).from(users)).toEqual([{ id: 1 }])
}

async function filled(db: Database): Promise<void> {
  const orm = drizzle(db)
  await orm.run(sql`CREATE TABLE job (id INTEGER PRIMARY KEY, key TEXT, edits INTEGER)`)
  const job = sqliteTable('job', {
    id: integer().primaryKey(),
    key: text().$defaultFn(() => 'made'),
    edits: integer().$onUpdateFn(() => 7),
  })
  expect(await orm.insert(job).values({}).returning({ key: job.key })).toEqual([{ key: 'made' }])
  await orm.update(job).set({ key: 'other' })
  expect(await orm.select().from(job)).toEqual([{ id: 1, key: 'other', edits: 7 }])
}

async function converted(db: Database): Promise<void> {
  const orm = drizzle(db)
  const createdAt = new Date(1_700_000_000_000)
  const row = { id: 1, name: 'x', verified: true, createdAt, tags: ['a', 'b'] }
  expect(await orm.insert(users).values(row).returning()).toEqual([row])
  expect(await orm.select().from(users).where(eq(users.createdAt, createdAt))).toEqual([row])
  await orm.update(users).set({ createdAt: null, tags: null })
  const found = await orm.select({ at: users.createdAt, tags: users.tags }).from(users)
  expect(found).toEqual([{ at: null, tags: null }])
  const stored = await orm.all(sql`SELECT verified, created_at FROM users`)
  expect(stored).toEqual([{ verified: 1, created_at: null }])
}
