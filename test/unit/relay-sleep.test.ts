/** A relay's session outlives the relay's memory: what was quiet goes on without a new handshake, what was under
 *  way ends with `retry: later`, and nothing keeps a quiet relay awake. */
import { describe, expect, it } from 'vitest'
import { encodeEnvelope } from '../../src/transport/envelope.ts'
import { WINDOW_BYTES } from '../../src/transport/limits.ts'
import { splitIntoParts } from '../../src/transport/part.ts'
import { createTestChain, type TestChain } from './relay-chains.ts'
import { authorityOf, headsOf, receiptsIn, runsIn, typesOf, wantOf } from './relay-fixtures.ts'
import { createSleepWorld, type SleepClient, type SleepWorld } from './relay-sleep-fixtures.ts'
import { snapshotOf } from './relay-snapshots.ts'
import { testSigner } from './transport-fixtures.ts'

async function publishTo(world: SleepWorld, chain: TestChain): Promise<SleepClient> {
  const writer = await world.connect(chain.signer, 'writer')
  await writer.send(headsOf(chain), authorityOf(chain))
  await writer.send({ type: 'run', bytes: await chain.run(2) })
  return writer
}

async function followLive(world: SleepWorld, chain: TestChain, key = 50): Promise<SleepClient> {
  const follower = await world.connect(testSigner(key), 'follower')
  await follower.send(headsOf(chain), wantOf(chain, 1))
  return follower
}

