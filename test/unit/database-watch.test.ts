import { describe, expect, it } from 'vitest'
import type { ConstelliteError } from '../../src/base/failure.ts'
import type { Database } from '../../src/database/types.ts'
import { createTestRealm, type FakeShard, rejection, settle } from './database-fixtures.ts'

type Note = { id: number; body: string }

async function openNotes(): Promise<{ db: Database; shard: FakeShard }> {
  const realm = createTestRealm()
  const db = await realm.open('notes')
  await db.exec('CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT); CREATE TABLE other (x)')
  return { db, shard: realm.opened[0]?.parts.shard as FakeShard }
}

function follow(db: Database, sql = 'SELECT body FROM note ORDER BY id') {
  const told: string[] = []
  const errors: ConstelliteError[] = []
  const watch = db.watch<Note>(sql)
  const stop = watch.subscribe(
    (rows) => told.push(rows.map((row) => row.body).join(' ')),
    (error) => errors.push(error),
  )
  return { told, errors, watch, stop }
}

describe('a live query', () => {
  it('tells its rows now and after each change of a table that it reads', async () => {
    const { db } = await openNotes()
    const { told, watch } = follow(db)
    await settle()
    await db.run("INSERT INTO note VALUES (1, 'one')")
    await settle()
    await db.transaction(async (tx) => {
      await tx.run("INSERT INTO note VALUES (2, 'two')")
      await tx.run("INSERT INTO note VALUES (3, 'three')")
    })
    await settle()
    expect(told).toEqual(['', 'one', 'one two three'])
    expect(watch.current?.length).toBe(3)
  })

  it('does not run for other tables, nor tell equal rows again', async () => {
    const { db } = await openNotes()
    const { told } = follow(db)
    await settle()
    await db.run('INSERT INTO other VALUES (1)')
    await db.run("INSERT INTO note VALUES (1, 'one')")
    await db.run("UPDATE note SET body = 'one'")
    await settle()
    expect(told).toEqual(['', 'one'])
  })

  it('sees through views and triggers', async () => {
    const { db } = await openNotes()
    await db.exec(`CREATE VIEW shout AS SELECT upper(body) AS body FROM note;
      CREATE TRIGGER copy AFTER INSERT ON other BEGIN INSERT INTO note (body) VALUES (new.x); END`)
    const { told } = follow(db, 'SELECT body FROM shout')
    await settle()
    await db.run("INSERT INTO other VALUES ('via trigger')")
    await settle()
    expect(told).toEqual(['', 'VIA TRIGGER'])
  })

  it('runs once for all commits of one flush', async () => {
    const { db, shard } = await openNotes()
    const { told } = follow(db)
    await settle()
    shard.hold()
    const first = db.run("INSERT INTO note VALUES (1, 'a')")
    await settle()
    const rest = [2, 3, 4].map((id) => db.run('INSERT INTO note VALUES (?, ?)', [id, 'b']))
    shard.letGo()
    await Promise.all([first, ...rest])
    await settle()
    expect(told.length).toBeLessThanOrEqual(3)
    expect(told.at(-1)).toBe('a b b b')
  })

  it('tells nothing that is not durable', async () => {
    const { db, shard } = await openNotes()
    const { told } = follow(db)
    await settle()
    shard.hold()
    const writing = db.run("INSERT INTO note VALUES (1, 'one')")
    await settle()
    expect(told).toEqual([''])
    shard.letGo()
    await writing
    await settle()
    expect(told).toEqual(['', 'one'])
  })

  it('runs beside an open transaction, on the state before it', async () => {
    const { db } = await openNotes()
    await db.run("INSERT INTO note VALUES (1, 'one')")
    let told: string[] = []
    await db.transaction(async (tx) => {
      await tx.run("INSERT INTO note VALUES (2, 'two')")
      told = follow(db).told
      await settle()
      expect(told).toEqual(['one'])
    })
    await settle()
    expect(told).toEqual(['one', 'one two'])
  })

  it('follows frames that were applied, and runs for any table when none is named', async () => {
    const { db, shard } = await openNotes()
    const { told } = follow(db)
    await settle()
    await db.run("INSERT INTO note VALUES (1, 'one')")
    await settle()
    shard.advance({ origin: 'applied', tables: ['other'] })
    shard.advance({ origin: 'applied', tables: [] })
    shard.advance({ origin: 'installed' })
    await settle()
    expect(told).toEqual(['', 'one'])
  })

  it('tells errors and lives on: a table made later brings its rows', async () => {
    const { db } = await openNotes()
    const { told, errors } = follow(db, 'SELECT body FROM later')
    await settle()
    expect(errors.map((it) => it.code)).toEqual(['ErrSql'])
    await db.exec("CREATE TABLE later (body TEXT); INSERT INTO later VALUES ('here')")
    await settle()
    expect(told.at(-1)).toBe('here')
  })

  it('stops when nobody listens, and starts again', async () => {
    const { db } = await openNotes()
    const { told, watch, stop } = follow(db)
    await settle()
    stop()
    await db.run("INSERT INTO note VALUES (1, 'one')")
    await settle()
    expect(told).toEqual([''])
    expect(watch.current).toBeUndefined()
    const again: number[] = []
    watch.subscribe(
      (rows) => again.push(rows.length),
      () => undefined,
    )
    await settle()
    expect(again).toEqual([1])
  })

  it('is one query for all its subscribers, and tells the newest rows to a late one', async () => {
    const { db } = await openNotes()
    const { watch } = follow(db)
    await settle()
    const late: number[] = []
    watch.subscribe(
      (rows) => late.push(rows.length),
      () => undefined,
    )
    expect(late).toEqual([0])
  })

  it('needs a function for rows and one for errors', async () => {
    const { db } = await openNotes()
    const watch = db.watch('SELECT 1')
    expect(() => watch.subscribe(() => undefined, undefined as never)).toThrow(/errors/)
  })

  it('opens the database when somebody listens, not before', async () => {
    const realm = createTestRealm()
    const db = realm.open('notes')
    const watch = db.watch`SELECT 1 AS one`
    await settle()
    expect(realm.opened).toEqual([])
    for await (const rows of watch) {
      expect(rows).toEqual([{ one: 1 }])
      break
    }
    await db.close()
  })
})

