/** People and their pets in a database of ours, under Kysely. */

import { join } from 'node:path'
import { Kysely } from 'kysely'
import { onTestFinished } from 'vitest'
import type { Database } from '../../src/database/types.ts'
import { createDialect } from '../../src/entry/kysely.ts'
import { open } from '../../src/platform/node.ts'
import { fillPeople, PEOPLE_MIGRATIONS, type PeopleSchema } from '../support/kysely-people.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

export type Person = PeopleSchema['person']
export type Schema = PeopleSchema

function openOne(): Database {
  const db = open(join(temporaryDirectory(), 'people'), { migrations: PEOPLE_MIGRATIONS })
  onTestFinished(() => db.close())
  return db
}

export async function openPeople(): Promise<{ db: Database; kysely: Kysely<Schema> }> {
  const db = openOne()
  const kysely = new Kysely<Schema>({ dialect: createDialect(db) })
  await fillPeople(kysely)
  return { db, kysely }
}

export const names = async (kysely: Kysely<Schema>): Promise<string[]> => {
  const rows = await kysely.selectFrom('person').select('first_name').orderBy('id').execute()
  return rows.map((row) => row.first_name)
}