describe('a sleep between messages', () => {
  it('costs writer and follower nothing: the next run is stored, receipted and served, unasked', async () => {
    const world = await createSleepWorld()
    const chain = createTestChain()
    const writer = await publishTo(world, chain)
    const follower = await followLive(world, chain)
    expect(receiptsIn(await writer.take())).toEqual(['3 durable'])
    expect(runsIn(await follower.take())).toEqual(['1-3'])
    for (let sleep = 1; sleep <= 3; sleep++) {
      await world.pass(5000)
      await world.sleepAndWake()
      await writer.send({ type: 'run', bytes: await chain.run(1) })
      expect(receiptsIn(await writer.take())).toEqual([`${3 + sleep} durable`])
      expect(runsIn(await follower.take())).toEqual([`${3 + sleep}-${3 + sleep}`])
    }
    const { connections, connectionsResumed, connectionsCutShort } = world.relay.counters
    expect({ connections, connectionsResumed, connectionsCutShort }).toEqual({
      connections: 0,
      connectionsResumed: 2,
      connectionsCutShort: 0,
    })
  })

  it('finds no timer and no open shard, though the connections stay', async () => {
    const world = await createSleepWorld()
    const chain = createTestChain()
    await publishTo(world, chain)
    await followLive(world, chain)
    expect(world.relay.status.openShards).toBe(1)
    await world.pass(4000)
    expect(world.relayHost.timerCount).toBe(0)
    expect(world.relay.status).toMatchObject({ connections: 2, openShards: 0 })
  })

  it('ends again after each ping, which opens no shard', async () => {
    const world = await createSleepWorld()
    const chain = createTestChain()
    const writer = await publishTo(world, chain)
    await followLive(world, chain)
    await world.pass(5000)
    await world.sleepAndWake()
    const keeps = writer.kept.keeps
    await world.pass(60_000)
    expect(writer.kept.isOpen).toBe(true)
    expect(writer.kept.keeps).toBeGreaterThan(keeps)
    expect(world.relay.status.openShards).toBe(0)
    await world.pass(1000)
    expect(world.relayHost.timerCount).toBe(0)
  })

  it('answers what is asked every minute, whether there is news, by opening a log once in each life', async () => {
    const world = await createSleepWorld()
    const chain = createTestChain()
    const writer = await publishTo(world, chain)
    const follower = await followLive(world, chain)
    await follower.take()
    for (let sleep = 0; sleep < 2; sleep++) {
      await world.pass(5000)
      await world.sleepAndWake()
      for (const openShards of [1, 0]) {
        await follower.send(headsOf(chain, chain.head))
        expect(world.relay.status.openShards).toBe(openShards)
        const [heads] = await follower.take()
        expect(heads).toMatchObject({
          heads: [{ author: chain.signer.publicKey, position: chain.head }],
          first: 1n,
        })
        await world.pass(5000)
      }
    }
    // What was remembered is forgotten with the next run.
    await writer.send({ type: 'run', bytes: await chain.run(1) })
    await follower.take()
    await follower.send(headsOf(chain, chain.head))
    expect((await follower.take())[0]).toMatchObject({ heads: [{ position: chain.head }] })
  })

  it('leaves an idle writer the news of what supersedes it', async () => {
    const world = await createSleepWorld()
    const chain = createTestChain()
    const writer = await publishTo(world, chain)
    await writer.take()
    await world.pass(5000)
    await world.sleepAndWake()
    const next = await chain.handOver(testSigner(70), 4)
    const successor = await world.connect(next.signer, 'writer')
    await successor.send({ type: 'run', bytes: await next.rerun(4, 4) })
    expect(runsIn(await writer.take())).toEqual(['4-4'])
  })

  it('keeps the credit of both directions, far beyond one window', async () => {
    const world = await createSleepWorld()
    const chain = createTestChain()
    const writer = await publishTo(world, chain)
    const follower = await followLive(world, chain)
    const sizeBytes = 400_000
    let served = 0
    for (let sleep = 0; sleep < 6; sleep++) {
      for (let run = 0; run < 5; run++) {
        await writer.send({ type: 'run', bytes: await chain.run(1, sizeBytes) })
      }
      served += (await follower.take()).length
      await world.pass(4000)
      await world.sleepAndWake()
    }
    await world.pass(1000)
    expect(30 * sizeBytes).toBeGreaterThan(2 * WINDOW_BYTES)
    // The authority, a head, the first run, and these.
    expect(served).toBe(33)
    expect(receiptsIn(await writer.take()).at(-1)).toBe('33 durable')
  })

  it('leaves a follower that asked for heads only its news of the next one', async () => {
    const world = await createSleepWorld()
    const chain = createTestChain()
    const writer = await publishTo(world, chain)
    const watcher = await world.connect(testSigner(50), 'follower')
    await watcher.send(headsOf(chain))
    expect(typesOf(await watcher.take())).toEqual(['authority', 'heads'])
    await world.pass(5000)
    await world.sleepAndWake()
    await world.pass(20_000)
    expect(typesOf(await watcher.take())).toEqual([])
    await writer.send({ type: 'run', bytes: await chain.run(1) })
    expect(typesOf(await watcher.take())).toEqual(['heads'])
  })

  it('leaves a follower of a shard that is stored only later its first news', async () => {
    const world = await createSleepWorld()
    const chain = createTestChain()
    const watcher = await world.connect(testSigner(50), 'follower')
    await watcher.send(headsOf(chain))
    expect(typesOf(await watcher.take())).toEqual(['heads'])
    await world.pass(5000)
    await world.sleepAndWake()
    await publishTo(world, chain)
    expect(typesOf(await watcher.take())).toEqual(['authority', 'heads'])
  })

  it('forgets no rewind: a live follower gets the new author from the hand-over on', async () => {
    const world = await createSleepWorld()
    const chain = createTestChain()
    await publishTo(world, chain)
    const follower = await followLive(world, chain)
    await follower.take()
    await world.pass(5000)
    await world.sleepAndWake()
    const next = await chain.handOver(testSigner(70), 4)
    const successor = await world.connect(next.signer, 'writer')
    await successor.send({ type: 'run', bytes: await next.rerun(4, 4) })
    expect(runsIn(await follower.take())).toEqual(['4-4'])
  })
})

