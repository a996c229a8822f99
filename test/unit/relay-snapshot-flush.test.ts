/** A flush that fails while an uploaded snapshot is taken may have written all the same: whatever of it survives,
 *  the shard opens again, and what the log names is there.
 *  Found by test/unit/relay-crash.test.ts, seed 42. */
import { expect, it } from 'vitest'
import type { RelayStore } from '../../src/relay/store.ts'
import { createFaultyDisk } from '../../src/storage/faulty.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { createTestChain } from './relay-chains.ts'
import { authorityOf, headsOf, receiptsIn, setUpRelay, typesOf } from './relay-fixtures.ts'
import { snapshotOf, upload } from './relay-snapshots.ts'

/** Flushes of one upload, of which each fails once. */
const FLUSHES = 8

it('opens again whichever flush of the upload failed, and whether or not its bytes survived', async () => {
  const reached = new Set<bigint>()
  for (let nth = 1; nth <= FLUSHES; nth++) {
    for (const survives of [true, false]) {
      const host = createManualHost()
      const disk = createFaultyDisk()
      const chain = createTestChain()
      const storeOn = (on: typeof disk, isListed: boolean): RelayStore => ({
        list: async () => (isListed ? [{ shard: chain.shard, sizeBytes: 1 }] : []),
        device: () => on.device(host),
      })
      const setup = await setUpRelay({}, { host, store: storeOn(disk, false) })
      const writer = await setup.connect(chain.signer, 'writer')
      await writer.send(headsOf(chain), authorityOf(chain))
      await writer.send({ type: 'run', bytes: await chain.run(1) })
      expect(receiptsIn(await writer.take())).toEqual(['2 durable'])
      await chain.run(3)
      disk.failSync(nth)
      await upload(writer, chain, await snapshotOf(chain, chain.head, 20)).catch(() => undefined)
      await writer.take()
      const later = disk.crash(() => survives)
      const again = await setUpRelay({}, { host, store: storeOn(later, true) })
      const reader = await again.connect(chain.signer, 'writer')
      await reader.send(headsOf(chain))
      const told = await reader.take()
      expect([nth, survives, typesOf(told)]).toEqual([nth, survives, ['authority', 'heads']])
      const heads = told.find((envelope) => envelope.type === 'heads')
      reached.add(heads?.type === 'heads' ? (heads.heads[0]?.position.seq ?? 0n) : 0n)
    }
  }
  expect([...reached].sort()).toEqual([2n, 5n])
})
