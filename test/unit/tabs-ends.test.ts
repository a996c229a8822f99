/** How tabs that share a database end, and what the others notice of it: a simulated browser. */

import { describe, expect, it } from 'vitest'
import { TRANSACTION_IDLE_MS } from '../../src/database/slot.ts'
import { rejection } from './database-fixtures.ts'
import { createBrowser, type SimulatedTab } from './tabs-fixtures.ts'

const migrations = ['CREATE TABLE t (x)']
const INSERT = 'INSERT INTO t VALUES (?)'

/** An owner with row 1, and a guest. */
async function createPair(seed = 1) {
  const browser = createBrowser({ seed })
  const { world, tab } = browser
  const [owner, guest] = [tab(), tab()]
  const open = (it: SimulatedTab) => it.open('notes', { migrations })
  const [here, there] = [open(owner), open(guest)]
  await world.settled(here.run(INSERT, [1]))
  await world.settled(there.all('SELECT x FROM t'))
  expect([here.status.owner, there.status.owner]).toEqual(['here', 'elsewhere'])
  return { ...browser, owner, guest, here, there, open }
}

describe('closing', () => {
  it('a guest waits for what it had called', async () => {
    const { world, here, there } = await createPair()
    const written = there.run(INSERT, [2])
    await world.settled(there.close())
    expect((await world.settled(written)).changes).toBe(1)
    expect(await world.settled(here.all('SELECT x FROM t'))).toEqual([{ x: 1 }, { x: 2 }])
  })

  it('a guest does not fail when its owner goes at the same time', async () => {
    const { world, owner, there } = await createPair()
    owner.kill()
    await world.settled(there.close())
  })

  it('an owner does not fail when its worker is taken away meanwhile', async () => {
    const { world, locks, here, there } = await createPair()
    locks.rob('constellite-tabs:notes')
    await world.settled(here.close())
    expect(await world.settled(there.all('SELECT x FROM t'))).toEqual([{ x: 1 }])
  })

  it('the last handle of an owner lets its guests go on', async () => {
    const { world, owner, here, there } = await createPair()
    const second = owner.open('notes', { migrations })
    await world.settled(second.all('SELECT x FROM t'))
    await world.settled(second.close())
    expect(there.status.owner).toBe('elsewhere')
    const written = there.run(INSERT, [2])
    await world.settled(here.close())
    await world.settled(written)
    expect(there.status.owner).toBe('here')
    expect(await world.settled(there.all('SELECT x FROM t'))).toEqual([{ x: 1 }, { x: 2 }])
  })

  it('all of them leaves no lock, no channel and nobody at the disk', async () => {
    const { world, locks, broadcasts, disk, here, there } = await createPair()
    await world.settled(Promise.all([there.close(), here.close()]))
    await world.quiet()
    expect([locks.names, broadcasts.names, disk.holder]).toEqual([[], [], undefined])
  })
})

describe('a tab whose worker is gone from the server', () => {
  it('lets another run the database, and ends only where there is none', async () => {
    const { world, tab, owner, guest, there, open } = await createPair()
    guest.withoutWorker()
    const third = tab()
    const last = open(third)
    await world.settled(last.all('SELECT x FROM t'))
    owner.kill()
    await world.settled(there.run(INSERT, [2]))
    expect([there.status.owner, last.status.owner]).toEqual(['elsewhere', 'here'])
    third.kill()
    const failure = await world.settled(rejection(there.all('SELECT x FROM t')))
    expect(failure.code).toBe('ErrWorkerFailed')
  })
})

describe('a guest that dies', () => {
  it('leaves no transaction that others would wait for', async () => {
    const { world, guest, here, there } = await createPair()
    const begun = new Promise<void>((resolve) => {
      // Holds the writer for ever; the page dies in it.
      there.transaction(async (tx) => {
        await tx.run(INSERT, [2])
        resolve()
        await new Promise(() => undefined)
      })
    })
    await world.settled(begun)
    const before = world.nowMs
    const waiting = here.run(INSERT, [3])
    guest.kill()
    await world.settled(waiting)
    expect(world.nowMs - before).toBeLessThan(TRANSACTION_IDLE_MS / 10)
    expect(await world.settled(here.all('SELECT x FROM t'))).toEqual([{ x: 1 }, { x: 3 }])
  })

  it('leaves no place in the line of transactions', async () => {
    const { world, guest, here, there } = await createPair()
    let finish: () => void = () => undefined
    let first: Promise<void> | undefined
    const begun = new Promise<void>((resolve) => {
      first = here.transaction(() => {
        resolve()
        return new Promise<void>((end) => {
          finish = end
        })
      })
    })
    await world.settled(begun)
    const queued = there.transaction((tx) => tx.run(INSERT, [2]))
    queued.catch(() => undefined)
    for (let steps = 0; steps < 100; steps++) await world.step()
    guest.kill()
    const waiting = here.run(INSERT, [3])
    for (let steps = 0; steps < 100; steps++) await world.step()
    finish()
    await world.settled(Promise.all([first, waiting]))
    expect(await world.settled(here.all('SELECT x FROM t'))).toEqual([{ x: 1 }, { x: 3 }])
  })

  it('leaves no live query and no pipe', async () => {
    const { world, broadcasts, guest, here, there } = await createPair()
    const told: unknown[] = []
    there.watch('SELECT x FROM t').subscribe(
      (rows) => told.push(rows),
      () => undefined,
    )
    await world.quiet()
    expect(told).toEqual([[{ x: 1 }]])
    guest.kill()
    await world.quiet()
    // The owner's page and its worker are left in the lobby.
    expect(broadcasts.names).toEqual(['constellite:notes'])
    await world.settled(here.run(INSERT, [2]))
    expect(told).toHaveLength(1)
  })
})

describe('removing', () => {
  it('is refused while a guest has it open', async () => {
    const { world, tab, there } = await createPair()
    const failure = await rejection(world.settled(tab().remove('notes')))
    expect(failure.code).toBe('ErrInUse')
    expect(await world.settled(there.all('SELECT x FROM t'))).toEqual([{ x: 1 }])
  })

  it('works when the last tab has closed it', async () => {
    const { world, tab, here, there, open } = await createPair()
    await world.settled(Promise.all([here.close(), there.close()]))
    expect(await world.settled(tab().remove('notes'))).toBe(true)
    expect(await world.settled(open(tab()).all('SELECT x FROM t'))).toEqual([])
  })
})
