/** Hand-over through a real relay: followers accept the new author, the old writer halts, and who stood
 *  beyond the hand-over goes back by a snapshot. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeRun } from '../../src/frame/run.ts'
import { allowAll } from '../../src/relay/allow.ts'
import { createRelay, type Relay } from '../../src/relay/relay.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { createMemoryStore } from './relay-fixtures.ts'
import {
  createWorld,
  isSame,
  listenScripted,
  RELAY_SIGNER,
  serveRuns,
  singleRuns,
  URL_ONE,
  type World,
} from './replication-fixtures.ts'
import {
  catchUp,
  commit,
  contents,
  drive,
  handOverRun,
  openFollower,
  openHeir,
  openWriter,
  takeOver,
} from './shard-fixtures.ts'

let world: World
let relay: Relay
let writer: Shard
let heir: Shard
let copy: Shard
let stopListening: () => void

beforeEach(async () => {
  world = createWorld()
  const { host, hub } = world
  const store = createMemoryStore(host)
  relay = await createRelay({ host, signer: RELAY_SIGNER, allow: allowAll, store })
  stopListening = hub.listen(URL_ONE, (socket) => {
    relay.accept(socket, { binding: 'relay.example' }).catch(() => undefined)
  })
  writer = (await openWriter(host)).shard
  await commit(writer, { 1: 1, 2: 2 })
  heir = (await openHeir(writer, 3, host)).shard
  copy = (await openFollower(writer, host)).shard
})

afterEach(async () => {
  await world.close()
  await drive(world.host, relay.close())
})

async function publishAll(shard: Shard, seed: number): Promise<void> {
  const publishing = world.sync(shard, 'writer', { seed })
  expect(await world.until(() => publishing.status.pending === 0)).toBe(true)
}

describe('a hand-over at the head', () => {
  it('moves publishing to the new author; the old one halts when it comes back', async () => {
    await publishAll(writer, 1)
    const following = world.sync(copy, 'follower')
    expect(await world.until(() => isSame(writer, copy))).toBe(true)
    await takeOver(heir, { seed: 3 })
    await commit(heir, { 2: 20 })
    await publishAll(heir, 3)
    expect(await world.until(() => isSame(heir, copy))).toBe(true)
    expect(contents(copy)).toEqual([1, 20])
    expect(following.status.counters['rewound']).toBeUndefined()
    await world.until(() => writer.halted !== undefined)
    world.hub.cut()
    await world.until(() => writer.halted !== undefined)
    expect(writer.halted?.code).toBe('ErrSuperseded')
    expect(world.syncs[0]?.status.state).toBe('halted')
  })

  it('halts an old writer that wrote on alone, far beyond it', async () => {
    await takeOver(heir, { seed: 3 })
    await commit(heir, { 2: 20 })
    await publishAll(heir, 3)
    for (let number = 0; number < 9; number++) await commit(writer, { 1: 50 + number })
    const publishing = world.sync(writer, 'writer', { seed: 1 })
    await world.until(() => publishing.status.state === 'halted')
    expect(writer.halted?.code).toBe('ErrSuperseded')
    expect(isSame(heir, writer)).toBe(false)
    expect(heir.halted).toBeUndefined()
  })
})

describe('a hand-over below what the relay and a follower have', () => {
  it('rewinds both: the relay by the chain, the follower by the new author’s snapshot', async () => {
    await publishAll(writer, 1)
    const following = world.sync(copy, 'follower')
    for (let number = 0; number < 5; number++) await commit(writer, { 1: 40 + number })
    expect(await world.until(() => isSame(writer, copy))).toBe(true)
    await drive(world.host, world.syncs[0]!.stop())
    await takeOver(heir, { seed: 3 })
    await commit(heir, { 2: 21 })
    await publishAll(heir, 3)
    expect(await world.until(() => isSame(heir, copy), 120_000)).toBe(true)
    expect(contents(copy)).toEqual([1, 21])
    expect(following.status.counters['rewound']).toBe(1)
    expect(copy.halted).toBeUndefined()
    expect(heir.halted).toBeUndefined()
    await commit(heir, { 2: 22 })
    expect(await world.until(() => isSame(heir, copy))).toBe(true)
    // A newcomer, and the follower from before, agree.
    const { shard: late } = await openFollower(heir, world.host, undefined, 5)
    world.sync(late, 'follower', { seed: 5 })
    expect(await world.until(() => isSame(heir, late))).toBe(true)
  })

  it('reaches a follower that was away while the new author grew past its head', async () => {
    await catchUp(writer, copy)
    for (let number = 0; number < 3; number++) await commit(writer, { 1: 40 + number })
    await catchUp(writer, copy)
    await publishAll(writer, 1)
    await drive(world.host, world.syncs[0]!.stop())
    await takeOver(heir, { seed: 3 })
    for (let number = 0; number < 20; number++) await commit(heir, { 2: 100 + number })
    await publishAll(heir, 3)
    const following = world.sync(copy, 'follower')
    expect(await world.until(() => isSame(heir, copy), 120_000)).toBe(true)
    expect(following.status.counters['rewound']).toBe(1)
    expect(contents(copy)).toEqual([1, 119])
  })
})

describe('two hand-overs of one epoch', () => {
  it('halt a follower that is shown the second', async () => {
    stopListening()
    const runs = await singleRuns(writer)
    const { shard: rival } = await openHeir(writer, 4)
    const first = await handOverRun(heir, { seed: 3 })
    const second = await handOverRun(rival, { seed: 4 })
    const all = [...runs, first, second].map((run) => encodeRun(run))
    listenScripted(world, serveRuns({ writer, runs: () => all }))
    const following = world.sync(copy, 'follower')
    await world.until(() => following.status.state === 'halted')
    expect(copy.halted?.code).toBe('ErrForked')
    expect(copy.head.seq).toBe(first.seal.seq)
  })
})
