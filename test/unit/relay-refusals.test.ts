/** A relay refuses what has no right, keeps evidence of forks, obeys hand-overs, and stays in its limits. */
import { describe, expect, it } from 'vitest'
import { allowOnly } from '../../src/relay/allow.ts'
import { createTestChain, type TestChain } from './relay-chains.ts'
import {
  authorityOf,
  headsOf,
  publish,
  receiptsIn,
  runsIn,
  type Setup,
  setUpRelay,
  typesOf,
  wantOf,
} from './relay-fixtures.ts'
import { snapshotOf, upload } from './relay-snapshots.ts'
import { testSigner } from './transport-fixtures.ts'

describe('forks and forgeries', () => {
  it('keeps the first of two valid frames, answers a fork receipt and ErrForked, and stores both as evidence', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const writer = await publish(setup, chain, [2])
    const other = chain.fork()
    await chain.run(1)
    await writer.send({ type: 'run', bytes: await chain.rerun(4, 4) })
    await writer.take()
    await other.run(1)
    await writer.send({ type: 'run', bytes: await other.rerun(4, 4) })
    const answered = await writer.take()
    expect(typesOf(answered)).toEqual(['receipt', 'ErrForked'])
    expect(receiptsIn(answered)).toEqual(['4 fork'])
    expect(setup.relay.counters.forks).toBe(1)
    const follower = await setup.connect(testSigner(50), 'follower')
    await follower.send(headsOf(chain))
    expect((await follower.take()).at(-1)).toMatchObject({ heads: [{ position: chain.head }] })
    const after = await setup.restart()
    const names = await listFiles(after, chain)
    expect(names).toContain(`fork-${'4'.padStart(20, '0')}.bin`)
  })

  it('finds a fork whose run goes on after a frame that nobody stored', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const writer = await publish(setup, chain, [2])
    const other = chain.fork()
    await writer.send({ type: 'run', bytes: await chain.run(1) })
    await other.run(2)
    await writer.send({ type: 'run', bytes: await other.rerun(5, 5) })
    expect(typesOf(await writer.take())).toEqual(['receipt', 'receipt', 'ErrForked'])
  })

  it('refuses an author whom the chain never named, and makes no folder for it', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain(1)
    const forged = { ...chain, signer: testSigner(66) }
    const evil = await setup.connect(testSigner(66), 'writer')
    await evil.send(headsOf(chain), authorityOf(chain))
    const bytes = await chain.run(2)
    bytes.set(forged.signer.publicKey, 34)
    await evil.send({ type: 'run', bytes })
    expect(typesOf(await evil.take())).toEqual(['heads', 'ErrAuthor'])
    expect((await evil.peer.closed)?.code).toBe('ErrAuthor')
    expect(setup.relay.status.shards).toBe(0)
  })

  it('refuses a run with any one byte flipped and stays as it was', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const first = await publish(setup, chain, [1])
    first.peer.close()
    const bytes = await chain.run(1)
    for (let at = 0; at < bytes.length; at += 3) {
      const writer = await setup.connect(chain.signer, 'writer')
      const damaged = bytes.slice()
      damaged[at] = (damaged[at] as number) ^ 4
      await writer.send({ type: 'run', bytes: damaged })
      const types = typesOf(await writer.take())
      expect(
        types.some((type) => type.startsWith('Err')),
        `byte ${at}: ${types}`,
      ).toBe(true)
      writer.peer.close()
    }
    expect(setup.relay.counters.framesStored).toBe(2)
  })

  it('refuses an authority whose genesis is of another shard', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain(1)
    const other = createTestChain(2)
    const writer = await setup.connect(chain.signer, 'writer')
    await writer.send({ type: 'authority', shard: chain.shard, frames: other.authority })
    expect(typesOf(await writer.take())).toEqual(['ErrShardMismatch'])
  })

  it('refuses frames from a follower', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const follower = await setup.connect(chain.signer, 'follower')
    await follower.send(authorityOf(chain), { type: 'run', bytes: await chain.run(1) })
    expect(typesOf(await follower.take())).toEqual(['ErrProtocol'])
  })
})

describe('hand-over', () => {
  it('obeys one at its head, serves it, and refuses the old author beyond it', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const old = await publish(setup, chain, [3])
    const next = await chain.handOver(testSigner(2), 5)
    const writer = await setup.connect(next.signer, 'writer')
    await writer.send(headsOf(next, chain.head))
    await writer.take()
    await writer.send({ type: 'run', bytes: await next.rerun(5, 5) })
    expect(receiptsIn(await writer.take())).toEqual(['5 durable'])
    await chain.run(1)
    await old.send({ type: 'run', bytes: await chain.rerun(5, 5) })
    // It was shown the hand-over when the relay had it.
    expect(typesOf(await old.take())).toEqual(['run', 'ErrSuperseded'])
    const after = await setup.restart()
    const follower = await after.connect(testSigner(50), 'follower')
    await follower.send(headsOf(chain), wantOf(chain, 1))
    const got = await follower.take()
    expect(got[0]).toEqual(authorityOf(next))
    expect(runsIn(got)).toEqual(['1-4', '5-5'])
  })

  it('rewinds to the frame that a hand-over names, and sends followers what replaced the rest', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    await publish(setup, chain, [2, 2])
    const follower = await setup.connect(testSigner(50), 'follower')
    await follower.send(headsOf(chain), wantOf(chain, 1))
    expect(runsIn(await follower.take())).toEqual(['1-5'])
    const next = await chain.handOver(testSigner(2), 4)
    const writer = await setup.connect(next.signer, 'writer')
    await writer.send({ type: 'run', bytes: await next.rerun(4, 4) })
    expect(receiptsIn(await writer.take())).toEqual(['4 durable'])
    expect(runsIn(await follower.take())).toEqual(['4-4'])
    expect(setup.relay.counters.forks).toBe(0)
  })
})

