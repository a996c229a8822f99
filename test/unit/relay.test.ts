/** A relay stores what verifies, says so by receipt, serves it without the writer, and refuses the rest. */
import { describe, expect, it } from 'vitest'
import { toSeq } from '../../src/base/ids.ts'
import { verifyReceipt } from '../../src/frame/receipt.ts'
import { decodeRunHeader } from '../../src/frame/run.ts'
import { allowOnly } from '../../src/relay/allow.ts'
import type { Envelope } from '../../src/transport/envelope.ts'
import {
  authorityOf,
  createTestChain,
  headsOf,
  setUpRelay,
  type TestChain,
  typesOf,
  wantOf,
} from './relay-fixtures.ts'
import { testSigner } from './transport-fixtures.ts'

/** Seqs of the runs among envelopes, as "first-last". */
function runsIn(envelopes: readonly Envelope[]): string[] {
  return envelopes.flatMap((envelope) => {
    if (envelope.type !== 'run') return []
    const header = decodeRunHeader(envelope.bytes)
    return header.ok ? [`${header.value.firstSeq}-${header.value.lastSeq}`] : ['damaged']
  })
}

function receiptsIn(envelopes: readonly Envelope[]): string[] {
  return envelopes.flatMap((envelope) => {
    if (envelope.type !== 'receipt') return []
    const { seq, flags } = envelope.receipt
    expect(verifyReceipt(envelope.receipt)).toBe(true)
    return [`${seq}${flags.durable ? ' durable' : ''}${flags.fork ? ' fork' : ''}`]
  })
}

async function publish(
  setup: Awaited<ReturnType<typeof setUpRelay>>,
  chain: TestChain,
  counts: readonly number[],
): Promise<Awaited<ReturnType<typeof setup.connect>>> {
  const writer = await setup.connect(chain.signer, 'writer')
  await writer.send(headsOf(chain), authorityOf(chain))
  for (const count of counts) await writer.send({ type: 'run', bytes: await chain.run(count) })
  await writer.take()
  return writer
}

describe('store', () => {
  it('answers heads, takes runs, and signs a durable receipt for the newest head', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const writer = await setup.connect(chain.signer, 'writer')
    await writer.send(headsOf(chain))
    expect(await writer.take()).toEqual([
      { type: 'heads', shard: chain.shard, heads: [], first: 0n },
    ])
    await writer.send(authorityOf(chain), { type: 'run', bytes: await chain.run(3) })
    const answered = await writer.take()
    expect(receiptsIn(answered)).toEqual(['4 durable'])
    const [first] = answered
    expect(first?.type === 'receipt' && first.receipt.holder).toEqual(setup.relay.publicKey)
    expect(first?.type === 'receipt' && first.receipt.checksum).toEqual(chain.head.checksum)
  })

  it('answers fewer receipts than runs when they come together, the last for the newest', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const writer = await setup.connect(chain.signer, 'writer')
    await writer.send(headsOf(chain), authorityOf(chain))
    for (let index = 0; index < 20; index++) {
      await writer.send({ type: 'run', bytes: await chain.run(1) })
    }
    const receipts = receiptsIn(await writer.take())
    expect(receipts.at(-1)).toBe('21 durable')
    expect(setup.relay.counters.runsStored).toBe(20)
  })

  it('absorbs a repeated run and one that overlaps, and says again what it has', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const writer = await publish(setup, chain, [3])
    await writer.send({ type: 'run', bytes: await chain.rerun(1, 4) })
    expect(receiptsIn(await writer.take())).toEqual(['4 durable'])
    await chain.run(2)
    await writer.send({ type: 'run', bytes: await chain.rerun(3, 6) })
    expect(receiptsIn(await writer.take())).toEqual(['6 durable'])
    expect(setup.relay.counters).toMatchObject({ runsRepeated: 1, framesStored: 6, forks: 0 })
  })

  it('tells a writer that comes back how far it is, and hands back what the writer lost', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const first = await publish(setup, chain, [3, 2])
    first.peer.close()
    const again = await setup.connect(chain.signer, 'writer')
    await again.send(headsOf(chain, { seq: toSeq(4), checksum: new Uint8Array(32) }))
    expect(await again.take()).toEqual([
      {
        type: 'heads',
        shard: chain.shard,
        heads: [{ author: chain.signer.publicKey, position: chain.head }],
        first: 1n,
      },
    ])
    await again.send(wantOf(chain, 5, 6))
    expect(runsIn(await again.take())).toEqual(['5-6'])
  })

  it('answers a gap with ErrGap and its heads, and stores nothing', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const writer = await publish(setup, chain, [3])
    await chain.run(1)
    await writer.send({ type: 'run', bytes: await chain.run(1) })
    expect(typesOf(await writer.take())).toEqual(['ErrGap', 'heads'])
    expect(setup.relay.counters.framesStored).toBe(4)
  })
})

