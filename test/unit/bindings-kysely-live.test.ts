/** Live queries out of Kysely's own. */

import { CamelCasePlugin, Kysely } from 'kysely'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { createDialect, live } from '../../src/entry/kysely.ts'
import { openPeople, type Schema } from './bindings-kysely-fixtures.ts'

/** The next rows that differ in number from the last. */
async function* lengths(rows: AsyncIterable<readonly unknown[]>): AsyncGenerator<number> {
  for await (const some of rows) yield some.length
}

describe('a live query of Kysely', () => {
  it('tells its rows now and after each change, typed', async () => {
    const { kysely } = await openPeople()
    const query = live(
      kysely,
      kysely.selectFrom('person').select(['id', 'age']).where('id', '>', 2),
    )
    const seen: number[] = []
    for await (const rows of query.watch()) {
      expectTypeOf(rows).toEqualTypeOf<{ id: number; age: number | null }[]>()
      seen.push(rows.length)
      if (seen.length === 2) break
      await kysely.insertInto('person').values({ first_name: 'more', age: 1 }).execute()
    }
    expect(seen).toEqual([1, 2])
  })

  it('sees a transaction when it is committed', async () => {
    const { kysely } = await openPeople()
    const seen = lengths(live(kysely, kysely.selectFrom('person').selectAll()).watch())
    expect((await seen.next()).value).toBe(3)
    await kysely.transaction().execute(async (trx) => {
      for (const first_name of ['d', 'e']) {
        await trx.insertInto('person').values({ first_name, age: 1 }).execute()
      }
    })
    expect((await seen.next()).value).toBe(5)
    await seen.return(undefined)
  })

  it('gives rows as the plugins make them', async () => {
    const { db } = await openPeople()
    type Camel = { person: { id: number; firstName: string } }
    const kysely = new Kysely<Camel>({
      dialect: createDialect(db),
      plugins: [new CamelCasePlugin()],
    })
    const watch = live(kysely, kysely.selectFrom('person').select('firstName').limit(1)).watch()
    for await (const rows of watch) {
      expect(rows).toEqual([{ firstName: 'Jennifer' }])
      break
    }
    const told = await new Promise((resolve, reject) => {
      const stop = watch.subscribe((rows) => resolve([rows, watch.current, stop]), reject)
    })
    const [rows, current, stop] = told as [unknown, unknown, () => void]
    expect(current).toBe(rows)
    stop()
  })

  it('has one key for the same rows, and another for other values or plugins', async () => {
    const { db, kysely } = await openPeople()
    const key = (it: Kysely<Schema>, id: number) =>
      live(it, it.selectFrom('person').selectAll().where('id', '=', id)).key
    expect(key(kysely, 1)).toBe(key(kysely, 1))
    expect(key(kysely, 1)).not.toBe(key(kysely, 2))
    expect(key(kysely.withPlugin(new CamelCasePlugin()), 1)).not.toBe(key(kysely, 1))
    expect(live(kysely, kysely.selectFrom('pet').selectAll()).database).toBe(db)
  })
})
