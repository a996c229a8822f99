/** An uploaded snapshot counts only when its root is the sealed one, then stands for the frames before it. */
import { describe, expect, it } from 'vitest'
import { toSeq } from '../../src/base/ids.ts'
import { concatBytes, equalBytes } from '../../src/bytes/compare.ts'
import { readSnapshot } from '../../src/pages/snapshot.ts'
import type { Envelope } from '../../src/transport/envelope.ts'
import { createTestChain, type TestChain } from './relay-chains.ts'
import {
  authorityOf,
  type Client,
  headsOf,
  type Setup,
  setUpRelay,
  typesOf,
  wantOf,
} from './relay-fixtures.ts'
import { PAGE_BYTES, snapshotOf, upload } from './relay-snapshots.ts'
import { testSigner } from './transport-fixtures.ts'

async function startWriter(setup: Setup, chain: TestChain, runs: number): Promise<Client> {
  const writer = await setup.connect(chain.signer, 'writer')
  await writer.send(headsOf(chain), authorityOf(chain))
  for (let index = 0; index < runs; index++) {
    await writer.send({ type: 'run', bytes: await chain.run(1, 2000) })
  }
  await writer.take()
  return writer
}

function joined(envelopes: readonly Envelope[]): Uint8Array {
  return concatBytes(
    ...envelopes.map((one) => (one.type === 'snapshot' ? one.bytes : new Uint8Array(0))),
  )
}