describe('serve', () => {
  it('serves a new follower when the writer is gone: authority, heads, then every run', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const writer = await publish(setup, chain, [3, 2])
    writer.peer.close()
    await setup.host.settle()
    const follower = await setup.connect(testSigner(50), 'follower')
    await follower.send(headsOf(chain))
    const [authority, heads] = await follower.take()
    expect(authority).toEqual(authorityOf(chain))
    expect(heads).toMatchObject({ type: 'heads', first: 1n, heads: [{ position: chain.head }] })
    await follower.send(wantOf(chain, 1))
    expect(runsIn(await follower.take())).toEqual(['1-6'])
  })

  it('serves the same after a restart, and the writer goes on where it was', async () => {
    const chain = createTestChain()
    const before = await setUpRelay()
    await publish(before, chain, [3, 2])
    const after = await before.restart()
    const follower = await after.connect(testSigner(50), 'follower')
    await follower.send(headsOf(chain), wantOf(chain, 2))
    expect(runsIn(await follower.take())).toEqual(['2-6'])
    const writer = await after.connect(chain.signer, 'writer')
    await writer.send(headsOf(chain, chain.head), { type: 'run', bytes: await chain.run(1) })
    expect(receiptsIn(await writer.take())).toEqual(['7 durable'])
    expect(runsIn(await follower.take())).toEqual(['7-7'])
  })

  it('sends live runs as they are stored, to every follower that wants them', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const writer = await publish(setup, chain, [1])
    const followers = [
      await setup.connect(testSigner(50), 'follower'),
      await setup.connect(testSigner(51), 'follower'),
    ]
    for (const follower of followers) await follower.send(headsOf(chain), wantOf(chain, 1))
    for (const follower of followers) expect(runsIn(await follower.take())).toEqual(['1-2'])
    await writer.send({ type: 'run', bytes: await chain.run(2) })
    for (const follower of followers) {
      const got = await follower.take()
      expect(runsIn(got)).toEqual(['3-4'])
      expect(typesOf(got)).toEqual(['run'])
    }
  })

  it('tells a follower without a live want of new heads, also of a shard that comes later', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const follower = await setup.connect(testSigner(50), 'follower')
    await follower.send(headsOf(chain))
    expect(await follower.take()).toMatchObject([{ type: 'heads', heads: [], first: 0n }])
    const writer = await publish(setup, chain, [2])
    const told = await follower.take()
    expect(typesOf(told)).toEqual(['authority', 'heads'])
    await writer.send({ type: 'run', bytes: await chain.run(1) })
    const news = await follower.take()
    expect(news).toMatchObject([{ type: 'heads', heads: [{ position: { seq: 4n } }] }])
  })

  it('answers ErrUnavailable for a shard or a snapshot that it does not have', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const follower = await setup.connect(testSigner(50), 'follower')
    await follower.send(wantOf(chain, 1))
    expect(typesOf(await follower.take())).toEqual(['ErrUnavailable'])
    await publish(setup, chain, [1])
    await follower.send({ type: 'want-snapshot', shard: chain.shard, seqMin: toSeq(0) })
    expect(typesOf(await follower.take())).toEqual(['ErrUnavailable'])
  })

  it('sends nothing more of an older want once a newer one came', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const writer = await publish(setup, chain, [2])
    const follower = await setup.connect(testSigner(50), 'follower')
    await follower.send(headsOf(chain), wantOf(chain, 1))
    await follower.take()
    await follower.send(wantOf(chain, 3))
    await writer.send({ type: 'run', bytes: await chain.run(1) })
    expect(runsIn(await follower.take())).toEqual(['3-3', '4-4'])
  })
})

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
    const [disk] = setup.store.disks.values()
    const after = await setup.restart()
    const names = await listFiles(after, chain)
    expect(disk).toBeDefined()
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
    expect(typesOf(await old.take())).toEqual(['ErrSuperseded'])
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
  it('denies a shard that is not on the list, by id, owner or author, and takes one that is', async () => {
    const chain = createTestChain(1)
    const other = createTestChain(2, testSigner(201))
    for (const entry of [chain.shard, testSigner(200).publicKey, chain.signer.publicKey]) {
      const setup = await setUpRelay({ allow: allowOnly([entry]) })
      const writer = await setup.connect(testSigner(9), 'writer')
      await writer.send(authorityOf(other), { type: 'run', bytes: await other.run(1) })
      expect(typesOf(await writer.take())).toEqual(['ErrDenied', 'ErrProtocol'])
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
      code: 'ErrConnection',
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

async function listFiles(
  setup: Awaited<ReturnType<typeof setUpRelay>>,
  chain: TestChain,
): Promise<readonly string[]> {
  const closing = setup.relay.close()
  await setup.host.settle()
  await closing
  const device = setup.store.device(chain.shard)
  await device.acquire()
  const names = await device.list()
  await device.close()
  return names
}
