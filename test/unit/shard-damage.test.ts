/** Damage on the device is found when the page is first read: neither answered nor signed on top of. */

import { describe, expect, it } from 'vitest'
import { createMemoryDevice } from '../../src/storage/memory.ts'
import { commit, contents, drive, openOn, openWriter, PAGE_SIZE } from './shard-fixtures.ts'

async function damaged(
  damage: (bytes: {
    write(at: number, from: Uint8Array): void
    truncate(size: number): void
  }) => void,
) {
  const { shard, disk, host } = await openWriter()
  await commit(shard, { 1: 1, 2: 2, 3: 3 })
  await shard.close()
  disk.owner = undefined
  const file = disk.files.get('pages-0')
  if (file === undefined) throw new Error('the pages are there')
  damage(file)
  const again = await openOn(createMemoryDevice(host, disk), host)
  return { shard: again, host }
}

describe('a page that changed on the device', () => {
  it('is refused when it is read, by name, and halts the copy', async () => {
    const { shard } = await damaged((file) => file.write(PAGE_SIZE + 7, Uint8Array.of(99)))
    expect(shard.pages.image(1)[0]).toBe(1)
    expect(() => shard.pages.image(2)).toThrow(
      expect.objectContaining({ code: 'ErrCorrupt', facts: { pgno: 2 } }),
    )
    expect(shard.halted?.code).toBe('ErrCorrupt')
    await expect(commit(shard, { 1: 5 })).rejects.toMatchObject({ code: 'ErrCorrupt' })
  })

  it('that is missing because the file was cut is refused too', async () => {
    const { shard } = await damaged((file) => file.truncate(2 * PAGE_SIZE))
    expect(() => shard.pages.image(3)).toThrow(expect.objectContaining({ code: 'ErrCorrupt' }))
  })

  it('makes a verification differ instead of ending it', async () => {
    const { shard, host } = await damaged((file) => file.write(PAGE_SIZE, Uint8Array.of(99)))
    expect((await drive(host, shard.verify())).pages).toBe('differ')
  })

  it('is not confused with pages that later commits, snapshots and checkpoints change', async () => {
    const { shard, host } = await damaged(() => {})
    await commit(shard, { 2: 20 })
    expect(contents(shard)).toEqual([1, 20, 3])
    await drive(host, shard.checkpoint())
    await commit(shard, { 1: 11 }, 1)
    await commit(shard, { 1: 12 }, 3)
    expect(contents(shard)).toEqual([12, 0, 0])
    await drive(host, shard.checkpoint())
    expect((await drive(host, shard.verify())).pages).toBe('match')
  })
})
