/** A restored backup whose newer frames the relay has in a snapshot only: installed where a receipt says that
 *  the relay had everything that is here, refused loudly where nothing says so. */

import { beforeEach, describe, expect, it } from 'vitest'
import type { Shard } from '../../src/shard/shard.ts'
import { createMemoryDevice, type MemoryDisk } from '../../src/storage/memory.ts'
import {
  createWorld,
  listenScripted,
  type Script,
  URL_ONE,
  type World,
} from './replication-fixtures.ts'
import {
  cloneDisk,
  commit,
  contents,
  openOn,
  openWriter,
  snapshotBytes,
  stream,
} from './shard-fixtures.ts'

let world: World
let original: Shard
let disk: MemoryDisk

beforeEach(async () => {
  world = createWorld()
  const bench = await openWriter(world.host)
  original = bench.shard
  disk = bench.disk
  await commit(original, { 1: 1 })
})

/** What the relay acknowledged, as the writer's log has it. */
async function acknowledge(seq: bigint): Promise<void> {
  original.hold(`relay ${URL_ONE}`, 0n as Shard['head']['seq'])
  await original.release(`relay ${URL_ONE}`, seq as Shard['head']['seq'])
  await original.checkpoint()
}

async function restore(backup: MemoryDisk): Promise<Shard> {
  return openOn(createMemoryDevice(world.host, backup), world.host)
}

/** A relay that has nothing of the original's but its newest snapshot. */
function listenWithSnapshot(): Script {
  const { id: shard } = original
  return listenScripted(world, async (envelope, peer) => {
    if (envelope.type === 'heads') {
      const heads = [{ author: original.ownAuthor, position: original.head }]
      await peer.send({ type: 'heads', shard, heads, first: 0n as Shard['head']['seq'] })
    } else if (envelope.type === 'want') {
      await peer.send({ type: 'error', code: 'ErrUnavailable', text: 'Frames are gone.' })
    } else if (envelope.type === 'want-snapshot') {
      const bytes = await snapshotBytes(original)
      await peer.send({ type: 'snapshot', shard, index: 0, last: true, bytes })
    }
  })
}

describe('a backup older than the relay’s snapshot', () => {
  it('installs the snapshot of its own chain and goes on from it', async () => {
    await acknowledge(2n)
    const backup = cloneDisk(disk)
    for (let fill = 2; fill <= 4; fill++) await commit(original, { 1: fill, 2: fill })
    await original.seal()
    const script = listenWithSnapshot()
    const restored = await restore(backup)
    const publishing = world.sync(restored, 'writer')
    await world.until(() => restored.head.seq === 5n)
    expect(contents(restored)).toEqual([4, 4])
    expect(restored.head).toEqual(original.head)
    expect(publishing.status.counters).toMatchObject({ adopted: 1, snapshots: 1 })
    const { seq } = await commit(restored, { 1: 9 })
    await world.until(() => script.received.some(({ type }) => type === 'run'))
    expect(seq).toBe(6n)
    expect(restored.halted).toBeUndefined()
  })

  it('stops with ErrGap when it has frames that nobody acknowledged', async () => {
    await acknowledge(1n)
    const backup = cloneDisk(disk)
    for (let fill = 2; fill <= 4; fill++) await commit(original, { 1: fill })
    await original.seal()
    const script = listenWithSnapshot()
    const restored = await restore(backup)
    const publishing = world.sync(restored, 'writer')
    await world.until(() => publishing.status.state === 'halted')
    expect(restored.halted).toMatchObject({
      code: 'ErrGap',
      facts: { seq: 2n, acknowledged: 1n, theirs: 5n },
    })
    expect(script.received.some(({ type }) => type === 'want-snapshot')).toBe(false)
    expect(contents(restored)).toEqual([1])
  })

  it('takes no snapshot that is not newer, or of another author', async () => {
    await original.seal()
    const same = stream(await snapshotBytes(original))
    await expect(original.install(same)).rejects.toMatchObject({ code: 'ErrProtocol' })
    expect(original.halted).toBeUndefined()
  })
})
