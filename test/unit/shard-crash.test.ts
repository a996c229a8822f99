/** Power cuts between any two writes: a recovered copy is a prefix of what was committed, it has all that
 *  was flushed, its pages fit its seal, and it goes on.  Each case is a seed; a failing one prints it. */

import { describe, expect, it } from 'vitest'
import { createFaultyDisk, type FaultyDisk } from '../../src/storage/faulty.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { createRandom, type Random } from '../../src/testing/random.ts'
import {
  catchUp,
  contents,
  drive,
  openFollower,
  openOn,
  PAGE_SIZE,
  page,
  snapshotBytes,
  stream,
} from './shard-fixtures.ts'

const SEEDS = 60
const STEPS = 30

type Model = { readonly states: string[]; durable: number }

describe('power cuts', () => {
  it(`lose nothing that was flushed and show nothing half (${SEEDS} seeds)`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) await runSeed(seed)
  })
})

async function runSeed(seed: number): Promise<void> {
  const random = createRandom(seed)
  const host = createManualHost({ seed })
  // Half of the disks sync later, so that commits come while a flush is under way.
  let disk: FaultyDisk = createFaultyDisk(seed % 2 === 0 ? { syncDelayMs: 3 } : {})
  let shard = await drive(host, openOn(disk.device(host), host))
  let model: Model = { states: [JSON.stringify([])], durable: 0 }
  for (let step = 0; step < STEPS; step++) {
    const choice = random.below(10)
    try {
      if (choice < 6) commitRandom(shard, random, model)
      else if (choice < 8) {
        const flushed = model.states.length - 1
        const flushing = shard.flush()
        if (choice === 7) commitRandom(shard, random, model)
        await drive(host, flushing)
        model.durable = flushed
      } else if (choice === 8) {
        await drive(host, shard.checkpoint())
        model.durable = model.states.length - 1
      } else {
        if (random.below(2) === 0) disk.failWrite(1 + random.below(4))
        await drive(host, shard.checkpoint()).catch(() => undefined)
        disk = disk.crash(() => random.below(2) === 0)
        shard = await drive(host, openOn(disk.device(host), host))
        const now = JSON.stringify(contents(shard))
        const index = model.states.indexOf(now, model.durable)
        expect(index, `seed ${seed} step ${step}: ${now}`).toBeGreaterThanOrEqual(model.durable)
        expect((await drive(host, shard.verify())).pages, `seed ${seed} step ${step}`).toBe('match')
        model = { states: [now], durable: 0 }
      }
    } catch (error) {
      throw new Error(`seed ${seed} step ${step} failed`, { cause: error })
    }
  }
  await drive(host, shard.flush())
  const { shard: copy, host: copyHost } = await openFollower(shard)
  if ((shard.range()?.first ?? 0n) === 1n) await drive(copyHost, catchUp(shard, copy))
  else await drive(copyHost, copy.install(stream(await drive(host, snapshotBytes(shard)))))
  expect(contents(copy), `seed ${seed}`).toEqual(contents(shard))
}

function commitRandom(
  shard: Awaited<ReturnType<typeof openOn>>,
  random: Random,
  model: Model,
): void {
  const before = shard.pages.pageCount(shard.pages.version)
  const pageCount = Math.max(1, before + random.below(5) - 2)
  const changes = new Map<number, Uint8Array>()
  for (let index = 0; index <= random.below(4); index++) {
    const image = page(random.below(256))
    changes.set(1 + random.below(pageCount), image)
  }
  const head = shard.head.seq
  shard.commit({ changes, pageCount, pageSize: PAGE_SIZE, tables: ['t'] })
  if (shard.head.seq !== head) model.states.push(JSON.stringify(contents(shard)))
}