describe('a sleep that cuts something short', () => {
  const reasonOf = async (client: SleepClient, world: SleepWorld) => {
    await world.pass(500)
    const reason = await client.peer.closed
    return [reason?.code, reason?.retry]
  }

  it('ends a connection in the middle of a joined message', async () => {
    const world = await createSleepWorld()
    const chain = createTestChain()
    const writer = await publishTo(world, chain)
    const whole = encodeEnvelope({ type: 'run', bytes: await chain.run(1, 2_500_000) })
    const [first] = splitIntoParts(whole, 0)
    writer.kept.relayEnd?.deliver(first as Uint8Array)
    await world.pass(5000)
    await world.sleepAndWake()
    expect(await reasonOf(writer, world)).toEqual(['ErrClosed', 'later'])
    expect(world.relay.counters.connectionsCutShort).toBe(1)
  })

  it('ends a connection in the middle of an uploaded snapshot', async () => {
    const world = await createSleepWorld()
    const chain = createTestChain()
    const writer = await publishTo(world, chain)
    const bytes = await snapshotOf(chain, chain.head)
    await writer.send({
      type: 'snapshot',
      shard: chain.shard,
      index: 0,
      last: false,
      bytes: bytes.slice(0, 50),
    })
    await world.sleepAndWake()
    expect(await reasonOf(writer, world)).toEqual(['ErrClosed', 'later'])
  })

  it('ends a connection whose authority came and whose first run did not', async () => {
    const world = await createSleepWorld()
    const chain = createTestChain()
    const writer = await world.connect(chain.signer, 'writer')
    await writer.send(headsOf(chain), authorityOf(chain))
    await world.pass(5000)
    await world.sleepAndWake()
    expect(await reasonOf(writer, world)).toEqual(['ErrClosed', 'later'])
  })

  it('ends a connection that names more shards than fit', async () => {
    const world = await createSleepWorld()
    const few = await world.connect(testSigner(50), 'follower')
    const many = await world.connect(testSigner(51), 'follower')
    for (let seed = 1; seed <= 60; seed++) {
      const chain = createTestChain(seed)
      if (seed <= 20) await few.send(headsOf(chain))
      await many.send(headsOf(chain))
    }
    await world.pass(5000)
    await world.sleepAndWake()
    expect(await reasonOf(many, world)).toEqual(['ErrClosed', 'later'])
    expect(few.kept.isOpen).toBe(true)
  })

  it('ends a connection whose record another version wrote, or is no record', async () => {
    for (const damage of [
      (bytes: Uint8Array) => Uint8Array.of(2, ...bytes.subarray(1)),
      (bytes: Uint8Array) => bytes.slice(0, -1),
    ]) {
      const world = await createSleepWorld()
      const chain = createTestChain()
      await publishTo(world, chain)
      const follower = await followLive(world, chain)
      await world.pass(5000)
      follower.kept.attachment = damage(follower.kept.attachment as Uint8Array)
      await world.sleepAndWake()
      expect(await reasonOf(follower, world)).toEqual(['ErrClosed', 'later'])
    }
  })
})

describe('a far end that says nothing', () => {
  it('is let go at the next event after a sleep, and one that pings is not', async () => {
    const world = await createSleepWorld()
    const chain = createTestChain()
    const writer = await publishTo(world, chain)
    const follower = await followLive(world, chain)
    follower.kept.isLossy = true
    await world.pass(5000)
    await world.sleepAndWake()
    await world.pass(41_000)
    await world.sleepAndWake()
    world.relay.endSilent()
    await world.pass(100)
    expect(writer.kept.isOpen).toBe(true)
    expect(follower.kept.isOpen).toBe(false)
  })

  it('and takes nothing ends by a timer, which runs only while something waits for it', async () => {
    const world = await createSleepWorld({ peerLimits: { stallMs: 20_000, silenceMs: 10_000_000 } })
    const chain = createTestChain()
    const writer = await publishTo(world, chain)
    const follower = await followLive(world, chain)
    follower.kept.isLossy = true
    await world.pass(4000)
    expect(world.relayHost.timerCount).toBe(0)
    for (let run = 0; run < 12; run++) {
      await writer.send({ type: 'run', bytes: await chain.run(1, 500_000) })
    }
    expect(world.relayHost.timerCount).toBeGreaterThan(0)
    await world.pass(30_000)
    expect(follower.kept.isOpen).toBe(false)
    expect(writer.kept.isOpen).toBe(true)
    await world.pass(4000)
    expect(world.relayHost.timerCount).toBe(0)
  })
})
