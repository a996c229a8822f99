/** When a writer sends a snapshot, what keeps its log, and what lets it go. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ConstelliteError } from '../../src/base/failure.ts'
import { type Hlc, toSeq } from '../../src/base/ids.ts'
import { createReceipt } from '../../src/frame/receipt.ts'
import { allowAll } from '../../src/relay/allow.ts'
import { createRelay, type Relay } from '../../src/relay/relay.ts'
import {
  RELAY_FULL_PAUSE_MS,
  SNAPSHOT_FRAMES_BYTES_MIN,
} from '../../src/replication/publish-state.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { createMemoryDevice, createMemoryDisk } from '../../src/storage/memory.ts'
import { createMemoryStore } from './relay-fixtures.ts'
import {
  createWorld,
  isSame,
  listenScripted,
  RELAY_SIGNER,
  URL_ONE,
  type World,
} from './replication-fixtures.ts'
import { commit, drive, openFollower, openOn, openWriter } from './shard-fixtures.ts'

/** Small enough that a test fills it. */
const CAP_BYTES = 400_000
const BIG_PAGE = 65_536

let world: World
let relay: Relay

beforeEach(async () => {
  world = createWorld()
  const { host } = world
  relay = await createRelay({
    host,
    signer: RELAY_SIGNER,
    allow: allowAll,
    store: createMemoryStore(host),
  })
})

afterEach(async () => {
  await world.close()
  await drive(world.host, relay.close())
})

function listen(): void {
  world.hub.listen(URL_ONE, (socket) => {
    relay.accept(socket, { binding: 'relay.example' }).catch(() => undefined)
  })
}

/** Overwrites one page, so that frames grow and the image does not. */
async function overwrite(shard: Shard, pageSize: number): Promise<void> {
  const image = world.host.random(pageSize)
  shard.commit({ changes: new Map([[1, image]]), pageCount: 1, pageSize, tables: ['t'] })
  await drive(world.host, shard.flush())
}

describe('a snapshot', () => {
  it('is sent when the frames since the last outweigh the image, and lets the relay drop them', async () => {
    listen()
    const { shard: writer } = await openWriter(world.host)
    const publishing = world.sync(writer, 'writer')
    const commits = Math.ceil(SNAPSHOT_FRAMES_BYTES_MIN / BIG_PAGE) + 4
    for (let number = 0; number < commits; number++) {
      await overwrite(writer, BIG_PAGE)
      await world.host.advance(20)
    }
    expect(await world.until(() => publishing.status.pending === 0)).toBe(true)
    expect(publishing.status.counters['snapshots']).toBe(1)
    expect(writer.halted).toBeUndefined()
    const { shard: copy } = await openFollower(writer, world.host)
    const following = world.sync(copy, 'follower')
    expect(await world.until(() => isSame(writer, copy))).toBe(true)
    expect(following.status.counters['snapshots']).toBe(1)
  })

  it('makes room at a relay that has none for more frames', async () => {
    const { shard: writer } = await openWriter(world.host)
    for (let number = 0; number < 5; number++) await commit(writer, { 1: number + 1 })
    let parts = 0
    let runs = 0
    listenScripted(world, async (envelope, peer) => {
      const shard = writer.id
      if (envelope.type === 'heads') {
        await peer.send({ type: 'heads', shard, heads: [], first: toSeq(0) })
      }
      if (envelope.type === 'run' && ++runs === 1) {
        await peer.send({ type: 'error', code: 'ErrRelayFull', text: 'full' })
        await peer.send({ type: 'error', code: 'ErrGap', text: 'a run was under way' })
      }
      if (envelope.type !== 'snapshot' || ++parts === 0 || !envelope.last) return
      const receipt = await createReceipt(RELAY_SIGNER, {
        shard,
        author: writer.ownAuthor,
        epoch: 0n,
        seq: writer.head.seq,
        checksum: writer.head.checksum,
        hlc: 1n as Hlc,
        flags: { durable: true, archived: false, fork: false },
      })
      await peer.send({ type: 'receipt', receipt })
    })
    const publishing = world.sync(writer, 'writer')
    expect(await world.until(() => publishing.status.pending === 0)).toBe(true)
    expect(parts).toBeGreaterThan(0)
    expect(publishing.status.counters).toMatchObject({ relayFull: 1, snapshots: 1 })
    expect(publishing.status.failure).toBeUndefined()
    // Without a further commit: room was made, and nothing is left to send.
    expect(await world.until(() => publishing.status.state === 'live', 1_000)).toBe(true)
  })

  it('is tried once; a relay that is still full is told of, and left alone for a while', async () => {
    const { shard: writer } = await openWriter(world.host)
    await commit(writer, { 1: 1 })
    const relayed = listenScripted(world, async (envelope, peer) => {
      if (envelope.type === 'heads') {
        await peer.send({ type: 'heads', shard: writer.id, heads: [], first: toSeq(0) })
      } else if (envelope.type === 'run' || envelope.type === 'snapshot') {
        await peer.send({ type: 'error', code: 'ErrRelayFull', text: 'full' })
      }
    })
    const publishing = world.sync(writer, 'writer')
    await world.until(() => publishing.status.failure !== undefined)
    expect(publishing.status.failure?.code).toBe('ErrRelayFull')
    expect(publishing.status.failure?.retry).toBe('after-repair')
    expect(writer.halted).toBeUndefined()
    const sent = () => relayed.received.filter(({ type }) => type === 'run' || type === 'snapshot')
    const before = sent().length
    await world.host.advance(RELAY_FULL_PAUSE_MS - 5_000)
    // It was dialled again, told nothing of the shard's content, and what is wrong stays visible.
    expect(relayed.peers.length).toBeGreaterThan(1)
    expect(sent()).toHaveLength(before)
    expect(publishing.status.failure?.code).toBe('ErrRelayFull')
    expect(publishing.status.state).toBe('catching-up')
    await world.host.advance(65_000)
    expect(sent().length).toBeGreaterThan(before)
  })
})

