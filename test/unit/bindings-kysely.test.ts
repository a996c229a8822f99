/** Kysely over our dialect: what its documentation promises of a dialect. */

import { type Kysely, type Selectable, sql } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { names, openPeople, type Person, type Schema } from './bindings-kysely-fixtures.ts'
import { rejection } from './database-fixtures.ts'

describe('a statement of Kysely', () => {
  it('inserts with its id and its count', async () => {
    const { kysely } = await openPeople()
    const row = { first_name: 'Dolph', age: 60 }
    const result = await kysely.insertInto('person').values(row).executeTakeFirstOrThrow()
    expect(result.insertId).toBe(4n)
    expect(result.numInsertedOrUpdatedRows).toBe(1n)
  })

  it('returns what it inserted, updated and deleted', async () => {
    const { kysely } = await openPeople()
    const made = await kysely
      .insertInto('person')
      .values({ first_name: 'Dolph', age: 60 })
      .returningAll()
      .executeTakeFirstOrThrow()
    expectTypeOf(made).toEqualTypeOf<Selectable<Person>>()
    expect(made).toEqual({ id: 4, first_name: 'Dolph', age: 60 })
    const older = await kysely
      .updateTable('person')
      .set((it) => ({ age: it('age', '+', 1) }))
      .where('age', '>', 50)
      .returning(['id', 'age'])
      .execute()
    expect(older).toEqual([
      { id: 2, age: 71 },
      { id: 4, age: 61 },
    ])
    const gone = await kysely.deleteFrom('person').where('id', '=', 4).returning('id').execute()
    expect(gone).toEqual([{ id: 4 }])
  })

  it('counts what it updates and deletes', async () => {
    const { kysely } = await openPeople()
    const updated = await kysely.updateTable('person').set({ age: 1 }).executeTakeFirst()
    expect(updated.numUpdatedRows).toBe(3n)
    const deleted = await kysely.deleteFrom('person').where('id', '>', 1).executeTakeFirst()
    expect(deleted.numDeletedRows).toBe(2n)
  })

  it('upserts', async () => {
    const { kysely } = await openPeople()
    await kysely
      .insertInto('pet')
      .values({ name: 'Catto', owner_id: 1 })
      .onConflict((it) => it.column('name').doUpdateSet({ owner_id: 2 }))
      .execute()
    expect(await kysely.selectFrom('pet').selectAll().execute()).toEqual([
      { id: 1, name: 'Catto', owner_id: 2 },
    ])
  })

  it('joins, with subqueries and common table expressions', async () => {
    const { kysely } = await openPeople()
    const rows = await kysely
      .with('owners', (it) => it.selectFrom('pet').select(['owner_id', 'name as pet']))
      .selectFrom('person')
      .leftJoin('owners', 'owners.owner_id', 'person.id')
      .select(['person.first_name', 'owners.pet'])
      .where('person.id', 'in', (it) => it.selectFrom('person').select('id').where('id', '<', 3))
      .orderBy('person.id')
      .execute()
    expect(rows).toEqual([
      { first_name: 'Jennifer', pet: 'Catto' },
      { first_name: 'Arnold', pet: null },
    ])
  })

  it('that is raw gives rows, or the count of what it wrote', async () => {
    const { kysely } = await openPeople()
    const { rows } = await sql<{ n: number }>`-- a comment
      SELECT count(*) AS n FROM person WHERE id > ${1}`.execute(kysely)
    expect(rows).toEqual([{ n: 2 }])
    const written = await sql`UPDATE person SET age = ${5}`.execute(kysely)
    expect(written.numAffectedRows).toBe(3n)
    const told = await sql`DELETE FROM pet RETURNING name`.execute(kysely)
    expect(told.rows).toEqual([{ name: 'Catto' }])
    await sql`DROP TABLE pet`.execute(kysely)
  })

  it('streams in chunks, also fewer at the end', async () => {
    const { kysely } = await openPeople()
    const seen: string[] = []
    for await (const row of kysely.selectFrom('person').select('first_name').stream(2)) {
      seen.push(row.first_name)
      if (seen.length === 2) break
    }
    expect(seen).toEqual(['Jennifer', 'Arnold'])
  })

  it('is refused by what our database says, with its code', async () => {
    const { kysely } = await openPeople()
    const twice = kysely.insertInto('pet').values({ name: 'Catto', owner_id: 1 }).execute()
    expect(await rejection(twice)).toMatchObject({ code: 'ErrSql' })
    // A Date has no SQL value, and Kysely's types cannot know.
    const dated = { first_name: new Date(0) as unknown as string, age: 1 }
    const refused = kysely.insertInto('person').values(dated).execute()
    expect(await rejection(refused)).toMatchObject({ code: 'ErrParameter' })
  })
})

