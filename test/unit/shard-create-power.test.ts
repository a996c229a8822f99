/** A database whose making was cut short, by a failing disk or by power loss at any step, can be made again:
 *  it opens as the writer of a genesis, never as a follower of a shard that nobody has.
 *  Found by the simulator: seed 57, `--only full --ticks 2`. */

import { expect, it } from 'vitest'
import { createFaultyDisk } from '../../src/storage/faulty.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { createRandom } from '../../src/testing/random.ts'
import { commit, drive, openOn } from './shard-fixtures.ts'

const DRAWS = 4

it.each(['write', 'sync'] as const)('every failing %s of a making', async (kind) => {
  let isComplete = false
  for (let step = 1; !isComplete; step++) {
    expect(step).toBeLessThan(50)
    for (let draw = 0; draw < DRAWS; draw++) {
      const where = `${kind} ${step}, draw ${draw}`
      const host = createManualHost({ seed: step })
      const disk = createFaultyDisk()
      if (kind === 'write') disk.failWrite(step, draw * 100)
      else disk.failSync(step)
      isComplete = await drive(host, openOn(disk.device(host), host)).then(
        () => true,
        () => false,
      )
      const random = createRandom(step * 10 + draw)
      const cut = disk.crash(() => draw === 1 || (draw > 1 && random.chance(0.5)))
      const shard = await drive(host, openOn(cut.device(host), host))
      expect([shard.role, shard.head.seq], where).toEqual(['writer', 1n])
      await drive(host, commit(shard, { 1: 1 }))
    }
  }
})
