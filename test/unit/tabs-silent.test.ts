/** Tabs whose owner was stopped without a word, with the files in its hands: what the others say of it, and that
 *  each of them can leave.  A simulated browser. */

import { describe, expect, it } from 'vitest'
import { rejection } from './database-fixtures.ts'
import { createBrowser, type SimulatedTab } from './tabs-fixtures.ts'

const migrations = ['CREATE TABLE t (x)']
const INSERT = 'INSERT INTO t VALUES (?)'
const READ = 'SELECT x FROM t'
/** Longer than it takes to call an owner silent. */
const LONG_MS = 15_000

/** An owner with row 1, a guest, and a tab that has not opened anything. */
async function createThree() {
  const browser = createBrowser()
  const { world, tab } = browser
  const [owner, guest, late] = [tab(), tab(), tab()]
  const open = (it: SimulatedTab) => it.open('notes', { migrations })
  const [here, there] = [open(owner), open(guest)]
  await world.settled(here.run(INSERT, [1]))
  await world.settled(there.all(READ))
  const wait = (ms: number) =>
    world.settled(new Promise<void>((resolve) => world.after(ms, resolve)))
  return { ...browser, owner, guest, late, here, there, open, wait }
}

describe('a tab that opens what a stopped one has', () => {
  it('says that the owner is silent, and goes on when that does', async () => {
    const { world, owner, late, open, wait } = await createThree()
    owner.stop()
    const opening = open(late)
    const told: unknown[] = []
    opening.onStatus((status) => told.push([status.state, status.owner]))
    await wait(3_000)
    expect(opening.status).toMatchObject({ state: 'opening', owner: undefined })
    await wait(LONG_MS)
    expect(opening.status).toMatchObject({ state: 'opening', owner: 'silent' })
    // A handle that comes later knows it at once.
    const second = open(late)
    second.ready.catch(() => undefined)
    expect(second.status).toMatchObject({ state: 'opening', owner: 'silent' })
    owner.goOn()
    expect(await world.settled(opening.all(READ))).toEqual([{ x: 1 }])
    expect(opening.status).toMatchObject({ state: 'open', owner: 'elsewhere' })
    expect(told).toContainEqual(['opening', 'silent'])
  })

  it('says so too where the owner was stopped before it had the database', async () => {
    const { world, guest, late, here, there, open, wait } = await createThree()
    const opening = open(late)
    // Stands in line behind the guest, which is the next owner.
    await world.settled(opening.ready)
    guest.stop()
    await world.settled(here.close())
    await wait(1_000)
    expect(opening.status.owner).toBe('changing')
    await wait(LONG_MS)
    expect(opening.status.owner).toBe('silent')
    guest.goOn()
    expect(await world.settled(opening.all(READ))).toEqual([{ x: 1 }])
    expect([there.status.owner, opening.status.owner]).toEqual(['here', 'elsewhere'])
  })

  it('can be closed, which rejects its calls, and opened again', async () => {
    const { world, owner, late, open, wait, locks, broadcasts, here, there } = await createThree()
    owner.stop()
    const opening = open(late)
    const read = rejection(opening.all(READ))
    const transaction = rejection(opening.transaction((tx) => tx.run(INSERT, [2])))
    await wait(LONG_MS)
    await world.settled(opening.close())
    expect(opening.status).toMatchObject({ state: 'closed', owner: undefined })
    expect(await world.settled(read)).toMatchObject({ code: 'ErrClosed' })
    expect(await world.settled(transaction)).toMatchObject({ code: 'ErrClosed' })
    const again = open(late)
    const rows = again.all(READ)
    await wait(LONG_MS)
    owner.goOn()
    expect(await world.settled(rows)).toEqual([{ x: 1 }])
    await world.settled(Promise.all([again.close(), there.close(), here.close()]))
    await world.quiet()
    expect([locks.names, broadcasts.names]).toEqual([[], []])
  })

  it('can be closed before the owner is known to be silent', async () => {
    const { world, owner, late, open } = await createThree()
    owner.stop()
    const opening = open(late)
    opening.ready.catch(() => undefined)
    await world.settled(opening.close())
  })

  it('goes on for the handles that are not closed', async () => {
    const { world, owner, late, open, wait } = await createThree()
    owner.stop()
    const [one, two] = [open(late), open(late)]
    const rows = two.all(READ)
    one.ready.catch(() => undefined)
    await wait(LONG_MS)
    await world.settled(one.close())
    owner.goOn()
    expect(await world.settled(rows)).toEqual([{ x: 1 }])
  })

  it('does what was called before it was closed where the owner answers', async () => {
    const { world, late, open, here } = await createThree()
    const opening = open(late)
    const written = opening.run(INSERT, [2])
    await world.settled(opening.close())
    await world.settled(written)
    expect(await world.settled(here.all(READ))).toEqual([{ x: 1 }, { x: 2 }])
  })

  it('lets the signal of a call end it', async () => {
    const { world, owner, late, open, here } = await createThree()
    owner.stop()
    const opening = open(late)
    const controller = new AbortController()
    const { signal } = controller
    const calls = [
      opening.run(INSERT, [2], { signal }),
      opening.get(READ, [], { signal }),
      opening.exec('DELETE FROM t', { signal }),
      opening.transaction((tx) => tx.run(INSERT, [3]), { signal }),
      opening.import(new Uint8Array(512), { signal }),
    ].map(rejection)
    for (let step = 0; step < 200; step++) await world.step()
    controller.abort()
    for (const failure of await world.settled(Promise.all(calls))) {
      expect(failure).toMatchObject({ code: 'ErrAborted' })
    }
    owner.goOn()
    await world.settled(opening.ready)
    await world.quiet()
    expect(await world.settled(here.all(READ))).toEqual([{ x: 1 }])
  })
})

describe('a guest of a stopped owner', () => {
  it('can be closed: its writes are of unknown outcome, its reads say why', async () => {
    const { world, owner, guest, there, open, wait } = await createThree()
    owner.stop()
    const write = rejection(there.run(INSERT, [2]))
    const read = rejection(there.all(READ))
    await wait(LONG_MS)
    expect(there.status.owner).toBe('silent')
    await world.settled(there.close())
    expect(await world.settled(write)).toMatchObject({ code: 'ErrOutcomeUnknown' })
    const failure = await world.settled(read)
    expect(failure).toMatchObject({ code: 'ErrWorkerFailed', retry: 'later' })
    expect(failure).toMatchObject({ message: expect.stringContaining('does not answer') })
    const rows = open(guest).all(READ)
    owner.goOn()
    await world.settled(rows)
  })

  it('can be closed with a transaction under way', async () => {
    const { world, owner, there } = await createThree()
    owner.stop()
    const transaction = rejection(there.transaction((tx) => tx.run(INSERT, [2])))
    await world.settled(there.close())
    expect(await world.settled(transaction)).toMatchObject({ code: 'ErrWorkerFailed' })
    expect(there.status).toMatchObject({ state: 'closed', owner: undefined })
  })

  it('waits for an owner that answers in time', async () => {
    const { world, owner, here, there, wait } = await createThree()
    owner.stop()
    const written = there.run(INSERT, [2])
    const closing = there.close()
    await wait(3_000)
    owner.goOn()
    await world.settled(closing)
    await world.settled(written)
    expect(await world.settled(here.all(READ))).toEqual([{ x: 1 }, { x: 2 }])
  })
})
