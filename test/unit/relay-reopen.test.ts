/** A relay whose log failed opens the shard anew; whoever was connected before the failure is served from
 *  what is there now, not from the log that was given up.
 *  Found by the simulator: seed 60, a follower that was told an old head for ever. */
import { expect, it } from 'vitest'
import type { RelayStore } from '../../src/relay/store.ts'
import { createFaultyDisk } from '../../src/storage/faulty.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { createTestChain } from './relay-chains.ts'
import { authorityOf, headsOf, runsIn, setUpRelay, wantOf } from './relay-fixtures.ts'
import { testSigner } from './transport-fixtures.ts'

it.each(['write', 'sync'] as const)('serves on after a failed %s', async (kind) => {
  const host = createManualHost()
  const disk = createFaultyDisk()
  const store: RelayStore = { list: async () => [], device: () => disk.device(host) }
  const setup = await setUpRelay({}, { host, store })
  const chain = createTestChain()
  const writer = await setup.connect(chain.signer, 'writer')
  await writer.send(headsOf(chain), authorityOf(chain))
  await writer.send({ type: 'run', bytes: await chain.run(2) })
  await writer.take()
  const follower = await setup.connect(testSigner(50), 'follower')
  await follower.send(headsOf(chain), wantOf(chain, 1))
  expect(runsIn(await follower.take())).toEqual(['1-3'])

  if (kind === 'write') disk.failWrite(1)
  else disk.failSync(1)
  const bytes = await chain.run(1)
  await writer.send({ type: 'run', bytes })
  await writer.take()
  const again = await setup.connect(chain.signer, 'writer')
  await again.send(headsOf(chain), { type: 'run', bytes })
  await again.take()
  expect(runsIn(await follower.take())).toEqual(['4-4'])
})
