/** Migrations appended to a list whose database is open, as a hot reload of the module that holds them does it:
 *  they run on the connection that is there, and whoever has it sees what they made. */

import { describe, expect, it } from 'vitest'
import type { Open } from '../../src/database/open.ts'
import type { OpenOptions } from '../../src/database/options.ts'
import { createBridgeRealm } from './bridge-fixtures.ts'
import { createTestRealm, rejection, settle } from './database-fixtures.ts'

const note = 'CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)'
const tag = 'CREATE TABLE tag (name TEXT)'
const mark = 'ALTER TABLE note ADD COLUMN mark TEXT'

const realms = [
  ['in this thread', createTestRealm],
  ['in a worker', createBridgeRealm],
] as const

describe.each(realms)('a list that goes on, of a database that is open %s', (_, createRealm) => {
  it('runs what is new on the open connection, under both handles', async () => {
    const realm = createRealm()
    const before = await realm.open('notes', { migrations: [note] })
    await before.run('INSERT INTO note (body) VALUES (?)', ['kept'])
    const after = realm.open('notes', { migrations: [note, tag, mark] })
    expect(await after.all('SELECT * FROM note')).toEqual([{ id: 1, body: 'kept', mark: null }])
    await before.run("INSERT INTO tag VALUES ('by the old')")
    expect(await after.all('SELECT name FROM tag')).toEqual([{ name: 'by the old' }])
    const numbers = await after.all('SELECT number FROM constellite_migration')
    expect(numbers).toEqual([{ number: 1 }, { number: 2 }, { number: 3 }])
    expect(realm.opened).toHaveLength(1)
    await before.close()
    expect(await after.all('SELECT name FROM tag')).toHaveLength(1)
    await after.close()
    // What was appended is the list from now on.
    const again = realm.open('notes', { migrations: [note, tag, mark] })
    expect(await again.all('SELECT name FROM tag')).toHaveLength(1)
    expect(realm.opened).toHaveLength(2)
    await again.close()
  })

  it('brings rows to live queries that waited for the table', async () => {
    const { open } = createRealm()
    const before = await open('notes', { migrations: [note] })
    const seen: unknown[] = []
    const failures: string[] = []
    before.watch('SELECT count(*) AS count FROM tag').subscribe(
      (rows) => seen.push(...rows),
      ({ code }) => failures.push(code),
    )
    await settle()
    expect([seen, failures]).toEqual([[], ['ErrSql']])
    const after = await open('notes', { migrations: [note, tag] })
    await settle()
    expect(seen).toEqual([{ count: 0 }])
    await Promise.all([before.close(), after.close()])
  })

  it('waits for a transaction that is open, which keeps what it wrote', async () => {
    const { open } = createRealm()
    const before = await open('notes', { migrations: [note] })
    let letGo: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      letGo = resolve
    })
    const transaction = before.transaction(async (tx) => {
      await tx.run('INSERT INTO note (body) VALUES (?)', ['first'])
      await held
    })
    await settle()
    const after = open('notes', { migrations: [note, mark] })
    const rows = after.all('SELECT body, mark FROM note')
    await settle()
    letGo()
    await transaction
    expect(await rows).toEqual([{ body: 'first', mark: null }])
    await Promise.all([before.close(), after.close()])
  })

  it('begins with none', async () => {
    const { open } = createRealm()
    const before = await open('notes')
    const after = await open('notes', { migrations: [note] })
    expect(await before.all('SELECT * FROM note')).toEqual([])
    await Promise.all([before.close(), after.close()])
  })

  it('tells the new handle alone of what fails, and takes it once it is mended', async () => {
    const { open } = createRealm()
    const before = await open('notes', { migrations: [note] })
    const failing = open('notes', { migrations: [note, 'CREATE TABLE tag (name'] })
    expect(await rejection(failing.ready)).toMatchObject({
      code: 'ErrMigration',
      facts: { number: 2 },
    })
    expect(await before.all('SELECT * FROM note')).toEqual([])
    const mended = open('notes', { migrations: [note, tag] })
    expect(await mended.all('SELECT * FROM tag')).toEqual([])
    await Promise.all([before.close(), failing.close(), mended.close()])
    expect(await rejection(before.all('SELECT 1'))).toMatchObject({ code: 'ErrClosed' })
  })

  it('is refused where it is edited, shorter, or comes with another option', async () => {
    const { open } = createRealm()
    const before = await open('notes', { migrations: [note, tag] })
    const others: readonly OpenOptions[] = [
      { migrations: [note, `${tag} STRICT`] },
      { migrations: [note, `${tag} STRICT`, mark] },
      { migrations: [note] },
      { migrations: [] },
      {},
      { migrations: [note, tag, mark], durable: true },
    ]
    for (const options of others) {
      const handle = open('notes', options)
      expect(await rejection(handle.ready)).toMatchObject({ code: 'ErrOptionsDiffer' })
      await handle.close()
    }
    expect(await before.all('SELECT number FROM constellite_migration')).toHaveLength(2)
    await before.close()
  })

  it('runs once for two that ask at the same time, and is decided by the first where they differ', async () => {
    const { open } = createRealm()
    const before = await open('notes', { migrations: [note] })
    const same = [0, 1].map(() => open('notes', { migrations: [note, tag] }))
    for (const it of same) it.ready.catch(() => undefined)
    const other = open('notes', { migrations: [note, mark] })
    const refused = rejection(other.ready)
    const [first] = await Promise.all(same.map((it) => it.all('SELECT * FROM tag')))
    expect(first).toEqual([])
    expect(await refused).toMatchObject({ code: 'ErrMigrationEdited' })
    expect(await before.all('SELECT number FROM constellite_migration')).toHaveLength(2)
    await Promise.all([before, other, ...same].map((it) => it.close()))
  })

  it('runs after those of an opening that is under way', async () => {
    const realm = createRealm()
    const [before, after] = [[note], [note, tag]].map((migrations) =>
      realm.open('notes', { migrations }),
    ) as [ReturnType<Open>, ReturnType<Open>]
    const [rows, tags] = await Promise.all([
      before.all('SELECT * FROM note'),
      after.all('SELECT * FROM tag'),
    ])
    expect([rows, tags]).toEqual([[], []])
    expect(realm.opened).toHaveLength(1)
    await Promise.all([before.close(), after.close()])
  })
})
