/** People and their pets, on whom the cases of Kysely are tried, in whatever place. */

import type { Generated, Kysely } from 'kysely'

export type PeopleSchema = {
  person: { id: Generated<number>; first_name: string; age: number | null }
  pet: { id: Generated<number>; name: string; owner_id: number }
}

export type People = Kysely<PeopleSchema>

/** A title and what must hold. */
export type KyselyCase = readonly [title: string, check: (kysely: People) => Promise<void>]

export const PEOPLE_MIGRATIONS: readonly string[] = [
  `CREATE TABLE person (id INTEGER PRIMARY KEY, first_name TEXT NOT NULL, age INTEGER);
   CREATE TABLE pet (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
                     owner_id INTEGER NOT NULL REFERENCES person (id))`,
]

export async function fillPeople(kysely: People): Promise<void> {
  const people = [
    { first_name: 'Jennifer', age: 40 },
    { first_name: 'Arnold', age: 70 },
    { first_name: 'Sylvester', age: null },
  ]
  await kysely.insertInto('person').values(people).execute()
  await kysely.insertInto('pet').values({ name: 'Catto', owner_id: 1 }).execute()
}
