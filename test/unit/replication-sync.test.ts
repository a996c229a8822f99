/** Writer, relay and followers together: what is written in one place appears, verified, in another. */

import { afterEach, describe, expect, it } from 'vitest'
import { toSeq } from '../../src/base/ids.ts'
import { equalBytes } from '../../src/bytes/compare.ts'
import { signerFromSeed } from '../../src/crypto/signer-noble.ts'
import { allowAll } from '../../src/relay/allow.ts'
import { createRelay, type Relay } from '../../src/relay/relay.ts'
import type { RelayStore } from '../../src/relay/store.ts'
import { startSync } from '../../src/replication/start-sync.ts'
import type { Sync } from '../../src/replication/sync.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { createMemoryDevice, createMemoryDisk } from '../../src/storage/memory.ts'
import { createManualHost, type ManualHost } from '../../src/testing/manual-host.ts'
import { createMemoryHub, type MemoryHub } from '../../src/transport/memory.ts'
import { createMemoryStore } from './relay-fixtures.ts'
import {
  commit,
  contents,
  drive,
  openFollower,
  openOn,
  openWriter,
  seedOf,
} from './shard-fixtures.ts'

const URL = 'wss://relay.example'

type World = {
  readonly host: ManualHost
  readonly hub: MemoryHub
  readonly store: RelayStore
  relay: Relay
  stopListening: () => void
  readonly syncs: Sync[]
}

let world: World

async function createWorld(): Promise<World> {
  const host = createManualHost()
  const hub = createMemoryHub(host)
  const store = createMemoryStore(host)
  const made = await listen({ host, hub, store })
  world = { host, hub, store, ...made, syncs: [] }
  return world
}

async function listen(parts: Pick<World, 'host' | 'hub' | 'store'>) {
  const { host, hub, store } = parts
  const relay = await createRelay({
    host,
    signer: signerFromSeed(seedOf(77)),
    allow: allowAll,
    store,
  })
  const stopListening = hub.listen(URL, (socket) => {
    relay.accept(socket, { binding: 'relay.example' }).catch(() => undefined)
  })
  return { relay, stopListening }
}

function sync(shard: Shard, role: 'writer' | 'follower', seed: number): Sync {
  const { host, hub, syncs } = world
  const started = startSync({
    host,
    shard,
    role,
    signer: signerFromSeed(seedOf(seed)),
    transports: [hub.transport(URL)],
    exclusively: (task) => task(),
  })
  syncs.push(started)
  return started
}

/** Lets time pass until `isDone`, up to a minute of the virtual clock. */
async function until(what: string, isDone: () => boolean): Promise<void> {
  for (let step = 0; step < 600 && !isDone(); step++) await world.host.advance(100)
  expect(isDone(), what).toBe(true)
}

function isSame(left: Shard, right: Shard): boolean {
  return equalBytes(left.head.checksum, right.head.checksum)
}

afterEach(async () => {
  await drive(world.host, Promise.all(world.syncs.map((one) => one.stop())))
  await drive(world.host, world.relay.close())
})

