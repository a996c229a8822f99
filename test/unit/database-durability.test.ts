import { describe, expect, it } from 'vitest'
import { ConstelliteError } from '../../src/base/failure.ts'
import { GROUP_TASKS_MAX } from '../../src/database/executor.ts'
import { openHeld, rejection, settle, watchSettled } from './database-fixtures.ts'

describe('an answer', () => {
  it('of a write leaves only after the flush that covers it', async () => {
    const { db, shard } = await openHeld()
    shard.hold()
    const writing = watchSettled(db.run('INSERT INTO t VALUES (1)'))
    await settle()
    expect(writing.isSettled).toBe(false)
    shard.letGo()
    await settle()
    expect(writing.isSettled).toBe(true)
  })

  it('of a read leaves only after the flush of what it saw', async () => {
    const { db, shard } = await openHeld()
    shard.hold()
    db.run('INSERT INTO t VALUES (1)')
    const reading = db.all('SELECT x FROM t')
    const seen = watchSettled(reading)
    await settle()
    expect(seen.isSettled).toBe(false)
    shard.letGo()
    expect(await reading).toEqual([{ x: 1 }])
  })

  it('that is a failure leaves only after the flush of what it saw', async () => {
    const { db, shard } = await openHeld()
    shard.hold()
    db.run('INSERT INTO t VALUES (1)')
    const failing = rejection(db.run('INSERT INTO t VALUES (1)'))
    const seen = watchSettled(failing)
    await settle()
    expect(seen.isSettled).toBe(false)
    shard.letGo()
    expect((await failing).code).toBe('ErrSql')
  })

  it('of a read that saw nothing new needs no flush', async () => {
    const { db, shard } = await openHeld()
    const before = shard.flushCount
    await db.all('SELECT x FROM t')
    expect(shard.flushCount).toBe(before)
  })

  it('of a transaction leaves only after the flush of its commit', async () => {
    const { db, shard } = await openHeld()
    shard.hold()
    const committing = watchSettled(db.transaction((tx) => tx.run('INSERT INTO t VALUES (1)')))
    await settle()
    expect(committing.isSettled).toBe(false)
    shard.letGo()
    await settle()
    expect(committing.isSettled).toBe(true)
  })
})

describe('a group', () => {
  it('is what was called in one go: one flush, then all answers', async () => {
    const { db, shard } = await openHeld()
    const before = shard.flushCount
    await Promise.all(Array.from({ length: 10 }, (_, x) => db.run('INSERT INTO t VALUES (?)', [x])))
    expect(shard.flushCount).toBe(before + 1)
  })

  it('has at most 64 calls', async () => {
    const { db, shard } = await openHeld()
    const before = shard.flushCount
    const calls = GROUP_TASKS_MAX * 2 + 1
    await Promise.all(
      Array.from({ length: calls }, (_, x) => db.run('INSERT INTO t VALUES (?)', [x])),
    )
    expect(shard.flushCount).toBe(before + 3)
  })

  it('has at most 1 MiB', async () => {
    const { db, shard } = await openHeld()
    await db.exec('CREATE TABLE large (x)')
    const before = shard.flushCount
    const bytes = new Uint8Array(600_000)
    await Promise.all(
      Array.from({ length: 4 }, () => db.run('INSERT INTO large VALUES (?)', [bytes])),
    )
    expect(shard.flushCount).toBe(before + 2)
  })

  it('takes at most 2 ms', async () => {
    const { db, shard, realm } = await openHeld()
    const before = shard.flushCount
    // Every look at the clock finds 1 ms more, so a group has room for two calls or so.
    const { monotonicNow } = realm.host
    Object.defineProperty(realm.host, 'monotonicNow', {
      value: () => {
        realm.host.advanceNow(1)
        return monotonicNow()
      },
    })
    await Promise.all(Array.from({ length: 8 }, (_, x) => db.run('INSERT INTO t VALUES (?)', [x])))
    expect(shard.flushCount - before).toBeGreaterThanOrEqual(4)
  })

  it('gathers what is called while the flush before it runs', async () => {
    const { db, shard } = await openHeld()
    shard.hold()
    const first = db.run('INSERT INTO t VALUES (0)')
    await settle()
    const before = shard.flushCount
    const later: Promise<unknown>[] = []
    for (let x = 1; x <= 5; x++) {
      later.push(db.run('INSERT INTO t VALUES (?)', [x]))
      await settle(1)
    }
    shard.letGo()
    await Promise.all([first, ...later])
    expect(shard.flushCount).toBe(before + 1)
  })

  it('never keeps the other tasks of the realm waiting for long', async () => {
    const { db, realm } = await openHeld()
    let turns = 0
    let isRunning = true
    const count = (): void => {
      turns += 1
      if (isRunning) setImmediate(count)
    }
    setImmediate(count)
    for (let x = 0; x < 30; x++) {
      await db.run('INSERT INTO t VALUES (?)', [x])
      realm.host.advanceNow(1)
    }
    isRunning = false
    expect(turns).toBeGreaterThanOrEqual(2)
  })
})

describe('a failed flush', () => {
  const broken = new ConstelliteError({
    hint: 'Try it.',
    code: 'ErrStorage',
    message: 'The disk is gone.',
  })

  it('rejects what waited for it, what comes later, live queries, and says so', async () => {
    const { db, shard } = await openHeld()
    const live: string[] = []
    db.watch('SELECT x FROM t').subscribe(
      (rows) => live.push(`${rows.length} rows`),
      (error) => live.push(error.code),
    )
    await settle()
    shard.failNextFlush = broken
    const [write, read] = [db.run('INSERT INTO t VALUES (1)'), db.all('SELECT x FROM t')]
    const failures = await Promise.all([rejection(write), rejection(read)])
    expect(failures.map((it) => it.code)).toEqual(['ErrPoisoned', 'ErrPoisoned'])
    expect(failures[0]?.cause).toBe(broken)
    expect((await rejection(db.all('SELECT 1'))).code).toBe('ErrPoisoned')
    expect(live).toEqual(['0 rows', 'ErrPoisoned'])
    expect(db.status).toMatchObject({ state: 'failed', failure: { code: 'ErrPoisoned' } })
  })

  it('lets the name be opened again', async () => {
    const { db, shard, realm } = await openHeld()
    shard.failNextFlush = broken
    expect((await rejection(db.run('INSERT INTO t VALUES (1)'))).code).toBe('ErrPoisoned')
    await settle()
    shard.failNextFlush = undefined
    const again = realm.open('notes')
    expect(await again.get('SELECT 1 AS one')).toEqual({ one: 1 })
    expect(realm.opened.length).toBe(2)
  })

  it('ends an open transaction', async () => {
    const { db, shard } = await openHeld()
    shard.hold()
    const hanging = rejection(
      db.transaction(async (tx) => {
        await tx.run('INSERT INTO t VALUES (1)')
        await new Promise(() => undefined)
      }),
    )
    await settle()
    shard.failNextFlush = broken
    // Something else commits below: frames that were applied.
    shard.commit({ changes: new Map(), pageCount: 2, pageSize: 8192, tables: [] })
    const reading = rejection(db.all('SELECT 1'))
    await settle()
    shard.letGo()
    expect((await reading).code).toBe('ErrPoisoned')
    expect((await hanging).code).toBe('ErrPoisoned')
  })
})
