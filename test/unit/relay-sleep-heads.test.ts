/** What a relay says of its heads after a sleep: what it stores, and never what an old connection remembers. */
import { expect, it } from 'vitest'
import { createTestChain } from './relay-chains.ts'
import { authorityOf, headsOf, receiptsIn } from './relay-fixtures.ts'
import { createSleepWorld } from './relay-sleep-fixtures.ts'
import { testSigner } from './transport-fixtures.ts'

it('a writer that has long been silent does not make the relay forget what came after', async () => {
  const world = await createSleepWorld()
  const chain = createTestChain()
  const silent = await world.connect(chain.signer, 'writer')
  await silent.send(headsOf(chain), authorityOf(chain))
  await silent.send({ type: 'run', bytes: await chain.run(2) })
  await world.pass(5000)
  const old = chain.head
  const again = await world.connect(chain.signer, 'writer')
  await again.send(headsOf(chain, old))
  await again.send({ type: 'run', bytes: await chain.run(2) })
  expect(receiptsIn(await again.take())).toEqual(['5 durable'])
  await world.pass(5000)
  again.peer.close()
  await world.pass(5000)
  await world.sleepAndWake()
  const restored = await world.connect(chain.signer, 'writer')
  await restored.send(headsOf(chain, old))
  expect((await restored.take())[0]).toMatchObject({ heads: [{ position: chain.head }] })
})

it('a record that says anything about a head is not believed after a sleep', async () => {
  const world = await createSleepWorld()
  const chain = createTestChain()
  const writer = await world.connect(chain.signer, 'writer')
  await writer.send(headsOf(chain), authorityOf(chain))
  await writer.send({ type: 'run', bytes: await chain.run(2) })
  const follower = await world.connect(testSigner(50), 'follower')
  await follower.send(headsOf(chain, chain.head))
  await world.pass(5000)
  const kept = follower.kept.attachment?.slice()
  await writer.send({ type: 'run', bytes: await chain.run(2) })
  await world.pass(5000)
  writer.peer.close()
  await world.pass(1000)
  follower.kept.attachment = kept
  await world.sleepAndWake()
  const other = await world.connect(testSigner(51), 'follower')
  await other.send(headsOf(chain, chain.head))
  expect((await other.take())[0]).toMatchObject({ heads: [{ position: chain.head }] })
})
