/** A relay whose disk is full while it closes an idle shard gives the shard's device up all the same, and
 *  serves the shard again to whoever asks.  Found by the simulator (seed 1015): the shard was refused as in
 *  use by the relay itself until the process ended. */
import { expect, it } from 'vitest'
import { createFaultyDisk } from '../../src/storage/faulty.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { createTestChain } from './relay-chains.ts'
import { headsOf, publish, setUpRelay, typesOf } from './relay-fixtures.ts'
import { testSigner } from './transport-fixtures.ts'

const IDLE_MS = 1000

it('serves a shard again that it closed while its disk was full', async () => {
  const host = createManualHost()
  const disk = createFaultyDisk()
  const chain = await createTestChain()
  const store = { list: async () => [], device: () => disk.device(host) }
  const setup = await setUpRelay({ limits: { idleMs: IDLE_MS } }, { host, store })
  const writer = await publish(setup, chain, [3])
  disk.limitBytes(0)
  writer.peer.close()
  await host.advance(IDLE_MS + 100)
  expect(setup.relay.status.openShards).toBe(0)
  disk.limitBytes(Number.POSITIVE_INFINITY)

  const follower = await setup.connect(testSigner(50), 'follower')
  await follower.send(headsOf(chain))
  expect(typesOf(await follower.take())).toContain('heads')
})
