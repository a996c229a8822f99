/** A writer that is faster than its relay waits for it; one without a relay is not held up. */

import { describe, expect, it } from 'vitest'
import { createLogRoom, WAIT_MAX_MS } from '../../src/database/log-room.ts'
import type { Sync } from '../../src/replication/sync.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'

function setUp(peers: number) {
  const host = createManualHost()
  const logUse = { sizeBytes: 10, capBytes: 100 }
  const shard = { role: 'writer' as const, halted: undefined, logUse }
  // The room reads nothing of a sync but how many relays are connected.
  const sync = { status: { peers } } as Sync
  return { host, logUse, room: createLogRoom(host, shard, () => sync) }
}

describe('a write', () => {
  it('goes at once while there is room', () => {
    expect(setUp(1).room.wait()).toBeUndefined()
  })

  it('waits above the high mark until the relay has let go', async () => {
    const { host, logUse, room } = setUp(1)
    logUse.sizeBytes = 90
    let isDone = false
    const waiting = room.wait()?.then(() => {
      isDone = true
    })
    await host.advance(1000)
    expect(isDone).toBe(false)
    logUse.sizeBytes = 20
    await host.advance(100)
    await waiting
    expect(isDone).toBe(true)
  })

  it('waits no longer than the limit, and not for a relay that is not there', async () => {
    const { host, logUse, room } = setUp(1)
    logUse.sizeBytes = 90
    const waiting = room.wait()
    await host.advance(WAIT_MAX_MS + 100)
    await waiting
    const alone = setUp(0)
    alone.logUse.sizeBytes = 90
    expect(alone.room.wait()).toBeUndefined()
  })

  it('that waits can be given up', async () => {
    const { host, logUse, room } = setUp(1)
    logUse.sizeBytes = 90
    const stopping = new AbortController()
    const waiting = room.wait(stopping.signal)?.catch((error: { code: string }) => error.code)
    stopping.abort()
    await host.advance(100)
    expect(await waiting).toBe('ErrAborted')
  })
})
