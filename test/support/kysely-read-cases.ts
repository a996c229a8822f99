/** Kysely's basic cases over our dialect, for every place that runs them: what reads.
 *  Kysely's own suite cannot be had as a package: what is on npm is `dist` alone (0.29.9), so these are ours,
 *  named after the files of its folder `test/node/src` that concern SQLite, by what its documentation says. */

import { DeduplicateJoinsPlugin, ParseJSONResultsPlugin, sql } from 'kysely'
import { jsonArrayFrom, jsonBuildObject, jsonObjectFrom } from 'kysely/helpers/sqlite'
import { expect } from 'vitest'
import type { KyselyCase, People } from './kysely-people.ts'

export const kyselyReadCases: readonly KyselyCase[] = [
  ['select: aliases, distinct rows, order, limit and offset', select],
  ['where: operators, lists, null, and/or, exists', where],
  ['aggregate-function, group-by and having', aggregate],
  ['case, coalesce and expressions of the builder', expressions],
  ['join: inner, left, on conditions, of subqueries, and none twice', join],
  ['with: common table expressions, also recursive ones', commonTables],
  ['set-operation: union, intersect, except', setOperations],
  ['json: arrays and objects of related rows', json],
  ['json-traversal: paths into a document', jsonTraversal],
]

async function select(kysely: People): Promise<void> {
  const named = await kysely
    .selectFrom('person as p')
    .select(['p.first_name as name', 'p.id'])
    .orderBy('p.id', 'desc')
    .limit(1)
    .offset(1)
    .execute()
  expect(named).toEqual([{ name: 'Arnold', id: 2 }])
  await kysely.insertInto('person').values({ first_name: 'Arnold', age: 1 }).execute()
  const distinct = await kysely.selectFrom('person').select('first_name').distinct().execute()
  expect(distinct).toHaveLength(3)
  const nothing = await kysely.selectFrom('pet').selectAll().where('id', '=', 99).executeTakeFirst()
  expect(nothing).toBeUndefined()
  const byAge = kysely
    .selectFrom('person')
    .select('id')
    .orderBy('age', (it) => it.asc().nullsLast())
  expect((await byAge.execute()).map((row) => row.id)).toEqual([4, 1, 2, 3])
}

async function where(kysely: People): Promise<void> {
  const ids = async (narrow: (query: typeof all) => typeof all): Promise<number[]> =>
    (await narrow(all).execute()).map((row) => row.id)
  const all = kysely.selectFrom('person').select('id').orderBy('id')
  expect(await ids((it) => it.where('age', 'is', null))).toEqual([3])
  expect(await ids((it) => it.where('id', 'in', [1, 3]))).toEqual([1, 3])
  expect(await ids((it) => it.where('id', 'in', []))).toEqual([])
  expect(await ids((it) => it.where('first_name', 'like', '%n%').where('age', '>=', 70))).toEqual([
    2,
  ])
  const either = await ids((it) =>
    it.where((eb) => eb.or([eb('age', '<', 50), eb.not(eb('first_name', '!=', 'Sylvester'))])),
  )
  expect(either).toEqual([1, 3])
  const owners = await ids((it) =>
    it.where(({ exists, selectFrom }) =>
      exists(selectFrom('pet').select('pet.id').whereRef('pet.owner_id', '=', 'person.id')),
    ),
  )
  expect(owners).toEqual([1])
}

async function aggregate(kysely: People): Promise<void> {
  await kysely.insertInto('pet').values({ name: 'Doggo', owner_id: 1 }).execute()
  await kysely.insertInto('pet').values({ name: 'Hammo', owner_id: 2 }).execute()
  const rows = await kysely
    .selectFrom('pet')
    .select(({ fn }) => [
      'owner_id',
      fn.countAll<number>().as('count'),
      fn.max('name').as('last'),
      fn.agg<string>('group_concat', ['name']).as('names'),
    ])
    .groupBy('owner_id')
    .having(({ fn }) => fn.countAll(), '>', 1)
    .execute()
  expect(rows).toEqual([{ owner_id: 1, count: 2, last: 'Doggo', names: 'Catto,Doggo' }])
  const whole = await kysely
    .selectFrom('person')
    .select(({ fn }) => [
      fn.avg<number>('age').as('mean'),
      fn.sum<number>('age').as('sum'),
      fn.count<number>('age').filterWhere('age', '>', 50).as('old'),
    ])
    .executeTakeFirstOrThrow()
  expect(whole).toEqual({ mean: 55, sum: 110, old: 1 })
}