describe('snapshot', () => {
  it('stands for the frames before it: they go, it is served, and runs go on above it', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const writer = await startWriter(setup, chain, 5)
    const snapshot = await snapshotOf(chain, chain.head)
    await upload(writer, chain, snapshot)
    expect(await writer.take()).toMatchObject([{ type: 'receipt', receipt: { seq: 6n } }])
    await writer.send({ type: 'run', bytes: await chain.run(1) })
    await writer.take()

    const check = async (at: Setup): Promise<void> => {
      const follower = await at.connect(testSigner(50), 'follower')
      await follower.send(headsOf(chain))
      expect((await follower.take()).at(-1)).toMatchObject({
        first: 7n,
        heads: [{ position: chain.head }],
      })
      await follower.send(wantOf(chain, 1))
      expect(typesOf(await follower.take())).toEqual(['ErrUnavailable'])
      await follower.send({ type: 'want-snapshot', shard: chain.shard, seqMin: toSeq(6) })
      const parts = await follower.take()
      expect(equalBytes(joined(parts), snapshot)).toBe(true)
      expect(parts.map((part) => part.type === 'snapshot' && part.last)).toEqual([true])
      await follower.send(wantOf(chain, 7))
      expect(typesOf(await follower.take())).toEqual(['run'])
      await follower.send({ type: 'want-snapshot', shard: chain.shard, seqMin: toSeq(7) })
      expect(typesOf(await follower.take())).toEqual(['ErrUnavailable'])
    }
    await check(setup)
    await check(await setup.restart())
  })

  it('begins a shard at a relay that has none, and jumps over frames that never came', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    await chain.run(8)
    const writer = await setup.connect(chain.signer, 'writer')
    await writer.send(headsOf(chain), authorityOf(chain))
    await upload(writer, chain, await snapshotOf(chain, chain.head))
    expect((await writer.take()).at(-1)).toMatchObject({ type: 'receipt', receipt: { seq: 9n } })
    await writer.send({ type: 'run', bytes: await chain.run(1) })
    expect((await writer.take()).at(-1)).toMatchObject({ receipt: { seq: 10n } })
    await chain.run(5)
    await upload(writer, chain, await snapshotOf(chain, chain.head))
    expect((await writer.take()).at(-1)).toMatchObject({ receipt: { seq: 15n } })
    const after = await setup.restart()
    const follower = await after.connect(testSigner(50), 'follower')
    await follower.send(headsOf(chain))
    expect((await follower.take()).at(-1)).toMatchObject({
      first: 0n,
      heads: [{ position: chain.head }],
    })
  })

  it('keeps the frames above a snapshot that is older than the head', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const writer = await startWriter(setup, chain, 2)
    const at = chain.head
    await writer.send({ type: 'run', bytes: await chain.run(2) })
    await writer.take()
    await upload(writer, chain, await snapshotOf(chain, at))
    expect((await writer.take()).at(-1)).toMatchObject({ receipt: { seq: 5n } })
    const after = await setup.restart()
    const follower = await after.connect(testSigner(50), 'follower')
    await follower.send(headsOf(chain), wantOf(chain, 4))
    expect(typesOf(await follower.take())).toEqual(['authority', 'heads', 'run'])
    await follower.send({ type: 'want-snapshot', shard: chain.shard, seqMin: toSeq(3) })
    expect(typesOf(await follower.take())).toEqual(['snapshot'])
  })

  it('refuses one whose pages are not those of the root, and keeps every frame', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const writer = await startWriter(setup, chain, 3)
    const snapshot = await snapshotOf(chain, chain.head)
    snapshot[snapshot.length - 700] = (snapshot[snapshot.length - 700] as number) ^ 1
    await upload(writer, chain, snapshot)
    const [refused] = typesOf(await writer.take())
    expect(['ErrChecksum', 'ErrDiverged', 'ErrDecode']).toContain(refused)
    const follower = await setup.connect(testSigner(50), 'follower')
    await follower.send(headsOf(chain), wantOf(chain, 1))
    expect(typesOf(await follower.take())).toEqual(['authority', 'heads', 'run'])
  })

  it('refuses one that contradicts a stored frame, and one sealed by a stranger', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const writer = await startWriter(setup, chain, 1)
    const other = chain.fork()
    await other.run(1)
    await writer.send({ type: 'run', bytes: await chain.run(1) })
    await writer.take()
    await upload(writer, chain, await snapshotOf(other, other.head))
    expect(typesOf(await writer.take())).toEqual(['receipt', 'ErrForked'])
    expect(setup.relay.counters.forks).toBe(1)
    const stranger = await setup.connect(testSigner(9), 'writer')
    const forged = { ...chain, signer: testSigner(9) }
    await upload(stranger, chain, await snapshotOf(forged, chain.head))
    expect(typesOf(await stranger.take())).toEqual(['ErrAuthor'])
    expect(setup.relay.counters.snapshotsStored).toBe(0)
  })

  it('refuses one over the quota without keeping any of it, and parts out of order', async () => {
    const setup = await setUpRelay({ limits: { shardBytesMax: 400_000 } })
    const chain = createTestChain()
    const writer = await startWriter(setup, chain, 1)
    const before = setup.relay.status.totalBytes
    await upload(writer, chain, await snapshotOf(chain, chain.head, 1000))
    expect(typesOf(await writer.take())).toEqual(['ErrRelayFull'])
    expect(setup.relay.status.totalBytes).toBe(before)
    const snapshot = await snapshotOf(chain, chain.head)
    for (const index of [0, 2]) {
      await writer.send({
        type: 'snapshot',
        shard: chain.shard,
        index,
        last: false,
        bytes: snapshot.slice(0, 1000),
      })
    }
    expect(typesOf(await writer.take())).toContain('ErrProtocol')
  })

  it('leaves nothing of an upload whose connection broke', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const writer = await startWriter(setup, chain, 1)
    const snapshot = await snapshotOf(chain, chain.head)
    await writer.send({
      type: 'snapshot',
      shard: chain.shard,
      index: 0,
      last: false,
      bytes: snapshot.slice(0, 9000),
    })
    await setup.host.settle()
    setup.hub.cut()
    await setup.host.settle()
    const closing = setup.relay.close()
    await setup.host.settle()
    await closing
    const device = setup.store.device(chain.shard)
    await device.acquire()
    expect((await device.list()).filter((name) => name.startsWith('snapshot'))).toEqual([])
  })

  it('serves a snapshot that a follower can read and verify', async () => {
    const setup = await setUpRelay()
    const chain = createTestChain()
    const writer = await startWriter(setup, chain, 1)
    await upload(writer, chain, await snapshotOf(chain, chain.head, 3000))
    await writer.take()
    const follower = await setup.connect(testSigner(50), 'follower')
    await follower.send({ type: 'want-snapshot', shard: chain.shard, seqMin: toSeq(0) })
    const parts = await follower.take()
    expect(parts.length).toBeGreaterThan(2)
    let pages = 0
    const read = await readSnapshot(
      (async function* () {
        for (const part of parts) if (part.type === 'snapshot') yield part.bytes
      })(),
      {
        header: () => undefined,
        pages: (_, bytes) => {
          pages += bytes.length / PAGE_BYTES
        },
      },
    )
    expect(read.ok && pages).toBe(3000)
  })
})
