import { describe, expect, it } from 'vitest'
import { ConstelliteError } from '../../src/base/failure.ts'
import {
  createTestRealm,
  type FakeShard,
  openHeld,
  rejection,
  settle,
} from './database-fixtures.ts'

describe('a halted shard', () => {
  it('refuses writes with its reason and still reads', async () => {
    const { db, shard } = await openHeld()
    shard.haltedNow = new ConstelliteError({
      hint: 'Try it.',
      code: 'ErrSuperseded',
      message: 'Another writes.',
    })
    expect((await rejection(db.run('INSERT INTO t VALUES (1)'))).code).toBe('ErrSuperseded')
    expect(await db.all('SELECT x FROM t')).toEqual([])
    expect(db.status.failure?.code).toBe('ErrSuperseded')
  })
})

describe('a follower', () => {
  it('refuses writes as read-only, and reads inside a transaction', async () => {
    const { db, shard } = await openHeld()
    await db.run('INSERT INTO t VALUES (1)')
    shard.roleNow = 'follower'
    expect((await rejection(db.run('INSERT INTO t VALUES (2)'))).code).toBe('ErrReadOnly')
    const seen = await db.transaction((tx) => tx.all('SELECT x FROM t'))
    expect(seen).toEqual([{ x: 1 }])
    const writing = db.transaction((tx) => tx.run('INSERT INTO t VALUES (2)'))
    expect((await rejection(writing)).code).toBe('ErrReadOnly')
  })
})

describe('a follower that gets a snapshot', () => {
  it('ends the transaction that reads it, with a reason, and goes on', async () => {
    const { db, shard } = await openHeld()
    shard.roleNow = 'follower'
    const reading = rejection(
      db.transaction(async (tx) => {
        await tx.all('SELECT x FROM t')
        await new Promise(() => undefined)
      }),
    )
    await settle()
    shard.advance({ origin: 'installed' })
    expect(await reading).toMatchObject({ code: 'ErrSnapshotTooOld', retry: 'later' })
    expect(await db.all('SELECT x FROM t')).toEqual([])
  })

  it('has its live queries wait until something has arrived', async () => {
    const realm = createTestRealm()
    const db = await realm.open('copy')
    const shard = realm.opened[0]?.parts.shard as FakeShard
    shard.roleNow = 'follower'
    const told: unknown[] = []
    db.watch('SELECT x FROM t').subscribe(
      (rows) => told.push(rows),
      (error) => told.push(error.code),
    )
    await settle()
    expect(told).toEqual([])
    shard.roleNow = 'writer'
    await db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)')
    shard.roleNow = 'follower'
    shard.advance({ origin: 'installed' })
    await settle()
    expect(told.at(-1)).toEqual([{ x: 1 }])
    expect(told).not.toContain('ErrSql')
  })
})
