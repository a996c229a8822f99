import { describe, expect, it } from 'vitest'
import { createLocalCore } from '../../src/database/local-core.ts'
import { SYNC_OFF } from '../../src/database/status-idle.ts'
import { createFakeParts, openHeld, rejection, settle, watchSettled } from './database-fixtures.ts'

describe('until', () => {
  it('durable and final wait for the flush of everything written before', async () => {
    const { db, shard } = await openHeld()
    shard.hold()
    db.run('INSERT INTO t VALUES (1)')
    const waiting = [watchSettled(db.until('durable')), watchSettled(db.until('final'))]
    await settle()
    expect(waiting.map((it) => it.isSettled)).toEqual([false, false])
    shard.letGo()
    await settle()
    expect(waiting.map((it) => it.isSettled)).toEqual([true, true])
  })

  it('rejects at once for a stage that nothing here can reach', async () => {
    const { db } = await openHeld()
    expect((await rejection(db.until('shared'))).code).toBe('ErrNotConfigured')
    expect((await rejection(db.until('archived'))).code).toBe('ErrNotConfigured')
    expect((await rejection(db.until('certain' as never))).code).toBe('ErrOption')
  })

  it('shared waits for that many receipts of the newest durable position', async () => {
    const asked: unknown[][] = []
    let share: () => void = () => undefined
    const sync = {
      status: SYNC_OFF,
      anchored: undefined,
      onStatus: () => () => undefined,
      asked: Promise.resolve(),
      untilShared: (...given: unknown[]) => {
        asked.push(given)
        return new Promise<void>((resolve) => {
          share = resolve
        })
      },
      stop: async () => undefined,
    }
    const parts = await createFakeParts()
    const core = createLocalCore({ ...parts, relayCount: 3, startSync: () => sync })
    expect((await rejection(core.until('shared', { holders: 1 }))).code).toBe('ErrNotConfigured')
    core.startSync()
    await core.exec('CREATE TABLE t (x)', { caller: 1 })
    const waiting = watchSettled(core.until('shared', { holders: 3 }))
    await settle()
    expect(asked).toEqual([[parts.shard.durable, 3, undefined]])
    expect(waiting.isSettled).toBe(false)
    share()
    await settle()
    expect(waiting.isSettled).toBe(true)
    // A fourth could never sign: there are three relays.
    const tooMany = await rejection(core.until('shared', { holders: 4 }))
    expect(tooMany).toMatchObject({ code: 'ErrNotConfigured', facts: { holders: 4, relays: 3 } })
    expect(tooMany.hint).toContain('via')
    expect(asked.length).toBe(1)
  })

  it('rejects when its time is over, and when its signal fires', async () => {
    const { db, shard, realm } = await openHeld()
    shard.hold()
    db.run('INSERT INTO t VALUES (1)')
    const abort = new AbortController()
    const late = rejection(db.until('durable', { timeoutMs: 100 }))
    const gone = rejection(db.until('durable', { signal: abort.signal }))
    await settle()
    realm.host.advanceNow(100)
    abort.abort()
    expect((await late).code).toBe('ErrTimeout')
    expect((await gone).code).toBe('ErrAborted')
    shard.letGo()
  })
})

describe('close', () => {
  it('stops the sync first, then finishes what was called, then lets go of the storage', async () => {
    const order: string[] = []
    const parts = await createFakeParts()
    const core = createLocalCore({
      ...parts,
      startSync: (exclusively) => ({
        status: SYNC_OFF,
        anchored: undefined,
        onStatus: () => () => undefined,
        asked: Promise.resolve(),
        untilShared: async () => undefined,
        stop: async () => {
          await exclusively(async () => order.push('last frames applied'))
          order.push('stopped')
        },
      }),
      release: async () => {
        order.push('released')
      },
    })
    core.startSync()
    const writing = core.exec('CREATE TABLE t (x)', { caller: 1 }).then(() => order.push('written'))
    await Promise.all([core.close(), core.close(), writing])
    expect(order.slice(0, 2).sort()).toEqual(['last frames applied', 'written'])
    expect(order.slice(2)).toEqual(['stopped', 'released'])
    expect((await rejection(core.exec('SELECT 1', { caller: 1 }))).code).toBe('ErrClosed')
  })
})