async function expressions(kysely: People): Promise<void> {
  const rows = await kysely
    .selectFrom('person')
    .select(({ fn, case: when, val, lit }) => [
      when()
        .when('age', '>', 50)
        .then('old')
        .when('age', 'is', null)
        .then('?')
        .else('young')
        .end()
        .as('is'),
      fn.coalesce('age', lit(0)).as('age'),
      val('bound').as('bound'),
    ])
    .orderBy('id')
    .execute()
  expect(rows).toEqual([
    { is: 'young', age: 40, bound: 'bound' },
    { is: 'old', age: 70, bound: 'bound' },
    { is: '?', age: 0, bound: 'bound' },
  ])
}

async function join(kysely: People): Promise<void> {
  const rows = await kysely
    .selectFrom('person')
    .leftJoin('pet', (it) =>
      it.onRef('pet.owner_id', '=', 'person.id').on('pet.name', '=', 'Catto'),
    )
    .innerJoin(
      (it) => it.selectFrom('person').select(['id as other', 'age as years']).as('o'),
      (it) => it.onRef('o.other', '=', 'person.id'),
    )
    .select(['person.id', 'pet.name', 'o.years'])
    .orderBy('person.id')
    .limit(2)
    .execute()
  expect(rows).toEqual([
    { id: 1, name: 'Catto', years: 40 },
    { id: 2, name: null, years: 70 },
  ])
  const twice = kysely
    .withPlugin(new DeduplicateJoinsPlugin())
    .selectFrom('person')
    .innerJoin('pet', 'pet.owner_id', 'person.id')
    .innerJoin('pet', 'pet.owner_id', 'person.id')
    .select('pet.name')
  expect(await twice.execute()).toEqual([{ name: 'Catto' }])
}

async function commonTables(kysely: People): Promise<void> {
  const numbers = await kysely
    .withRecursive('n(x)', (it) =>
      it
        .selectFrom('person')
        .select('id as x')
        .where('id', '=', 1)
        .unionAll((more) =>
          more
            .selectFrom('n')
            .select((eb) => eb('n.x', '+', 1).as('x'))
            .where('n.x', '<', 4),
        ),
    )
    .selectFrom('n')
    .select('n.x')
    .execute()
  expect(numbers.map((row) => row.x)).toEqual([1, 2, 3, 4])
  const deleted = await kysely
    .with('owners', (it) => it.selectFrom('pet').select('owner_id'))
    .deleteFrom('person')
    .where('id', 'not in', (it) => it.selectFrom('owners').select('owner_id'))
    .executeTakeFirst()
  expect(deleted.numDeletedRows).toBe(2n)
}

async function setOperations(kysely: People): Promise<void> {
  const people = kysely.selectFrom('person').select('id')
  const owners = kysely.selectFrom('pet').select('owner_id as id')
  expect(await people.unionAll(owners).execute()).toHaveLength(4)
  expect(await people.union(owners).orderBy('id').execute()).toEqual([
    { id: 1 },
    { id: 2 },
    { id: 3 },
  ])
  expect(await people.intersect(owners).execute()).toEqual([{ id: 1 }])
  expect(await people.except(owners).orderBy('id').execute()).toEqual([{ id: 2 }, { id: 3 }])
}

async function json(kysely: People): Promise<void> {
  const rows = await kysely
    .withPlugin(new ParseJSONResultsPlugin())
    .selectFrom('person')
    .select((eb) => [
      'id',
      jsonArrayFrom(
        eb
          .selectFrom('pet')
          .select(['pet.id', 'pet.name'])
          .whereRef('pet.owner_id', '=', 'person.id'),
      ).as('pets'),
      jsonObjectFrom(
        eb.selectFrom('pet').select('pet.name').whereRef('pet.owner_id', '=', 'person.id').limit(1),
      ).as('first'),
      jsonBuildObject({ age: eb.ref('age') }).as('facts'),
    ])
    .orderBy('id')
    .limit(2)
    .execute()
  expect(rows).toEqual([
    { id: 1, pets: [{ id: 1, name: 'Catto' }], first: { name: 'Catto' }, facts: { age: 40 } },
    { id: 2, pets: [], first: null, facts: { age: 70 } },
  ])
}

async function jsonTraversal(kysely: People): Promise<void> {
  await sql`CREATE TABLE doc (body TEXT NOT NULL)`.execute(kysely)
  type Doc = { tags: string[]; size: { width: number } }
  const docs = kysely.withTables<{ doc: { body: Doc } }>()
  const body = JSON.stringify({ tags: ['a', 'b'], size: { width: 3 } })
  await sql`INSERT INTO doc VALUES (${body})`.execute(kysely)
  const row = await docs
    .selectFrom('doc')
    .select((eb) => [
      eb.ref('body', '->>$').key('tags').at(1).as('second'),
      eb.ref('body', '->>$').key('size').key('width').as('width'),
    ])
    .executeTakeFirstOrThrow()
  expect(row).toEqual({ second: 'b', width: 3 })
}
