/** A network that loses, repeats, delays, reorders, flips and cuts: once it heals, everybody catches up.
 *  Each seed is one run of it, the same every time; a failing one says its number. */

import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { allowAll } from '../../src/relay/allow.ts'
import { createRelay } from '../../src/relay/relay.ts'
import { createMemoryDevice, createMemoryDisk } from '../../src/storage/memory.ts'
import { createRandom } from '../../src/testing/random.ts'
import { createMemoryStore } from './relay-fixtures.ts'
import { createWorld, isSame, RELAY_SIGNER, URL_ONE } from './replication-fixtures.ts'
import { commit, contents, drive, openOn, openWriter } from './shard-fixtures.ts'

const SEEDS = 15
const ROUNDS = 12
/** Silence and stalls are noticed after at most a minute each; a redial may wait another half. */
const HEALED_MS = 300_000

async function runSeed(seed: number): Promise<void> {
  const world = createWorld(seed)
  const { host, hub } = world
  const random = createRandom(seed)
  const store = createMemoryStore(host)
  const relay = await createRelay({ host, signer: RELAY_SIGNER, allow: allowAll, store })
  hub.listen(URL_ONE, (socket) => {
    relay.accept(socket, { binding: 'relay.example' }).catch(() => undefined)
  })
  const { shard: writer } = await openWriter(host)
  const disks = [createMemoryDisk('one'), createMemoryDisk('two')]
  const copies = await Promise.all(
    disks.map((disk) =>
      openOn(createMemoryDevice(host, disk), host, { seed: 2, follow: writer.id }),
    ),
  )
  const publishing = world.sync(writer, 'writer')
  for (const [index, copy] of copies.entries()) world.sync(copy, 'follower', { seed: 2 + index })
  hub.setFaults({
    loss: random.below(4) / 20,
    duplicate: random.below(4) / 20,
    flip: random.below(3) / 30,
    reorder: random.below(4) / 10,
    delayMinMs: random.below(20),
    delayMaxMs: 20 + random.below(300),
  })
  for (let round = 1; round <= ROUNDS; round++) {
    await commit(writer, { [1 + random.below(6)]: round })
    if (random.below(4) === 0) await drive(host, writer.checkpoint())
    if (random.below(5) === 0) hub.cut()
    await host.advance(random.below(4_000))
  }
  hub.setFaults({})
  const isHealed = await world.until(
    () => publishing.status.pending === 0 && copies.every((copy) => isSame(writer, copy)),
    HEALED_MS,
  )
  const report = {
    seed,
    syncs: world.syncs.map(({ status }) => status),
    copies: copies.map(({ head }) => head.seq),
  }
  expect(isHealed, inspect(report, { depth: 4 })).toBe(true)
  for (const copy of copies) {
    expect(contents(copy), `seed ${seed}`).toEqual(contents(writer))
    expect(copy.halted, `seed ${seed}`).toBeUndefined()
  }
  expect(writer.halted, `seed ${seed}`).toBeUndefined()
  await world.close()
  await drive(host, relay.close())
}

describe('a bad network that heals', () => {
  it(`leaves writer, relay and followers in step (${SEEDS} seeds)`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) await runSeed(seed)
  }, 120_000)
})
