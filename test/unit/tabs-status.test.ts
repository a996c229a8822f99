/** What the status of a tab says while the database that it shares changes hands, in a simulated browser. */

import { describe, expect, it } from 'vitest'
import { flattenStatus } from '../../src/database/bridge/failure.ts'
import { PROTOCOL } from '../../src/database/bridge/protocol.ts'
import { STATUS_IDLE, SYNC_OFF } from '../../src/database/status-idle.ts'
import { type LobbyMessage, queueLock } from '../../src/database/tabs/lobby.ts'
import type { Ready, Status, SyncStatus } from '../../src/database/types.ts'
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

/** A guest of an owner that is the test, whose status says this of its relays. */
async function createGuestOf(sync: SyncStatus) {
  const { world, tab, locks, broadcasts } = createBrowser()
  const owner = world.agent('owner')
  const term = 'term'
  locks.take(owner, queueLock('notes'), () => undefined, new AbortController().signal)
  const lobby = broadcasts.join(owner, 'constellite:notes')
  const say = (message: LobbyMessage): void => lobby.postMessage({ protocol: PROTOCOL, message })
  const status = flattenStatus({ ...STATUS_IDLE, state: 'open', sync })
  const done = { import: undefined, repaired: undefined, tornBytes: 0 }
  const ready: Ready = { name: 'notes', address: 'notes', role: 'writer', ...done }
  lobby.onmessage = ({ data: { message } }) => {
    if (message.type !== 'join') return
    say({ type: 'welcomed', pipe: message.pipe, term, opened: { ready, status } })
  }
  for (let steps = 0; steps < 100; steps++) await world.step()
  const there = tab().open('notes')
  await world.settled(there.ready)
  const leave = async (): Promise<void> => {
    lobby.onmessage = null
    say({ type: 'left', term })
    for (let steps = 0; steps < 100; steps++) await world.step()
    expect(there.status.owner).toBe('changing')
  }
  return { there, leave }
}

describe('the status of a guest', () => {
  it('says of no relay that it is connected while nobody runs the database', async () => {
    const sync: SyncStatus = { ...SYNC_OFF, state: 'live', peers: 2, pending: 3, asOf: 7 }
    const { there, leave } = await createGuestOf({ ...sync, progress: 0.5 })
    expect(there.status.sync).toEqual({ ...sync, progress: 0.5 })
    await leave()
    expect(there.status.sync).toEqual({ ...sync, state: 'connecting', peers: 0 })
  })

  it.each(['off', 'halted'] as const)('goes on to say that it is %s', async (state) => {
    const { there, leave } = await createGuestOf({ ...SYNC_OFF, state })
    await leave()
    expect(there.status.sync.state).toBe(state)
  })

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
