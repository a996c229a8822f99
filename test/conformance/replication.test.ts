import { type Database, follow, open, publish, websocket } from 'constellite'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import { place } from '#place'
import { failureOf } from './failures.ts'

const migrations = ['CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)']
const relay = (): ReturnType<typeof websocket> => websocket(inject('relayUrl'))

async function openWriter(name = place.freshName('writer')): Promise<Database> {
  const db = await open(name, { migrations, sync: publish({ via: [relay()] }) })
  onTestFinished(() => db.close())
  return db
}

async function openFollower(
  address: string,
  name = place.freshName('follower'),
): Promise<Database> {
  const copy = await open(name, { sync: follow(address) })
  onTestFinished(() => copy.close())
  return copy
}

/** Resolves when the copy has come to the position `seq`. */
async function arrived(copy: Database, seq: bigint): Promise<void> {
  if (copy.status.seq >= seq) return
  await new Promise<void>((resolve, reject) => {
    const stop = copy.onStatus((status) => {
      if (status.seq < seq && status.failure === undefined) return
      stop()
      if (status.failure === undefined) resolve()
      else reject(status.failure)
    })
  })
}

async function expectSame(left: Database, right: Database): Promise<void> {
  const [mine, theirs] = [await left.verify(), await right.verify()]
  expect([mine.ok, theirs.ok]).toEqual([true, true])
  expect(theirs.root).toBe(mine.root)
  const [one, other] = [await left.export(), await right.export()]
  expect(await place.bytesOf(other)).toEqual(await place.bytesOf(one))
}

describe('apply', () => {
  it('brings every commit to a follower, whose pages become identical and verify', async () => {
    const db = await openWriter()
    const { address } = await db.ready
    const copy = await openFollower(address)
    for (let index = 1; index <= 50; index++)
      await db.run`INSERT INTO note (body) VALUES (${index})`
    await db.exec('CREATE INDEX by_body ON note (body); DELETE FROM note WHERE id % 3 = 0')
    await arrived(copy, db.status.seq)
    await expectSame(db, copy)
    expect(copy.status.sync).toMatchObject({ state: 'live', pending: 0, failure: undefined })
  })

  it('shows each commit to a query that watches, whole', async () => {
    const db = await openWriter()
    const copy = await openFollower((await db.ready).address)
    await arrived(copy, db.status.seq)
    const seen: number[] = []
    for await (const rows of copy.watch`SELECT id FROM note`) {
      seen.push(rows.length)
      if (rows.length >= 20) break
      await db.transaction(async (tx) => {
        for (let index = 0; index < 10; index++) await tx.run`INSERT INTO note (body) VALUES ('x')`
      })
    }
    expect(seen.every((count) => count % 10 === 0)).toBe(true)
  })

  it("refuses a follower's own writes, and leaves it following", async () => {
    const db = await openWriter()
    const copy = await openFollower((await db.ready).address)
    await arrived(copy, db.status.seq)
    expect(await failureOf(copy.run`INSERT INTO note (body) VALUES ('mine')`)).toBe('ErrReadOnly')
    const { seq } = await db.run`INSERT INTO note (body) VALUES ('theirs')`
    await arrived(copy, seq)
    expect(await copy.all`SELECT body FROM note`).toEqual([{ body: 'theirs' }])
  })

  it('resolves `shared` once the relay has signed for it, and rejects a stage nothing can reach', async () => {
    const db = await openWriter()
    await db.run`INSERT INTO note (body) VALUES ('x')`
    await db.until('shared')
    expect(db.status.sync.pending).toBe(0)
    expect(await failureOf(db.until('archived'))).toBe('ErrNotConfigured')
    const alone = await open(place.freshName('alone'))
    onTestFinished(() => alone.close())
    expect(await failureOf(alone.until('shared'))).toBe('ErrNotConfigured')
  })
})

describe('catch-up', () => {
  it('serves a new follower from the relay when the writer is gone', async () => {
    const db = await openWriter()
    const { address } = await db.ready
    for (let index = 0; index < 30; index++) await db.run`INSERT INTO note (body) VALUES (${index})`
    await db.until('shared')
    const { seq } = db.status
    const { root } = await db.verify()
    await db.close()
    const copy = await openFollower(address)
    await arrived(copy, seq)
    expect(await copy.verify()).toMatchObject({ ok: true, root })
  })

  it('takes up a follower where it stopped', async () => {
    const db = await openWriter()
    const { address } = await db.ready
    const name = place.freshName('follower')
    const first = await open(name, { sync: follow(address) })
    await arrived(first, (await db.run`INSERT INTO note (body) VALUES ('a')`).seq)
    await first.close()
    for (let index = 0; index < 20; index++) await db.run`INSERT INTO note (body) VALUES ('b')`
    await db.until('shared')
    const again = await openFollower(address, name)
    await arrived(again, db.status.seq)
    await expectSame(db, again)
  })

  it('brings what was written while the writer had no relay', async () => {
    const name = place.freshName('late')
    const offline = await open(name, { migrations })
    for (let index = 0; index < 20; index++) await offline.run`INSERT INTO note (body) VALUES ('x')`
    await offline.close()
    const db = await openWriter(name)
    const copy = await openFollower((await db.ready).address)
    await arrived(copy, db.status.seq)
    await expectSame(db, copy)
  })
})

describe('restart', () => {
  it('continues a writer at the next position, with its data', async () => {
    const name = place.freshName('restart')
    const db = await open(name, { migrations })
    const { address } = await db.ready
    const { seq } = await db.run`INSERT INTO note VALUES (1, 'before')`
    await db.close()
    const again = await open(name, { migrations })
    onTestFinished(() => again.close())
    expect((await again.ready).address).toBe(address)
    expect(again.status.seq).toBe(seq)
    expect((await again.run`INSERT INTO note VALUES (2, 'after')`).seq).toBe(seq + 1n)
    expect(await again.all`SELECT body FROM note`).toEqual([{ body: 'before' }, { body: 'after' }])
    expect((await again.verify()).ok).toBe(true)
  })

  it('continues a published writer, and its follower goes on', async () => {
    const name = place.freshName('restart')
    const first = await open(name, { migrations, sync: publish({ via: [relay()] }) })
    const { address } = await first.ready
    const copy = await openFollower(address)
    await arrived(copy, (await first.run`INSERT INTO note (body) VALUES ('a')`).seq)
    await first.close()
    const again = await openWriter(name)
    const { seq } = await again.run`INSERT INTO note (body) VALUES ('b')`
    await arrived(copy, seq)
    await expectSame(again, copy)
  })
})