describe('limits', () => {
  it('denies a shard that is not on the list, by id or author, and takes one that is', async () => {
    const chain = createTestChain(1)
    const other = createTestChain(2, testSigner(201))
    for (const entry of [chain.shard, chain.signer.publicKey]) {
      const setup = await setUpRelay({ allow: allowOnly([entry]) })
      const writer = await setup.connect(testSigner(9), 'writer')
      await writer.send(authorityOf(other), { type: 'run', bytes: await other.run(1) })
      expect(typesOf(await writer.take())).toEqual(['ErrDenied', 'ErrDenied'])
      expect(setup.relay.status.shards).toBe(0)
      const mine = createTestChain(1)
      const welcome = await publish(setup, mine, [1])
      await welcome.send({ type: 'run', bytes: await mine.run(1) })
      expect(receiptsIn(await welcome.take())).toEqual(['3 durable'])
    }
  })

  it('refuses what would pass the quota of one shard, keeps serving, and writes nothing of it', async () => {
    const setup = await setUpRelay({ limits: { shardBytesMax: 60_000 } })
    const chain = createTestChain()
    const writer = await publish(setup, chain, [1])
    const before = setup.relay.status.totalBytes
    await writer.send({ type: 'run', bytes: await chain.run(1, 80_000) })
    expect(typesOf(await writer.take())).toEqual(['ErrRelayFull'])
    expect(setup.relay.status.totalBytes).toBe(before)
    await writer.send(wantOf(chain, 1, 2))
    expect(runsIn(await writer.take())).toEqual(['1-2'])
  })

  it('refuses what would pass the limit of the log, until a snapshot makes room', async () => {
    const setup = await setUpRelay({ limits: { logBytesMax: 120_000 } })
    const chain = createTestChain()
    const writer = await publish(setup, chain, [1])
    await writer.send({ type: 'run', bytes: await chain.run(1, 60_000) })
    expect(receiptsIn(await writer.take())).toEqual(['3 durable'])
    await writer.send({ type: 'run', bytes: await chain.run(1, 80_000) })
    expect(typesOf(await writer.take())).toEqual(['ErrRelayFull'])
    await upload(writer, chain, await snapshotOf(chain, chain.head))
    expect(receiptsIn(await writer.take())).toEqual(['4 durable'])
    await writer.send({ type: 'run', bytes: await chain.run(1, 60_000) })
    expect(receiptsIn(await writer.take())).toEqual(['5 durable'])
  })

  it('refuses what would pass the quota of all shards', async () => {
    const setup = await setUpRelay({ limits: { totalBytesMax: 100_000 } })
    const first = await publish(setup, createTestChain(1), [1])
    await first.take()
    const chain = createTestChain(2)
    const writer = await publish(setup, chain, [1])
    await writer.send({ type: 'run', bytes: await chain.run(1, 120_000) })
    expect(typesOf(await writer.take())).toEqual(['ErrRelayFull'])
  })

  it('closes idle shards, opens them again, and refuses more than may be open at once', async () => {
    const setup = await setUpRelay({ limits: { openShardsMax: 2, idleMs: 1000 } })
    const chains = [createTestChain(1), createTestChain(2), createTestChain(3)]
    for (const chain of chains) {
      const writer = await publish(setup, chain, [1])
      writer.peer.close()
      await setup.host.settle()
    }
    expect(setup.relay.status.openShards).toBe(2)
    await setup.host.advance(1000)
    expect(setup.relay.status.openShards).toBe(0)
    const follower = await setup.connect(testSigner(50), 'follower')
    const [one, two, three] = chains as [TestChain, TestChain, TestChain]
    await follower.send(headsOf(one), headsOf(two))
    expect(typesOf(await follower.take())).toEqual(['authority', 'heads', 'authority', 'heads'])
    await follower.send(headsOf(three))
    expect(typesOf(await follower.take())).toEqual(['ErrBackpressure'])
  })

  it('refuses connections past the limit and counts failed handshakes', async () => {
    const setup = await setUpRelay({ limits: { connectionsMax: 1 } })
    await setup.connect(testSigner(1), 'follower')
    await expect(setup.connect(testSigner(2), 'follower')).rejects.toMatchObject({
      code: 'ErrBackpressure',
    })
    expect(setup.relay.counters.connectionsRefused).toBe(1)
  })

  it('closes with everything: connections end, shards are free, nothing is left to wait for', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const writer = await publish(setup, chain, [1])
    const closing = setup.relay.close()
    await setup.host.settle()
    await closing
    await expect(writer.peer.receive()).rejects.toMatchObject({ code: 'ErrClosed' })
    expect(setup.host.timerCount).toBe(0)
  })
})

async function listFiles(setup: Setup, chain: TestChain): Promise<readonly string[]> {
  const closing = setup.relay.close()
  await setup.host.settle()
  await closing
  const device = setup.store.device(chain.shard)
  await device.acquire()
  const names = await device.list()
  await device.close()
  return names
}