describe('a log at its cap', () => {
  async function openSmall(): Promise<Shard> {
    const device = createMemoryDevice(world.host, createMemoryDisk())
    return openOn(device, world.host, { wal: { capBytes: CAP_BYTES } })
  }

  async function fill(shard: Shard): Promise<ConstelliteError> {
    for (let number = 0; number < 1_000; number++) {
      const failure = await overwrite(shard, 4096).catch((error: unknown) => error)
      if (failure instanceof ConstelliteError) return failure
    }
    throw new Error('the log never filled')
  }

  it('names the relay that cannot be reached, and goes on once it has acknowledged', async () => {
    const writer = await openSmall()
    const publishing = world.sync(writer, 'writer')
    const failure = await fill(writer)
    expect(failure).toMatchObject({ code: 'ErrWalFull', retry: 'later' })
    expect(failure.facts['holder']).toBe(`relay ${URL_ONE}`)
    const { seq } = writer.head
    listen()
    expect(await world.until(() => publishing.status.pending === 0)).toBe(true)
    // The backlog outweighed the one page of the image.
    expect(publishing.status.counters['snapshots']).toBe(1)
    await overwrite(writer, 4096)
    expect(writer.head.seq).toBe(seq + 1n)
    for (let number = 0; number < 200; number++) {
      await overwrite(writer, 4096)
      await world.host.advance(20)
    }
    expect(writer.halted).toBeUndefined()
  })

  it('keeps itself small where nobody holds it', async () => {
    const writer = await openSmall()
    for (let number = 0; number < 400; number++) await overwrite(writer, 4096)
    expect(writer.logUse.sizeBytes).toBeLessThan(CAP_BYTES)
  })

  it('is folded by a follower as it applies, too', async () => {
    const { shard: writer } = await openWriter(world.host)
    const device = createMemoryDevice(world.host, createMemoryDisk('copy'))
    const copy = await openOn(device, world.host, {
      seed: 2,
      follow: writer.id,
      wal: { capBytes: CAP_BYTES },
    })
    listen()
    world.sync(writer, 'writer')
    const following = world.sync(copy, 'follower')
    for (let number = 0; number < 300; number++) {
      await overwrite(writer, 4096)
      await world.host.advance(20)
    }
    expect(await world.until(() => isSame(writer, copy))).toBe(true)
    expect(following.status.failure).toBeUndefined()
    expect(copy.logUse.sizeBytes).toBeLessThan(CAP_BYTES)
  })
})
