/** A log whose newest seal names another state than its pages is refused at open: the leaves do not fit, so
 *  every page is hashed, and then there is no doubt. */

import { describe, expect, it } from 'vitest'
import { signerFromSeed } from '../../src/crypto/signer-noble.ts'
import { createSeal } from '../../src/frame/seal.ts'
import { createMemoryDevice } from '../../src/storage/memory.ts'
import { openWal } from '../../src/wal/wal.ts'
import { cloneDisk, commit, drive, openOn, openWriter, seedOf } from './shard-fixtures.ts'

/** A log that ends with a well signed seal of a root that its pages do not have. */
async function forgedDisk(pageCount: number) {
  const { shard, disk, host } = await openWriter()
  const fills = Array.from({ length: pageCount }, (_, index) => [index + 1, (index % 250) + 1])
  await commit(shard, Object.fromEntries(fills))
  const forged = cloneDisk(disk)
  const honest = await shard.seal()
  if (honest === undefined) throw new Error('the head was sealed')
  const device = createMemoryDevice(host, forged)
  await device.acquire()
  const opened = await openWal({ host, device })
  const root = honest.root.map((byte) => byte ^ 1)
  const seal = await createSeal(signerFromSeed(seedOf(1)), { ...honest, root })
  opened?.wal.stage({ type: 'seal', seal })
  await opened?.wal.close()
  forged.owner = undefined
  return { host, disk: forged }
}

describe('a log whose newest seal has a forged root', () => {
  it('is refused without waiting for a turn, where the pages are few', async () => {
    const { host, disk } = await forgedDisk(2)
    await expect(openOn(createMemoryDevice(host, disk), host)).rejects.toMatchObject({
      code: 'ErrCorrupt',
      facts: { seq: 2n },
    })
    expect(host.deferredCount).toBe(0)
  })

  it('is refused once all pages are hashed, where they are many', async () => {
    const { host, disk } = await forgedDisk(1200)
    const opening = openOn(createMemoryDevice(host, disk), host)
    await expect(drive(host, opening)).rejects.toMatchObject({ code: 'ErrCorrupt' })
  })
})