describe('publish and follow through a relay', () => {
  it('brings every commit, live, with equal roots; receipts make it shared', async () => {
    const { host } = await createWorld()
    const { shard: writer } = await openWriter(host)
    await commit(writer, { 1: 1, 2: 2 })
    const publishing = sync(writer, 'writer', 1)
    const { shard: copy } = await openFollower(writer, host)
    const following = sync(copy, 'follower', 2)
    await until('the copy has caught up', () => isSame(writer, copy))
    for (let number = 3; number < 30; number++) await commit(writer, { [(number % 5) + 1]: number })
    await until('the copy has the later commits', () => isSame(writer, copy))
    expect(contents(copy)).toEqual(contents(writer))
    expect(equalBytes(copy.newestSeal!.root, writer.newestSeal!.root)).toBe(true)
    await drive(host, publishing.untilShared(writer.durable, 1))
    await until(
      'live',
      () => publishing.status.state === 'live' && following.status.state === 'live',
    )
    expect(publishing.status.pending).toBe(0)
    expect(following.status.asOf).toBeGreaterThan(0)
  })

  it('serves a follower when the writer is gone, and after the relay restarted', async () => {
    const { host, hub, store } = await createWorld()
    const { shard: writer } = await openWriter(host)
    const publishing = sync(writer, 'writer', 1)
    for (let number = 1; number <= 20; number++) await commit(writer, { 1: number })
    await drive(host, publishing.untilShared(writer.durable, 1))
    await drive(host, publishing.stop())
    await drive(host, world.relay.close())
    world.stopListening()
    Object.assign(world, await listen({ host, hub, store }))
    const { shard: copy } = await openFollower(writer, host)
    sync(copy, 'follower', 2)
    await until('the copy has caught up', () => isSame(writer, copy))
  })

  it('learns who may write from the relay when it knows only the address', async () => {
    const { host } = await createWorld()
    const { shard: writer } = await openWriter(host)
    await commit(writer, { 1: 9 })
    sync(writer, 'writer', 1)
    const disk = createMemoryDisk('bare')
    const copy = await openOn(createMemoryDevice(host, disk), host, { seed: 2, follow: writer.id })
    sync(copy, 'follower', 2)
    await until('the copy has caught up', () => isSame(writer, copy))
    expect(contents(copy)).toEqual([9])
  })

  it('follows before the writer has published anything', async () => {
    const { host } = await createWorld()
    const { shard: writer } = await openWriter(host)
    const copy = await openOn(createMemoryDevice(host, createMemoryDisk('early')), host, {
      seed: 2,
      follow: writer.id,
    })
    const following = sync(copy, 'follower', 2)
    await host.advance(2_000)
    // A mistyped address looks the same, so it is told at once.
    expect(following.status.failure).toMatchObject({
      code: 'ErrUnavailable',
      retry: 'later',
      facts: { url: URL },
    })
    expect(following.status.failure?.hint).toContain('Check the address')
    sync(writer, 'writer', 1)
    await commit(writer, { 1: 4 })
    await until('the copy has caught up', () => isSame(writer, copy))
    expect(following.status.failure).toBeUndefined()
  })

  it('sends an imported file as a snapshot, then the tail', async () => {
    const { host } = await createWorld()
    const { shard: writer } = await openWriter(host)
    await writer.importPages({
      pageSize: 512,
      pageCount: 9,
      readPage: (pgno, into) => {
        into.fill(pgno)
      },
    })
    await commit(writer, { 4: 40 })
    sync(writer, 'writer', 1)
    const copy = await openOn(createMemoryDevice(host, createMemoryDisk('late')), host, {
      seed: 2,
      follow: writer.id,
    })
    const following = sync(copy, 'follower', 2)
    await until('the copy has caught up', () => isSame(writer, copy))
    expect(contents(copy)).toEqual([1, 2, 3, 40, 5, 6, 7, 8, 9])
    expect(following.status.counters['snapshots']).toBe(1)
    await commit(writer, { 5: 50 })
    await until('the tail arrives', () => isSame(writer, copy))
  })

  it('goes on after cuts, and over a network that repeats, delays and overtakes', async () => {
    const { host, hub } = await createWorld()
    const { shard: writer } = await openWriter(host)
    const { shard: copy } = await openFollower(writer, host)
    sync(writer, 'writer', 1)
    sync(copy, 'follower', 2)
    for (let round = 1; round <= 12; round++) {
      await commit(writer, { [(round % 4) + 1]: round })
      if (round % 4 === 0) hub.cut()
      await host.advance(300)
    }
    await until('the copy has caught up', () => isSame(writer, copy))
    expect(contents(copy)).toEqual(contents(writer))
  })

  it('lets the log go when the relay has acknowledged, and holds it until then', async () => {
    const { host } = await createWorld()
    const { shard: writer } = await openWriter(host)
    world.stopListening()
    const publishing = sync(writer, 'writer', 1)
    for (let number = 1; number <= 5; number++) await commit(writer, { 1: number })
    await drive(host, writer.checkpoint())
    expect(writer.range()?.first).toBe(1n)
    Object.assign(world, await listen(world))
    await until('acknowledged', () => publishing.status.pending === 0)
    await drive(host, writer.checkpoint())
    await until('released', () => (writer.range()?.first ?? 99n) > 1n)
  })
})

describe('a writer that was restored from a backup', () => {
  it('adopts its own newer frames before it sends', async () => {
    const { host } = await createWorld()
    const { shard: writer, disk } = await openWriter(host)
    await commit(writer, { 1: 1 })
    const backup = {
      ...disk,
      files: new Map([...disk.files].map(([name, file]) => [name, file.clone()])),
    }
    backup.owner = undefined
    const publishing = sync(writer, 'writer', 1)
    await commit(writer, { 1: 2 })
    await drive(host, publishing.untilShared(writer.durable, 1))
    await drive(host, publishing.stop())
    const restored = await openOn(createMemoryDevice(host, backup), host)
    expect(restored.head.seq).toBe(2n)
    const again = sync(restored, 'writer', 1)
    await until('adopted', () => restored.head.seq === toSeq(3))
    await commit(restored, { 1: 3 })
    await until('sent', () => again.status.pending === 0)
    expect(restored.halted).toBeUndefined()
  })

  it('halts with ErrForked and both seals when it wrote beside them', async () => {
    const { host } = await createWorld()
    const { shard: writer, disk } = await openWriter(host)
    await commit(writer, { 1: 1 })
    const backup = {
      ...disk,
      files: new Map([...disk.files].map(([name, file]) => [name, file.clone()])),
    }
    backup.owner = undefined
    const publishing = sync(writer, 'writer', 1)
    await commit(writer, { 1: 2 })
    await drive(host, publishing.untilShared(writer.durable, 1))
    await drive(host, publishing.stop())
    const restored = await openOn(createMemoryDevice(host, backup), host)
    await commit(restored, { 1: 99 })
    const again = sync(restored, 'writer', 1)
    await until('halted', () => again.status.state === 'halted')
    expect(restored.halted?.code).toBe('ErrForked')
    expect(restored.halted?.facts['ours']).toBeInstanceOf(Uint8Array)
    expect(restored.halted?.facts['theirs']).toBeInstanceOf(Uint8Array)
  })
})
