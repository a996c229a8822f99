/** What the status of a tab says while the database that it shares changes hands, in a simulated browser. */

import { describe, expect, it } from 'vitest'
import type { Status } from '../../src/database/types.ts'
import { createBrowser } from './tabs-fixtures.ts'

const migrations = ['CREATE TABLE t (x)']

/** An owner and a guest, and what the guest's status says from then on. */
async function createWatchedGuest() {
  const { world, tab } = createBrowser()
  const [owner, guest] = [tab(), tab()]
  const here = owner.open('notes', { migrations })
  await world.settled(here.ready)
  const there = guest.open('notes', { migrations })
  await world.settled(there.ready)
  const told: Pick<Status, 'state' | 'owner' | 'failure'>[] = []
  there.onStatus(({ state, owner, failure }) => told.push({ state, owner, failure }))
  return { world, owner, here, there, told }
}

/** Each once where it is told several times in a row. */
function ownersOf(told: readonly Pick<Status, 'owner'>[]): readonly unknown[] {
  const owners = told.map(({ owner }) => owner)
  return owners.filter((owner, at) => owner !== owners[at - 1])
}

describe('the status of a guest', () => {
  it.each(['is killed', 'closes'])(
    'says that hands change, and of no failure, when its owner %s',
    async (way) => {
      const { world, owner, here, there, told } = await createWatchedGuest()
      if (way === 'closes') await world.settled(here.close())
      else owner.kill()
      await world.settled(there.run('INSERT INTO t VALUES (1)'))
      expect(ownersOf(told)).toEqual(['changing', 'here'])
      for (const status of told) expect(status).toMatchObject({ state: 'open', failure: undefined })
    },
  )
})