describe('a transaction of Kysely', () => {
  it('commits as one frame', async () => {
    const { db, kysely } = await openPeople()
    const { seq } = db.status
    const answer = await kysely.transaction().execute(async (trx) => {
      await trx.deleteFrom('pet').execute()
      await trx.deleteFrom('person').where('id', '>', 1).execute()
      expect(await names(trx)).toEqual(['Jennifer'])
      return 'done'
    })
    expect(answer).toBe('done')
    expect(db.status.seq).toBe(seq + 1n)
    expect(await names(kysely)).toEqual(['Jennifer'])
  })

  it('rolls back when it throws, and throws the same', async () => {
    const { kysely } = await openPeople()
    const reason = new Error('Changed my mind.')
    const failed = kysely.transaction().execute(async (trx) => {
      await trx.deleteFrom('pet').execute()
      throw reason
    })
    await expect(failed).rejects.toBe(reason)
    expect(await kysely.selectFrom('pet').select('id').execute()).toEqual([{ id: 1 }])
  })

  it('waits for the one before, and reads beside it see what was', async () => {
    const { kysely } = await openPeople()
    const order: string[] = []
    const add = (name: string) =>
      kysely.transaction().execute(async (trx) => {
        order.push(`begin ${name}`)
        await trx.insertInto('person').values({ first_name: name, age: 1 }).execute()
        const outside = await names(kysely)
        order.push(`end ${name}: ${outside.length}`)
      })
    await Promise.all([add('a'), add('b')])
    expect(order).toEqual(['begin a', 'end a: 3', 'begin b', 'end b: 4'])
  })

  it('is controlled with savepoints', async () => {
    const { kysely } = await openPeople()
    const trx = await kysely.startTransaction().execute()
    await trx.insertInto('person').values({ first_name: 'kept', age: 1 }).execute()
    const after = await trx.savepoint('a "b"').execute()
    await after.insertInto('person').values({ first_name: 'dropped', age: 1 }).execute()
    await after.rollbackToSavepoint('a "b"').execute()
    await after.releaseSavepoint('a "b"').execute()
    await trx.commit().execute()
    expect(await names(kysely)).toContain('kept')
    expect(await names(kysely)).not.toContain('dropped')

    const other = await kysely.startTransaction().execute()
    await other.deleteFrom('pet').execute()
    await other.rollback().execute()
    expect(await kysely.selectFrom('pet').select('id').execute()).toEqual([{ id: 1 }])
  })

  it('refuses what SQLite does not have', async () => {
    const { kysely } = await openPeople()
    const isolated = kysely.transaction().setIsolationLevel('read uncommitted')
    expect(await rejection(isolated.execute(async () => 1))).toMatchObject({ code: 'ErrOption' })
    const readOnly = kysely.transaction().setAccessMode('read only')
    expect(await rejection(readOnly.execute(async () => 1))).toMatchObject({ code: 'ErrOption' })
  })
})

describe('Kysely’s own tools', () => {
  const first: Migration = {
    up: (it) => it.schema.createTable('author').addColumn('id', 'integer').execute(),
    down: (it) => it.schema.dropTable('author').execute(),
  }
  const migratorOf = (kysely: Kysely<Schema>, given: Record<string, Migration>) =>
    new Migrator({ db: kysely, provider: { getMigrations: async () => given } })
  const tables = async (kysely: Kysely<Schema>) =>
    (await kysely.introspection.getTables()).map((table) => table.name)

  it('migrate up and down', async () => {
    const { kysely } = await openPeople()
    const migrator = migratorOf(kysely, { first })
    const { error, results } = await migrator.migrateToLatest()
    expect(error).toBeUndefined()
    expect(results).toMatchObject([{ migrationName: 'first', status: 'Success' }])
    expect(await tables(kysely)).toContain('author')
    await migrator.migrateDown()
    expect(await tables(kysely)).not.toContain('author')
  })

  it('migrate as a whole or not at all', async () => {
    const { kysely } = await openPeople()
    const second: Migration = { up: () => Promise.reject(new Error('Half way.')) }
    const { error } = await migratorOf(kysely, { first, second }).migrateToLatest()
    expect(error).toMatchObject({ message: 'Half way.' })
    expect(await tables(kysely)).not.toContain('author')
  })

  it('see the tables, their columns and which fill themselves', async () => {
    const { kysely } = await openPeople()
    const pet = (await kysely.introspection.getTables()).find((table) => table.name === 'pet')
    const [id, name] = pet?.columns ?? []
    expect(id).toMatchObject({ name: 'id', dataType: 'INTEGER' })
    expect(name).toMatchObject({ name: 'name', dataType: 'TEXT', isNullable: false })
  })

  it('leave the database open, which was given open', async () => {
    const { db, kysely } = await openPeople()
    await kysely.destroy()
    expect(await db.all`SELECT count(*) AS n FROM pet`).toEqual([{ n: 1 }])
  })
})