describe('a loop over a live query', () => {
  it('gets the newest rows, however slow it is', async () => {
    const { db } = await openNotes()
    const seen: number[] = []
    for await (const rows of db.watch<Note>`SELECT * FROM note`) {
      seen.push(rows.length)
      if (rows.length === 5) break
      for (let id = 0; id < 5 && rows.length === 0; id++) {
        await db.run('INSERT INTO note VALUES (?, ?)', [id, 'x'])
      }
      await settle()
    }
    expect(seen[0]).toBe(0)
    expect(seen.at(-1)).toBe(5)
    expect(seen.length).toBeLessThan(6)
  })

  it('ends quietly when its signal fires', async () => {
    const { db } = await openNotes()
    const abort = new AbortController()
    const watch = db.watch('SELECT * FROM note', [], { signal: abort.signal })
    let turns = 0
    for await (const rows of watch) {
      turns += rows.length + 1
      setImmediate(() => abort.abort())
    }
    expect(turns).toBe(1)
    for await (const _ of watch) turns += 1
    expect(turns).toBe(1)
  })

  it('ends quietly when the database is closed, and throws what goes wrong', async () => {
    const { db } = await openNotes()
    const loop = (async () => {
      for await (const _ of db.watch`SELECT * FROM note`) await Promise.resolve()
    })()
    const broken = (async () => {
      for await (const _ of db.watch`SELECT * FROM missing`) await Promise.resolve()
    })()
    expect((await rejection(broken)).code).toBe('ErrSql')
    await db.close()
    await loop
  })
})

describe('status', () => {
  it('is told when the database opens, moves and closes', async () => {
    const realm = createTestRealm()
    const db = realm.open('notes')
    const told: string[] = []
    const stop = db.onStatus((status) => told.push(`${status.state} ${status.seq}`))
    await db.exec('CREATE TABLE t (x)')
    await settle()
    realm.host.advanceNow(50)
    await db.close()
    expect(told.at(0)).toBe('opening 0')
    expect(told).toContain('open 2')
    expect(told.at(-1)).toBe('closed 2')
    stop()
  })
})
