/** Drizzle's basic cases over our driver, for every place that runs them: what reads.
 *  Drizzle's own suite cannot be had as a package: what is on npm is the built driver alone (0.45.4), so these
 *  are ours, after the parts of its file `integration-tests/tests/sqlite/sqlite-common.ts`, by what its
 *  documentation says. */

import {
  and,
  asc,
  avg,
  between,
  count,
  countDistinct,
  desc,
  eq,
  exists,
  getTableColumns,
  gt,
  inArray,
  isNull,
  like,
  not,
  notInArray,
  or,
  placeholder,
  type SQL,
  sql,
  sum,
} from 'drizzle-orm'
import {
  alias,
  except,
  integer,
  intersect,
  sqliteTable,
  text,
  unionAll,
} from 'drizzle-orm/sqlite-core'
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

export const drizzleReadCases: readonly DrizzleCase[] = [
  ['select: partly, computed, distinct, ordered, limited, offset', select],
  ['where: every operator', where],
  ['joins: left, inner, cross, of aliases and of subqueries', joins],
  ['group by and having; count, avg, sum', aggregates],
  ['set operations, also in a subquery', setOperations],
  ['prepared statements, with placeholders in where, limit and offset', prepared],
  ['dynamic queries, toSQL, get, all and values', shapes],
]

async function openBlog(db: Database) {
  await fillBlog(db)
  return drizzle(db)
}

async function select(db: Database): Promise<void> {
  const orm = await openBlog(db)
  const partly = await orm
    .select({ name: users.name, upper: sql<string>`upper(${users.name})` })
    .from(users)
    .orderBy(desc(users.id))
  expect(partly).toEqual([
    { name: 'Jane', upper: 'JANE' },
    { name: 'John', upper: 'JOHN' },
  ])
  const nested = await orm
    .select({ post: { id: posts.id }, ...getTableColumns(posts) })
    .from(posts)
    .limit(1)
    .offset(1)
  expect(nested).toEqual([{ post: { id: 2 }, id: 2, title: 'Second', authorId: 1 }])
  const authors = orm.selectDistinct({ id: posts.authorId }).from(posts).orderBy(posts.authorId)
  expect(await authors).toEqual([{ id: null }, { id: 1 }])
}

async function where(db: Database): Promise<void> {
  const orm = await openBlog(db)
  const ids = async (condition: SQL | undefined): Promise<number[]> =>
    (await orm.select({ id: posts.id }).from(posts).where(condition).orderBy(posts.id)).map(
      (row) => row.id,
    )
  expect(await ids(inArray(posts.id, [1, 3]))).toEqual([1, 3])
  expect(await ids(inArray(posts.id, []))).toEqual([])
  expect(await ids(notInArray(posts.id, [1]))).toEqual([2, 3])
  expect(await ids(isNull(posts.authorId))).toEqual([3])
  expect(await ids(not(isNull(posts.authorId)))).toEqual([1, 2])
  expect(await ids(and(between(posts.id, 2, 3), like(posts.title, 'S%')))).toEqual([2])
  expect(await ids(or(eq(posts.id, 1), gt(posts.id, 2)))).toEqual([1, 3])
  const authors = orm
    .select({ name: users.name })
    .from(users)
    .where(exists(orm.select({ one: sql`1` }).from(posts).where(eq(posts.authorId, users.id))))
  expect(await authors).toEqual([{ name: 'John' }])
}

async function joins(db: Database): Promise<void> {
  const orm = await openBlog(db)
  const left = await orm
    .select()
    .from(posts)
    .leftJoin(users, eq(users.id, posts.authorId))
    .orderBy(posts.id)
  expect(left.map((row) => [row.posts.id, row.users?.name ?? null])).toEqual([
    [1, 'John'],
    [2, 'John'],
    [3, null],
  ])
  const author = alias(users, 'author')
  const grouped = await orm
    .select({ title: posts.title, author: { id: author.id, verified: author.verified } })
    .from(posts)
    .innerJoin(author, eq(author.id, posts.authorId))
    .where(eq(posts.id, 1))
  expect(grouped).toEqual([{ title: 'First', author: { id: 1, verified: false } }])
  expect(await orm.select({ id: users.id }).from(users).crossJoin(posts)).toHaveLength(6)
  const counted = orm
    .select({ author: posts.authorId, n: count().as('n') })
    .from(posts)
    .groupBy(posts.authorId)
    .as('counted')
  const joined = orm
    .select({ name: users.name, n: counted.n })
    .from(users)
    .innerJoin(counted, eq(counted.author, users.id))
  expect(await joined).toEqual([{ name: 'John', n: 2 }])
}

async function aggregates(db: Database): Promise<void> {
  const orm = await openBlog(db)
  const whole = await orm
    .select({ n: count(posts.authorId), who: countDistinct(posts.authorId), mean: avg(posts.id) })
    .from(posts)
  expect(whole).toEqual([{ n: 2, who: 1, mean: '2' }])
  const many = await orm
    .select({ author: posts.authorId, sum: sum(posts.id) })
    .from(posts)
    .groupBy(posts.authorId)
    .having(({ sum: total }) => eq(total, 3))
    .orderBy(posts.authorId)
  expect(many).toEqual([
    { author: null, sum: '3' },
    { author: 1, sum: '3' },
  ])
  expect(await orm.$count(posts, eq(posts.authorId, 1))).toBe(2)
}

async function setOperations(db: Database): Promise<void> {
  const orm = await openBlog(db)
  // Each made anew, because an operation changes the query that stands left of it.
  const people = () => orm.select({ id: users.id }).from(users)
  const written = () => orm.select({ id: posts.id }).from(posts)
  expect(await unionAll(people(), written())).toHaveLength(5)
  expect(await intersect(people(), written()).orderBy(asc(sql`id`))).toEqual([{ id: 1 }, { id: 2 }])
  expect(await except(written(), people())).toEqual([{ id: 3 }])
  const within = people().union(written()).as('within')
  expect(await orm.select({ n: count() }).from(within)).toEqual([{ n: 3 }])
}

async function prepared(db: Database): Promise<void> {
  const orm = await openBlog(db)
  const page = orm
    .select({ id: posts.id })
    .from(posts)
    .where(gt(posts.id, placeholder('after')))
    .orderBy(posts.id)
    .limit(placeholder('limit'))
    .offset(placeholder('offset'))
    .prepare()
  expect(await page.all({ after: 0, limit: 2, offset: 1 })).toEqual([{ id: 2 }, { id: 3 }])
  expect(await page.values({ after: 2, limit: 2, offset: 0 })).toEqual([[3]])
  const write = orm
    .insert(users)
    .values({ name: placeholder('name') })
    .prepare()
  for (const name of ['a', 'b']) await write.execute({ name })
  expect(await orm.$count(users)).toBe(4)
}

async function shapes(db: Database): Promise<void> {
  const orm = await openBlog(db)
  const query = orm.select({ id: users.id }).from(users).where(gt(users.id, 0)).$dynamic()
  expect(query.toSQL()).toEqual({
    sql: 'select "id" from "users" where "users"."id" > ?',
    params: [0],
  })
  expect(await query.limit(1).get()).toEqual({ id: 1 })
  expect(await orm.select().from(users).where(eq(users.id, 9)).get()).toBeUndefined()
  expect(await orm.select({ id: users.id }).from(users).all()).toEqual([{ id: 1 }, { id: 2 }])
  expect(await orm.select({ id: users.id, name: users.name }).from(users).values()).toEqual([
    [1, 'John'],
    [2, 'Jane'],
  ])
}
