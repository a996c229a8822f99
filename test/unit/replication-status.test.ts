/** The status of a sync: told when it changes and not otherwise, and naming the newest problem. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ConstelliteError } from '../../src/base/failure.ts'
import { toSeq } from '../../src/base/ids.ts'
import type { SyncStatus } from '../../src/replication/sync.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { createWorld, listenScripted, type World } from './replication-fixtures.ts'
import { commit, openWriter } from './shard-fixtures.ts'

let world: World
let writer: Shard

beforeEach(async () => {
  world = createWorld()
  writer = (await openWriter(world.host)).shard
  await commit(writer, { 1: 1 })
})

afterEach(() => world.close())

/** A relay that has what the writer has. */
function listenInStep() {
  return listenScripted(world, async (envelope, peer) => {
    if (envelope.type !== 'heads') return
    const heads = [{ author: writer.ownAuthor, position: writer.durable }]
    await peer.send({ type: 'heads', shard: writer.id, heads, first: toSeq(1) })
  })
}

describe('the status', () => {
  it('is told once a change, also while a relay that is down is dialled again and again', async () => {
    const relay = listenInStep()
    const publishing = world.sync(writer, 'writer')
    expect(await world.until(() => publishing.status.state === 'live')).toBe(true)
    const told: SyncStatus[] = []
    publishing.onStatus((status) => told.push(status))
    relay.stop()
    world.hub.cut()
    await world.host.advance(120_000)
    const attempts = told.length
    expect(attempts).toBeGreaterThan(0)
    expect(attempts).toBeLessThan(5)
    for (const [index, status] of told.entries()) expect(status).not.toEqual(told[index - 1])
    listenInStep()
    expect(await world.until(() => publishing.status.state === 'live')).toBe(true)
    expect(told.at(-1)).toEqual(publishing.status)
    expect(told.at(-1)?.failure).toBeUndefined()
  })

  it('of a relay that is down says why it cannot be reached, not how the last session ended', async () => {
    const relay = listenInStep()
    const publishing = world.sync(writer, 'writer')
    expect(await world.until(() => publishing.status.state === 'live')).toBe(true)
    for (const peer of relay.peers) {
      peer.close(
        new ConstelliteError({
          hint: 'Try it.',
          code: 'ErrClosed',
          message: 'The relay is closing.',
        }),
      )
    }
    relay.stop()
    await world.until(() => publishing.status.failure !== undefined)
    expect(publishing.status.failure?.code).toBe('ErrClosed')
    await world.host.advance(60_000)
    expect(publishing.status.failure?.code).toBe('ErrConnection')
  })

  it('of a copy that was opened halted says so to whoever listens, and no relay is dialled', async () => {
    const relay = listenInStep()
    writer.halt(
      new ConstelliteError({ hint: 'Try it.', code: 'ErrForked', message: 'Found before.' }),
    )
    const publishing = world.sync(writer, 'writer')
    const told: SyncStatus[] = []
    publishing.onStatus((status) => told.push(status))
    await world.host.advance(60_000)
    expect(told).toHaveLength(1)
    expect(told[0]).toMatchObject({ state: 'halted', peers: 0, failure: { code: 'ErrForked' } })
    expect(relay.peers).toEqual([])
  })
})
