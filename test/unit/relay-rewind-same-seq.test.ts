/** A hand-over that stands at the very seq of a relay's head, where the relay has a snapshot and no frames
 *  any more: the snapshot of the new writer is a rewind, not a fork; and the old writer's late snapshot is
 *  refused without ending its connection, so that it can ask who superseded it.
 *  Found by the simulator: seeds 189 and 261. */
import { expect, it } from 'vitest'
import { createTestChain } from './relay-chains.ts'
import { headsOf, publish, receiptsIn, setUpRelay, typesOf } from './relay-fixtures.ts'
import { snapshotOf, upload } from './relay-snapshots.ts'
import { testSigner } from './transport-fixtures.ts'

it('is taken at the seq of the stored head, and tells the old writer', async () => {
  const setup = await setUpRelay()
  const chain = createTestChain()
  const old = await publish(setup, chain, [2, 1])
  await upload(old, chain, await snapshotOf(chain, chain.head, 20))
  expect(receiptsIn(await old.take())).toEqual(['4 durable'])

  const heir = testSigner(2)
  const next = await chain.handOver(heir, 4)
  const writer = await setup.connect(heir, 'writer')
  await writer.send(headsOf(next))
  await writer.take()
  await upload(writer, next, await snapshotOf(next, next.head, 20, 1n))
  expect(receiptsIn(await writer.take())).toEqual(['4 durable'])

  await chain.run(1)
  await upload(old, chain, await snapshotOf(chain, chain.head, 20))
  expect(typesOf(await old.take())).toContain('ErrSuperseded')
  await old.send(headsOf(chain))
  expect(typesOf(await old.take())).toContain('authority')
})
