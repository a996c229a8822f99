/** A write that fails while a commit makes room in the log halts the shard, as a failed flush does: nobody
 *  goes on in the belief that only this one commit was refused.
 *  Found by the simulator: seed 75, a writer that was live and refused every commit. */

import { expect, it } from 'vitest'
import { createFaultyDisk } from '../../src/storage/faulty.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { drive, openOn, PAGE_SIZE } from './shard-fixtures.ts'

it('halts loudly, and recovers when it is opened again', async () => {
  const host = createManualHost()
  const disk = createFaultyDisk()
  const shard = await drive(host, openOn(disk.device(host), host))
  const halts: string[] = []
  shard.onHalt(({ code }) => halts.push(code))
  disk.failWrite(1)
  const changes = new Map([[1, new Uint8Array(PAGE_SIZE).fill(1)]])
  const commit = (): unknown =>
    shard.commit({ changes, pageCount: 1, pageSize: PAGE_SIZE, tables: [] })
  // The first commit makes room for itself.
  expect(commit).toThrow(expect.objectContaining({ code: 'ErrPoisoned' }))
  expect(halts).toEqual(['ErrPoisoned'])
  const cut = disk.crash(() => true)
  const again = await drive(host, openOn(cut.device(host), host))
  expect([again.head.seq, again.halted]).toEqual([1n, undefined])
})
