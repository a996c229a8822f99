/** A relay stores what verifies, says so by receipt, and serves it without the writer. */
import { describe, expect, it } from 'vitest'
import { toSeq } from '../../src/base/ids.ts'
import { createTestChain } from './relay-chains.ts'
import {
  authorityOf,
  headsOf,
  publish,
  receiptsIn,
  runsIn,
  setUpRelay,
  typesOf,
  wantOf,
} from './relay-fixtures.ts'
import { testSigner } from './transport-fixtures.ts'

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
