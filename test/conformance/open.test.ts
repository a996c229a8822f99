import { open } from 'constellite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { place } from '#place'
import { failureOf } from './failures.ts'

describe('open', () => {
  it('answers a handle at once, which says where its storage is when it is ready', async () => {
    const db = open(place.freshName('open'))
    onTestFinished(() => db.close())
    expect(db.status.state).toBe('idle')
    const { address, role } = await db.ready
    expect(address.length).toBeGreaterThan(40)
    expect(role).toBe('writer')
    expect(db.status.storage).toMatchObject({ kind: place.storageKind, durable: true })
    expect(db.status.identity?.publicKey).toHaveLength(32)
  })

  it('opens several databases at once', async () => {
    const names = [place.freshName('one'), place.freshName('two'), place.freshName('three')]
    const all = names.map((name) => open(name))
    onTestFinished(async () => {
      await Promise.all(all.map((db) => db.close()))
    })
    const answers = await Promise.all(all.map((db) => db.get`SELECT 1 AS one`))
    expect(answers).toEqual([{ one: 1 }, { one: 1 }, { one: 1 }])
  })

  it('applies migrations once, in order, and keeps them over a reopening', async () => {
    const name = place.freshName('open')
    const first = 'CREATE TABLE note (id INTEGER PRIMARY KEY)'
    const db = await open(name, { migrations: [first] })
    await db.run`INSERT INTO note VALUES (1)`
    await db.close()
    const second = 'ALTER TABLE note ADD COLUMN body TEXT'
    const again = await open(name, { migrations: [first, second] })
    onTestFinished(() => again.close())
    expect(await again.all`SELECT * FROM note`).toEqual([{ id: 1, body: null }])
  })

  it('reports what its storage takes, once for each byte, and no more when it is closed', async () => {
    const db = await open(place.freshName('open'), { migrations: ['CREATE TABLE note (body)'] })
    const before = await db.storage()
    await db.run`INSERT INTO note VALUES (${new Uint8Array(500_000).fill(7)})`
    const after = await db.storage()
    expect(after.log.usedBytes).toBeGreaterThan(before.log.usedBytes)
    expect(after.memory.dirtyBytes).toBeGreaterThan(400_000)
    const { site, totalBytes, log, pages, leavesBytes, snapshotBytes, keptBytes, otherBytes } =
      after
    expect(typeof site?.quotaBytes).toBe(place.isSiteMeasured ? 'number' : 'undefined')
    const sum =
      log.sizeBytes + pages.sizeBytes + leavesBytes + snapshotBytes + keptBytes + otherBytes
    expect(sum).toBe(totalBytes)
    expect(db.status.storage?.full).toBeUndefined()
    await db.close()
    expect(await failureOf(db.storage())).toBe('ErrClosed')
  })

  it('refuses an edited migration, and a database ahead of the code', async () => {
    const name = place.freshName('open')
    const migrations = ['CREATE TABLE a (x)', 'CREATE TABLE b (x)']
    await (await open(name, { migrations })).close()
    const edited = open(name, { migrations: ['CREATE TABLE a (y)', migrations[1] ?? ''] })
    expect(await failureOf(edited.ready)).toBe('ErrMigrationEdited')
    await edited.close()
    const older = open(name, { migrations: migrations.slice(0, 1) })
    expect(await failureOf(older.ready)).toBe('ErrSchemaNewer')
    await older.close()
  })

  it('refuses an option that does not exist, by name', async () => {
    // @ts-expect-error: the types refuse it too.
    const db = open(place.freshName('open'), { colour: 'blue' })
    await expect(db.ready).rejects.toMatchObject({ code: 'ErrOption', facts: { option: 'colour' } })
  })

  it('gives one connection for one name, counted, and refuses other options meanwhile', async () => {
    const name = place.freshName('open')
    const left = await open(name)
    const right = await open(name)
    await left.exec('CREATE TABLE note (id INTEGER PRIMARY KEY)')
    await left.close()
    await right.run`INSERT INTO note VALUES (1)`
    const other = open(name, { durable: true })
    expect(await failureOf(other.ready)).toBe('ErrOptionsDiffer')
    await right.close()
    expect(await failureOf(right.all`SELECT 1`)).toBe('ErrClosed')
  })

  it('runs migrations that are appended while it is open, as a hot reload does it', async () => {
    const name = place.freshName('open')
    const migrations = ['CREATE TABLE note (id INTEGER PRIMARY KEY)']
    const before = await open(name, { migrations })
    const after = await open(name, { migrations: [...migrations, 'CREATE TABLE tag (name)'] })
    await before.run`INSERT INTO tag VALUES ('old')`
    expect(await after.all`SELECT name FROM tag`).toEqual([{ name: 'old' }])
    const edited = open(name, { migrations: ['CREATE TABLE note (id)'] })
    expect(await failureOf(edited.ready)).toBe('ErrOptionsDiffer')
    await before.close()
    await after.close()
  })
})
