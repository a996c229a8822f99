/** A full device refuses commits and seals and harms nothing: the writer goes on by itself when there is room.
 *  Found by the simulator: a seal that had no room halted its writer until it was opened again. */

import { expect, it } from 'vitest'
import { isFailure } from '../../src/base/failure.ts'
import { createFaultyDisk } from '../../src/storage/faulty.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { commit, drive, openOn } from './shard-fixtures.ts'

/** Commits and seals until one of them is refused; answers which. */
async function fillUp(pagesFirst: number): Promise<'commit' | 'seal'> {
  const host = createManualHost()
  const disk = createFaultyDisk()
  const shard = await drive(host, openOn(disk.device(host), host))
  await drive(host, commit(shard, { [pagesFirst]: 1 }))
  disk.limitBytes(disk.sizeBytes)
  let refused: 'commit' | 'seal' | undefined
  for (let fill = 2; refused === undefined; fill++) {
    expect(fill).toBeLessThan(2000)
    const outcome = await drive(host, commit(shard, { 1: fill % 250 })).catch((it: unknown) => it)
    if (isFailure(outcome)) refused = 'commit'
    else if (isFailure(await drive(host, shard.seal()).catch((it: unknown) => it))) refused = 'seal'
  }
  expect(shard.halted).toBeUndefined()
  disk.limitBytes(Number.POSITIVE_INFINITY)
  const { seq } = await drive(host, commit(shard, { 1: 255 }))
  expect((await drive(host, shard.seal()))?.seq).toBe(seq)
  return refused
}

it('also when it is the seal that has no room', async () => {
  const refused: string[] = []
  while (!refused.includes('seal') && refused.length < 8)
    refused.push(await fillUp(refused.length + 1))
  expect(refused.at(-1)).toBe('seal')
})
