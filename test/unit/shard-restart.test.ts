/** Restart: what a copy holds after it is opened again, without a close, is what it held. */

import { describe, expect, it } from 'vitest'
import { createMemoryDevice } from '../../src/storage/memory.ts'
import {
  catchUp,
  cloneDisk,
  commit,
  contents,
  drive,
  openFollower,
  openOn,
  openWriter,
  PAGE_SIZE,
} from './shard-fixtures.ts'

describe('a follower that restarts', () => {
  it('replays a run of several commits, each over the one before it', async () => {
    const { shard: writer } = await openWriter()
    await commit(writer, { 1: 1, 2: 2 })
    // Runs of bytes over a page that an earlier commit of the same sealed run has made.
    for (const [at, value] of [
      [10, 7],
      [300, 8],
      [10, 9],
    ] as const) {
      const image = writer.pages.image(1).slice()
      image[at] = value
      writer.commit({
        changes: new Map([[1, image]]),
        pageCount: 2,
        pageSize: PAGE_SIZE,
        tables: [],
      })
    }
    // Cut off, then back and unwritten: zeros.
    await commit(writer, { 1: 5 }, 1)
    await commit(writer, { 3: 33 })
    const regrown = new Uint8Array(PAGE_SIZE)
    regrown[200] = 4
    writer.commit({
      changes: new Map([[2, regrown]]),
      pageCount: 3,
      pageSize: PAGE_SIZE,
      tables: [],
    })
    await writer.flush()
    const { shard: copy, disk, host } = await openFollower(writer)
    await catchUp(writer, copy)
    expect(copy.head.seq).toBe(writer.head.seq)
    disk.owner = undefined
    const { shard: again } = await openFollower(writer, host, disk)
    expect(contents(again)).toEqual(contents(writer))
    expect((await drive(host, again.verify())).pages).toBe('match')
  })
})

describe('a device that damaged a page', () => {
  it('is refused with ErrCorrupt where the pages are hashed at open', async () => {
    const { shard, disk, host } = await openWriter()
    await commit(shard, { 1: 1, 2: 2, 3: 3 })
    await drive(host, shard.close())
    disk.owner = undefined
    disk.files.get('leaves-0')?.truncate(0)
    const clean = cloneDisk(disk)
    disk.files.get('pages-0')?.write(PAGE_SIZE + 7, Uint8Array.of(99))
    const opening = openOn(createMemoryDevice(host, disk), host)
    await expect(drive(host, opening)).rejects.toMatchObject({ code: 'ErrCorrupt' })
    const again = await drive(host, openOn(createMemoryDevice(host, clean), host))
    expect(contents(again)).toEqual([1, 2, 3])
  })
})

describe('a copy whose log was deleted', () => {
  it('is not begun anew over its pages', async () => {
    const { shard, disk, host } = await openWriter()
    await commit(shard, { 1: 1 })
    await shard.close()
    disk.owner = undefined
    for (const name of disk.files.keys()) if (name.startsWith('log-')) disk.files.delete(name)
    const opening = openOn(createMemoryDevice(host, disk), host)
    await expect(opening).rejects.toMatchObject({ code: 'ErrCorrupt', facts: { file: 'pages-0' } })
  })
})
