/** Snapshot of a shard: the pages at a seal, while writing and folding go on beside it. */

import { describe, expect, it } from 'vitest'
import { createFaultyDisk } from '../../src/storage/faulty.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { createRandom } from '../../src/testing/random.ts'
import {
  commit,
  contents,
  drive,
  openFollower,
  openOn,
  openWriter,
  PAGE_SIZE,
  page,
  stream,
} from './shard-fixtures.ts'

const CAP_BYTES = 100_000

describe('a snapshot', () => {
  it('has the pages of its seal, whatever is committed and folded while it is read', async () => {
    const { shard: writer } = await openWriter()
    await commit(writer, { 1: 1, 2: 2, 3: 3 })
    const parts = await writer.snapshot()
    await commit(writer, { 1: 50 })
    await commit(writer, { 2: 60 }, 2)
    await writer.checkpoint()
    const taken: Uint8Array[] = []
    for await (const part of parts) taken.push(part.slice())
    const { shard: copy } = await openFollower(writer)
    await copy.install(stream(...taken))
    expect(contents(copy)).toEqual([1, 2, 3])
    expect(contents(writer)).toEqual([50, 60])
  })

  it('lets commits go on while it waits, and folds nothing beside them', async () => {
    const host = createManualHost()
    const disk = createFaultyDisk({ syncDelayMs: 3 })
    const opening = openOn(disk.device(host), host, { wal: { capBytes: CAP_BYTES } })
    const writer = await drive(host, opening)
    const commitOne = (image: Uint8Array) =>
      writer.commit({
        changes: new Map([[1, image]]),
        pageCount: 1,
        pageSize: PAGE_SIZE,
        tables: [],
      })
    // More than half of the cap: folding is due at the next flush of whoever may fold.  Noise has no delta.
    for (let number = 1; number <= 110; number++) commitOne(createRandom(number).bytes(PAGE_SIZE))
    const waiting = writer.snapshot()
    let hasEnded = false
    waiting.finally(() => {
      hasEnded = true
    })
    for (let turn = 0; turn < 30 && !hasEnded; turn++) {
      await host.advance(1)
      if (turn < 10) commitOne(page(150 + turn))
    }
    await drive(host, waiting)
    expect(writer.logUse.sizeBytes).toBeGreaterThan(CAP_BYTES / 2)
    await drive(host, writer.flush())
    expect(writer.logUse.sizeBytes).toBeLessThan(CAP_BYTES / 2)
    expect(contents(writer)).toEqual([159])
  })

  it('of a copy that has nothing yet is refused', async () => {
    const { shard: writer } = await openWriter()
    const { shard: copy } = await openFollower(writer)
    await expect(copy.snapshot()).rejects.toMatchObject({ code: 'ErrUnavailable' })
  })
})
