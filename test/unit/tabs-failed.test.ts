/** A database that ends by itself, as the tabs see it that share it: a simulated browser. */

import { describe, expect, it } from 'vitest'
import { rejection } from './database-fixtures.ts'
import { createBrowser, type SimulatedTab } from './tabs-fixtures.ts'

const migrations = ['CREATE TABLE t (x)']
const INSERT = 'INSERT INTO t VALUES (?)'
const READ = 'SELECT x FROM t'
const POISONED = { code: 'ErrPoisoned', retry: 'after-repair' }

/** An owner that has the database open, with row 1, and guests. */
async function createTabs(guestCount: number) {
  const browser = createBrowser()
  const { world, tab } = browser
  const owner = tab()
  const open = (it: SimulatedTab) => it.open('notes', { migrations })
  const here = open(owner)
  await world.settled(here.run(INSERT, [1]))
  const guests = Array.from({ length: guestCount }, () => open(tab()))
  for (const db of guests) await world.settled(db.ready)
  return { ...browser, owner, here, guests, open }
}

describe('a flush that fails', () => {
  it.each([0, 1])(
    'is what every handle says, where %i others share, until it is opened again',
    async (guestCount) => {
      const { world, disk, owner, here, guests, open } = await createTabs(guestCount)
      const handles = [here, ...guests]
      disk.now.failSync(1)
      expect(await world.settled(rejection(here.run(INSERT, [2])))).toMatchObject(POISONED)
      await world.quiet()
      for (const db of handles) {
        expect(db.status).toMatchObject({ state: 'failed', owner: undefined, failure: POISONED })
        expect(await world.settled(rejection(db.all(READ)))).toMatchObject(POISONED)
        expect(await world.settled(rejection(db.run(INSERT, [3])))).toMatchObject(POISONED)
      }
      await world.settled(Promise.all(handles.map((db) => db.close())))
      for (const db of handles) expect(db.status.state).toBe('closed')
      expect(await world.settled(open(owner).all(READ))).toContainEqual({ x: 1 })
    },
  )
})
