/** Kysely's basic cases over our dialect, for every place that runs them: what writes, and what becomes of SQL.
 *  Kysely's own suite cannot be had as a package: what is on npm is `dist` alone (0.29.9), so these are ours,
 *  named after the files of its folder `test/node/src` that concern SQLite, by what its documentation says. */

import { CamelCasePlugin, type Generated, sql } from 'kysely'
import { expect } from 'vitest'
import type { KyselyCase, People } from './kysely-people.ts'

export const kyselyWriteCases: readonly KyselyCase[] = [
  ['insert: of a query, of defaults, ignored, replaced', insert],
  ['update: from another table, and delete: by a subquery', updateAndDelete],
  ['camel-case: names are turned both ways', camelCase],
  ['schema: tables, columns, indexes and views are made, changed and dropped', schema],
  ['explain and logging of what runs', explain],
  ['sql-injection: names are quoted and values bound', injection],
  ['raw-sql: fragments, lists, references and literals', raw],
]

async function insert(kysely: People): Promise<void> {
  const copied = await kysely
    .insertInto('pet')
    .columns(['name', 'owner_id'])
    .expression((it) => it.selectFrom('person').select(['first_name', 'id']).where('id', '>', 1))
    .executeTakeFirstOrThrow()
  expect(copied).toMatchObject({ insertId: 3n, numInsertedOrUpdatedRows: 2n })
  const ignored = await kysely
    .insertInto('pet')
    .orIgnore()
    .values({ name: 'Catto', owner_id: 2 })
    .executeTakeFirstOrThrow()
  expect(ignored.numInsertedOrUpdatedRows).toBe(0n)
  const replaced = await kysely
    .replaceInto('pet')
    .values({ name: 'Catto', owner_id: 3 })
    .executeTakeFirstOrThrow()
  expect(replaced.insertId).toBe(4n)
  const pets = kysely.selectFrom('pet').select(['id', 'owner_id']).where('name', '=', 'Catto')
  expect(await pets.execute()).toEqual([{ id: 4, owner_id: 3 }])
  await kysely.schema
    .createTable('counter')
    .addColumn('n', 'integer', (it) => it.notNull().defaultTo(7))
    .execute()
  const counters = kysely.withTables<{ counter: { n: Generated<number> } }>()
  await counters.insertInto('counter').defaultValues().execute()
  expect(await counters.selectFrom('counter').select('n').execute()).toEqual([{ n: 7 }])
}

async function updateAndDelete(kysely: People): Promise<void> {
  const updated = await kysely
    .updateTable('person')
    .from('pet')
    .set((it) => ({ first_name: it.ref('pet.name'), age: null }))
    .whereRef('pet.owner_id', '=', 'person.id')
    .executeTakeFirst()
  expect(updated.numUpdatedRows).toBe(1n)
  const names = await kysely.selectFrom('person').select('first_name').orderBy('id').execute()
  expect(names.map((row) => row.first_name)).toEqual(['Catto', 'Arnold', 'Sylvester'])
  const deleted = await kysely
    .deleteFrom('pet')
    .where('owner_id', 'in', (it) => it.selectFrom('person').select('id').where('age', 'is', null))
    .executeTakeFirst()
  expect(deleted.numDeletedRows).toBe(1n)
}

async function camelCase(kysely: People): Promise<void> {
  await sql`CREATE TABLE shoe_box (id INTEGER PRIMARY KEY, shoe_size INTEGER)`.execute(kysely)
  type Camel = { shoeBox: { id: Generated<number>; shoeSize: number } }
  const camel = kysely.withPlugin(new CamelCasePlugin()).withTables<Camel>()
  const made = await camel
    .insertInto('shoeBox')
    .values({ shoeSize: 43 })
    .returningAll()
    .executeTakeFirstOrThrow()
  expect(made).toEqual({ id: 1, shoeSize: 43 })
}

async function schema(kysely: People): Promise<void> {
  const made = kysely.schema
  await made
    .createTable('toy')
    .ifNotExists()
    .addColumn('id', 'integer', (it) => it.primaryKey().autoIncrement())
    .addColumn('name', 'text', (it) => it.notNull().unique())
    .addColumn('pet_id', 'integer', (it) => it.references('pet.id').onDelete('cascade'))
    .addCheckConstraint('named', sql`length(name) > 1`)
    .execute()
  await made.createIndex('toy_by_pet').on('toy').columns(['pet_id', 'name']).execute()
  await made
    .alterTable('toy')
    .addColumn('price', 'real', (it) => it.defaultTo(1.5))
    .execute()
  await made.alterTable('toy').renameColumn('name', 'title').execute()
  await made
    .createView('owned')
    .as(kysely.selectFrom('pet').select(['name', 'owner_id']))
    .execute()
  const tables = await kysely.introspection.getTables()
  const toy = tables.find((table) => table.name === 'toy')
  expect(toy?.columns.map((it) => [it.name, it.isAutoIncrementing, it.isNullable])).toEqual([
    ['id', true, true],
    ['title', false, false],
    ['pet_id', false, true],
    ['price', false, true],
  ])
  expect(tables.find((table) => table.name === 'owned')?.isView).toBe(true)
  await made.dropView('owned').execute()
  await made.dropIndex('toy_by_pet').execute()
  await made.alterTable('toy').dropColumn('price').execute()
  await made.alterTable('toy').renameTo('thing').execute()
  await made.dropTable('thing').execute()
  const left = (await kysely.introspection.getTables()).map((table) => table.name)
  expect(left).not.toContain('toy')
  expect(left).not.toContain('thing')
}

async function explain(kysely: People): Promise<void> {
  const plan = await kysely
    .selectFrom('person')
    .selectAll()
    .where('id', '=', 1)
    .explain(undefined, sql`query plan`)
  expect(JSON.stringify(plan)).toMatch(/SEARCH person USING INTEGER PRIMARY KEY/)
  const query = kysely.selectFrom('person').select('id').where('id', '=', 2).compile()
  expect(query).toMatchObject({ sql: 'select "id" from "person" where "id" = ?', parameters: [2] })
  expect((await kysely.executeQuery(query)).rows).toEqual([{ id: 2 }])
}

async function injection(kysely: People): Promise<void> {
  const nasty = `"; DROP TABLE person; --`
  await kysely.insertInto('person').values({ first_name: nasty, age: 1 }).execute()
  const found = await kysely
    .selectFrom('person')
    .select((it) => it.ref('first_name').as(nasty))
    .where('first_name', '=', nasty)
    .execute()
  expect(found).toEqual([{ [nasty]: nasty }])
  const unknown = kysely.selectFrom('person').select(sql.ref(nasty).as('x')).execute()
  await expect(unknown).rejects.toMatchObject({ code: 'ErrSql' })
  expect(await kysely.selectFrom('person').select('id').execute()).toHaveLength(4)
}

async function raw(kysely: People): Promise<void> {
  const column = sql.ref<string>('first_name')
  const { rows } = await sql<{ name: string }>`
    SELECT ${column} AS name FROM ${sql.table('person')}
    WHERE id IN (${sql.join([1, 2])}) AND ${sql.lit(1)} = ${1} ORDER BY ${sql.raw('id DESC')}`.execute(
    kysely,
  )
  expect(rows).toEqual([{ name: 'Arnold' }, { name: 'Jennifer' }])
  const aliased = kysely.selectFrom('person').select(sql<number>`age + ${1}`.as('older')).limit(1)
  expect(await aliased.execute()).toEqual([{ older: 41 }])
}
