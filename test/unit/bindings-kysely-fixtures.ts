/** People and their pets in a database of ours, under Kysely. */

import { join } from 'node:path'
import { type Generated, Kysely } from 'kysely'
import { onTestFinished } from 'vitest'
import type { Database } from '../../src/database/types.ts'
import { createDialect } from '../../src/entry/kysely.ts'
import { open } from '../../src/platform/node.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

export type Person = { id: Generated<number>; first_name: string; age: number | null }
type Pet = { id: Generated<number>; name: string; owner_id: number }
export type Schema = { person: Person; pet: Pet }

const migrations = [
  `CREATE TABLE person (id INTEGER PRIMARY KEY, first_name TEXT NOT NULL, age INTEGER);
   CREATE TABLE pet (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
                     owner_id INTEGER NOT NULL REFERENCES person (id))`,
]

function openOne(): Database {
  const db = open(join(temporaryDirectory(), 'people'), { migrations })
  onTestFinished(() => db.close())
  return db
}

export async function openPeople(): Promise<{ db: Database; kysely: Kysely<Schema> }> {
  const db = openOne()
  const kysely = new Kysely<Schema>({ dialect: createDialect(db) })
  const people = [
    { first_name: 'Jennifer', age: 40 },
    { first_name: 'Arnold', age: 70 },
    { first_name: 'Sylvester', age: null },
  ]
  await kysely.insertInto('person').values(people).execute()
  await kysely.insertInto('pet').values({ name: 'Catto', owner_id: 1 }).execute()
  return { db, kysely }
}

export const names = async (kysely: Kysely<Schema>): Promise<string[]> => {
  const rows = await kysely.selectFrom('person').select('first_name').orderBy('id').execute()
  return rows.map((row) => row.first_name)
}
