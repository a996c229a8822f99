/** Import of a foreign file's pages: one control frame, all or nothing. */

import { describe, expect, it } from 'vitest'
import { PAGE_COUNT_MAX } from '../../src/pages/layout.ts'
import { createMemoryDevice } from '../../src/storage/memory.ts'
import {
  commit,
  contents,
  drive,
  openFollower,
  openOn,
  openWriter,
  PAGE_SIZE,
} from './shard-fixtures.ts'

describe('an import', () => {
  const source = (fills: readonly number[]) => ({
    pageSize: PAGE_SIZE,
    pageCount: fills.length,
    readPage: (pgno: number, into: Uint8Array) => {
      into.fill(fills[pgno - 1] as number)
    },
  })

  it('enters as one control frame, survives a restart and reaches a follower as a snapshot', async () => {
    const { shard, disk, host } = await openWriter()
    await shard.importPages(source([4, 5, 6]))
    expect(shard.head.seq).toBe(2n)
    await commit(shard, { 2: 50 })
    disk.owner = undefined
    const again = await openOn(createMemoryDevice(host, disk), host)
    expect(contents(again)).toEqual([4, 50, 6])
    const { shard: copy, host: copyHost } = await openFollower(again)
    await copy.install(await again.snapshot())
    expect(contents(copy)).toEqual([4, 50, 6])
    expect((await drive(copyHost, copy.verify())).pages).toBe('match')
  })

  it('is refused where frames are, and leaves nothing behind when it is aborted', async () => {
    const { shard } = await openWriter()
    const abort = new AbortController()
    const aborted = {
      ...source([1, 2, 3]),
      signal: abort.signal,
      readPage: () => {
        abort.abort(new Error('enough'))
        throw abort.signal.reason
      },
    }
    await expect(shard.importPages(aborted)).rejects.toThrow('enough')
    expect(shard.head.seq).toBe(1n)
    await commit(shard, { 1: 1 })
    await expect(shard.importPages(source([1]))).rejects.toMatchObject({ code: 'ErrNotEmpty' })
    expect(contents(shard)).toEqual([1])
  })

  it('lets timers run between its runs of pages, and stops when one of them fires its signal', async () => {
    const { shard, host, disk } = await openWriter()
    const pageSize = 65_536
    const runs = 8
    const pagesPerRun = 1_048_576 / pageSize
    const reads: number[] = []
    const abort = new AbortController()
    let isTimeShort = false
    const importing = shard.importPages({
      pageSize,
      pageCount: runs * pagesPerRun,
      signal: abort.signal,
      readPage: (pgno, into) => {
        reads.push(pgno)
        into.fill(pgno)
      },
      // A deadline that is over while the third run is copied; its timer needs a turn to fire.
      onProgress: (fraction) => {
        if (fraction < 3 / runs || isTimeShort) return
        isTimeShort = true
        host.setTimer(0, () => abort.abort(new Error('too slow')))
      },
    })
    let isDone = false
    const settled = expect(importing.finally(() => (isDone = true))).rejects.toMatchObject({
      code: 'ErrAborted',
      cause: new Error('too slow'),
    })
    while (!isDone) {
      // One turn of the loop: what was deferred, then what is due, then what they set off.
      host.advanceNow(1)
      for (let step = 0; step < 100; step++) await Promise.resolve()
    }
    await settled
    expect(reads.length).toBe(3 * pagesPerRun)
    expect(shard.head.seq).toBe(1n)
    expect([...disk.files.keys()].filter((name) => name.endsWith('-1'))).toEqual([])
    const again = shard.importPages(source([4, 5]))
    await drive(host, again)
    expect(contents(shard)).toEqual([4, 5])
  })

  it('of more pages than are supported is refused before one is read', async () => {
    const { shard } = await openWriter()
    let reads = 0
    const huge = { ...source([]), pageCount: PAGE_COUNT_MAX + 1, readPage: () => void reads++ }
    await expect(shard.importPages(huge)).rejects.toMatchObject({ code: 'ErrTooLarge' })
    expect(reads).toBe(0)
  })

  it('is refused when something was committed while its file was read', async () => {
    const { shard } = await openWriter()
    const racing = {
      ...source([1, 2, 3]),
      readPage: async (pgno: number, into: Uint8Array) => {
        into.fill(pgno)
        if (pgno === 2) await commit(shard, { 1: 9 })
      },
    }
    await expect(shard.importPages(racing)).rejects.toMatchObject({ code: 'ErrNotEmpty' })
    expect(contents(shard)).toEqual([9])
  })
})
