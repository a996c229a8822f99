/** A snapshot that a full disk leaves no room to begin a log segment for changes nothing: the relay neither
 *  acknowledges it, nor goes on behind it, nor finds its log damaged afterwards.
 *  Found by the simulator: seed 1, faults full and hand-over. */
import { expect, it } from 'vitest'
import type { RelayStore } from '../../src/relay/store.ts'
import { createFaultyDisk } from '../../src/storage/faulty.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { createTestChain } from './relay-chains.ts'
import { authorityOf, headsOf, receiptsIn, setUpRelay, typesOf } from './relay-fixtures.ts'
import { snapshotOf, upload } from './relay-snapshots.ts'

it('leaves the shard as it was when there is no room for the segment that names it', async () => {
  const host = createManualHost()
  const disk = createFaultyDisk()
  let isListed = false
  const store: RelayStore = {
    list: async () => {
      const shards = isListed ? [{ shard: chain.shard, sizeBytes: 1 }] : []
      isListed = true
      return shards
    },
    device: () => disk.device(host),
  }
  const chain = createTestChain()
  const setup = await setUpRelay({}, { host, store })
  const writer = await setup.connect(chain.signer, 'writer')
  await writer.send(headsOf(chain), authorityOf(chain))
  await writer.send({ type: 'run', bytes: await chain.run(1) })
  expect(receiptsIn(await writer.take())).toEqual(['2 durable'])

  await chain.run(3)
  disk.limitBytes(disk.sizeBytes + 30_000)
  await upload(writer, chain, await snapshotOf(chain, chain.head, 20)).catch(() => undefined)
  expect(receiptsIn(await writer.take())).toEqual([])

  disk.limitBytes(Number.POSITIVE_INFINITY)
  const again = await setup.connect(chain.signer, 'writer')
  await again.send(headsOf(chain))
  const heads = (await again.take()).find(({ type }) => type === 'heads')
  expect(heads).toMatchObject({ type: 'heads', first: 1n, heads: [{ position: { seq: 2n } }] })
  await again.send({ type: 'run', bytes: await chain.rerun(3, 5) })
  expect(receiptsIn(await again.take())).toEqual(['5 durable'])

  const restarted = await setup.restart()
  const later = await restarted.connect(chain.signer, 'writer')
  await later.send(headsOf(chain))
  const told = await later.take()
  expect(typesOf(told)).toContain('heads')
  expect(told.find(({ type }) => type === 'heads')).toMatchObject({
    heads: [{ position: { seq: 5n } }],
  })
})
