/** A tab whose database was deleted and begun anew, while it was asleep or a guest, in a simulated browser. */

import { expect, it } from 'vitest'
import { rejection } from './database-fixtures.ts'
import { createBrowser, type SimulatedTab } from './tabs-fixtures.ts'

const migrations = ['CREATE TABLE t (x)']
const INSERT = 'INSERT INTO t VALUES (?)'
const READ = 'SELECT x FROM t'

async function createPair() {
  const browser = createBrowser()
  const { world, tab } = browser
  const tabs = [tab(), tab()] as const
  const open = (it: SimulatedTab) => it.open('notes', { migrations })
  const [here, there] = [open(tabs[0]), open(tabs[1])]
  await world.settled(here.run(INSERT, [1]))
  await world.settled(there.all(READ))
  return { ...browser, tabs, here, there, open }
}

it('a tab that slept while it was made anew does not go on in the new one', async () => {
  const { world, tabs, here, there, open } = await createPair()
  const [owner, guest] = tabs
  guest.sleep()
  await world.settled(here.close())
  expect(await world.settled(owner.remove('notes'))).toBe(true)
  const anew = open(owner)
  await world.settled(anew.run(INSERT, [2]))
  guest.wake()
  expect((await world.settled(rejection(there.run(INSERT, [3])))).code).toBe('ErrCleared')
  expect(there.status).toMatchObject({ state: 'failed', failure: { code: 'ErrCleared' } })
  expect(await world.settled(anew.all(READ))).toEqual([{ x: 2 }])
  await world.settled(there.close())
  expect(await world.settled(open(guest).all(READ))).toEqual([{ x: 2 }])
})

it('nor does one that takes over where the files are gone', async () => {
  const { world, tabs, disk, there, open } = await createPair()
  const [owner, guest] = tabs
  owner.kill()
  await disk.place.removeEntry('log')
  expect((await world.settled(rejection(there.run(INSERT, [3])))).code).toBe('ErrCleared')
  await world.settled(there.close())
  expect(await world.settled(open(guest).all(READ))).toEqual([])
})
