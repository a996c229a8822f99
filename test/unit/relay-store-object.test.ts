/** A relay's shards in the storage of one object: found again with their sizes, apart from whatever else the object
 *  keeps, and served after the object's machine died. */
import { expect, it } from 'vitest'
import { createDurableObjectStore } from '../../src/relay/store-durable-object.ts'
import { createDurableObjectDevice } from '../../src/storage/durable-object.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { createFakeObjectStorage, type FakeObjectStorage } from '../support/object-storage.ts'
import { createTestChain } from './relay-chains.ts'
import { headsOf, publish, receiptsIn, runsIn, setUpRelay, wantOf } from './relay-fixtures.ts'
import { testSigner } from './transport-fixtures.ts'

function storeOf(storage: FakeObjectStorage, host = createManualHost()) {
  return createDurableObjectStore(host, storage, { rowsWritten: 0 })
}

it('lists every shard with at least the bytes of its files, and nothing that is no shard', async () => {
  const host = createManualHost()
  const storage = createFakeObjectStorage()
  const other = createDurableObjectDevice(storage, { name: 'database', host })
  await other.acquire()
  const [file] = await other.open(['log-1'])
  file?.write(0, new Uint8Array(100_000).fill(1))
  await file?.sync()
  const store = storeOf(storage, host)
  expect(await store.list()).toEqual([])
  const shards = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
  for (const [index, shard] of shards.entries()) {
    const device = store.device(shard)
    await device.acquire()
    const files = await device.open(['log-1', 'snapshot-1.csnp', 'empty'])
    files[0]?.write(0, new Uint8Array(50_000 * (index + 1)).fill(3))
    files[1]?.write(0, Uint8Array.of(4))
    for (const it of files) await it.sync()
    await device.close()
  }
  const listed = await store.list()
  expect(listed.map(({ shard }) => shard[0]).sort()).toEqual([1, 2])
  for (const { shard, sizeBytes } of listed) {
    const written = 50_000 * (shard[0] ?? 0) + 1
    expect(sizeBytes).toBeGreaterThanOrEqual(written)
    // By whole chunks of two files.
    expect(sizeBytes).toBeLessThan(written + 2 * 32_768)
  }
})

it('has after a crash whatever was receipted, and serves it', async () => {
  const storage = createFakeObjectStorage()
  const chain = createTestChain()
  const host = createManualHost()
  const setup = await setUpRelay(
    { store: storeOf(storage, host) },
    { host, store: storeOf(storage) },
  )
  const writer = await publish(setup, chain, [2])
  await writer.send({ type: 'run', bytes: await chain.run(3) })
  expect(receiptsIn(await writer.take())).toEqual(['6 durable'])
  const after = await setUpRelay({ store: storeOf(storage.crash()) })
  expect(after.relay.status.shards).toBe(1)
  const follower = await after.connect(testSigner(50), 'follower')
  await follower.send(headsOf(chain), wantOf(chain, 1))
  expect(runsIn(await follower.take())).toEqual(['1-6'])
})
