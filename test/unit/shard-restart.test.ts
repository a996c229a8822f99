/** Restart: what a copy holds after it is opened again, without a close, is what it held. */

import { describe, expect, it } from 'vitest'
import {
  catchUp,
  commit,
  contents,
  drive,
  openFollower,
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
    const { shard: copy, disk, host } = await openFollower(writer)
    await catchUp(writer, copy)
    expect(copy.head.seq).toBe(writer.head.seq)
    disk.owner = undefined
    const { shard: again } = await openFollower(writer, host, disk)
    expect(contents(again)).toEqual(contents(writer))
    expect((await drive(host, again.verify())).pages).toBe('match')
  })
})
