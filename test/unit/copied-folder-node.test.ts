/** Copies of one folder on Node, with the Node relay: both written they fork loudly; yesterday's backup adopts
 *  what it lacks before it writes. */

import { describe, expect, it } from 'vitest'
import { follow, publish } from '../../src/database/options.ts'
import type { Database } from '../../src/database/types.ts'
import { decodeSeal, verifySeal } from '../../src/frame/seal.ts'
import {
  arrived,
  copyFolder,
  failed,
  NOBODY,
  opened,
  published,
  publishing,
  reached,
  rows,
  withRelay,
} from './hands-fixtures.ts'

withRelay()

describe('a folder that was copied with its keys', () => {
  it('halts both writers and every follower, with both seals, over a restart', async () => {
    const address = await published('one')
    copyFolder('one', 'two')
    const copy = opened('one-copy', { sync: follow(address) })
    await reached(copy, ({ sync, seq }) => sync.state === 'live' && seq >= 3n)
    // Both write before either hears of the other; then both are connected.
    for (const [name, x] of [
      ['one', 10],
      ['two', 20],
    ] as const) {
      const offline = opened(name, { sync: publish({ via: [NOBODY] }) })
      await offline.run('INSERT INTO t VALUES (?)', [x])
      await offline.close()
    }
    const one = opened('one', { sync: publishing() })
    await one.ready
    await arrived(copy, 4n)
    const two = opened('two', { sync: publishing() })
    await two.ready
    const halted = await Promise.all([failed(one), failed(two), failed(copy)])
    for (const { failure } of halted) {
      expect(failure?.code).toBe('ErrForked')
      const seals = [failure?.facts['ours'], failure?.facts['theirs']]
      for (const bytes of seals) {
        const seal = decodeSeal(bytes as Uint8Array)
        expect(seal.ok && [seal.value.seq, verifySeal(seal.value)]).toEqual([4n, true])
      }
      expect(seals[0]).not.toEqual(seals[1])
    }
    for (const db of [one, two, copy]) await db.close()
    const again = opened('one-copy', { sync: follow(address) })
    await again.ready
    expect(again.status.failure?.facts).toEqual(halted[2].failure?.facts)
    // The relay has the first that it saw, for whoever begins now.
    const kept = await rows(again)
    expect([
      [1, 10],
      [1, 20],
    ]).toContainEqual(kept)
  })
})

describe('a copy that wrote without a relay', () => {
  /** Both wrote beside each other, the second without `sync`; the first and a follower are connected. */
  async function besides(name: string, writes: (two: Database) => Promise<unknown>) {
    const address = await published(name)
    copyFolder(name, `${name}-two`)
    const one = opened(name, { sync: publishing() })
    await one.run('INSERT INTO t VALUES (10)')
    await one.until('shared')
    const copy = opened(`${name}-copy`, { sync: follow(address) })
    await arrived(copy, 4n)
    const offline = opened(`${name}-two`, {})
    await writes(offline)
    await offline.close()
    // And once more, which finds what is in its log.
    const quiet = opened(`${name}-two`, {})
    await quiet.ready
    await quiet.close()
    return [one, copy, opened(`${name}-two`, { sync: publishing() })]
  }

  async function expectForked(all: readonly Database[]) {
    for (const { failure } of await Promise.all(all.map(failed))) {
      expect(failure?.code).toBe('ErrForked')
      const seals = [failure?.facts['ours'], failure?.facts['theirs']]
      for (const bytes of seals) {
        const seal = decodeSeal(bytes as Uint8Array)
        expect(seal.ok && verifySeal(seal.value)).toBe(true)
      }
      expect(seals[0]).not.toEqual(seals[1])
    }
  }

  it.each([
    ['as many frames as the other', 1],
    ['more than the other', 3],
  ])('has %s: everybody hears of the fork', async (_, count) => {
    const all = await besides(`quiet-${count}`, async (two) => {
      for (let x = 20; x < 20 + count; x++) await two.run('INSERT INTO t VALUES (?)', [x])
    })
    await expectForked(all)
  })

  it('so much that its log let the frames go, shows its head, and everybody hears of it', async () => {
    const all = await besides('loud', (two) =>
      two.run('INSERT INTO t VALUES (randomblob(12000000))'),
    )
    await expectForked(all)
  })
})

describe('yesterday’s backup of a writer', () => {
  it('adopts its own newer frames before its first write', async () => {
    const address = await published('yesterday')
    copyFolder('yesterday', 'restored')
    const original = opened('yesterday', { sync: publishing() })
    for (let x = 2; x <= 5; x++) await original.run('INSERT INTO t VALUES (?)', [x])
    await original.until('shared')
    const { seq } = original.status
    await original.close()

    const restored = opened('restored', { sync: publishing() })
    // At once, as a server does that was restarted; what is asked after it sees it.
    const writing = restored.run('INSERT INTO t VALUES (6)')
    expect(await rows(restored)).toEqual([1, 2, 3, 4, 5, 6])
    expect((await writing).seq).toBe(seq + 1n)
    await restored.until('shared')
    expect(restored.status.failure).toBeUndefined()
    const copy = opened('yesterday-copy', { sync: follow(address) })
    expect(await rows(copy)).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('adopts them from a snapshot where the relay has the frames no longer', async () => {
    const address = await published('folded')
    copyFolder('folded', 'unfolded')
    const original = opened('folded', { sync: publishing() })
    const other = opened('folded-copy', { sync: follow(address) })
    await original.run('INSERT INTO t VALUES (zeroblob(4000000))')
    // More than the image in frames: the writer uploads a snapshot, and the relay drops them.
    for (let round = 0; round < 4; round++) {
      await original.run('UPDATE t SET x = randomblob(4000000) WHERE x != 1')
    }
    await original.run('DELETE FROM t WHERE x != 1')
    await original.run('INSERT INTO t VALUES (2)')
    await reached(original, ({ sync }) => sync.counters['snapshots'] === 1)
    await original.until('shared')
    const { seq } = original.status
    await arrived(other, seq)
    await original.close()

    const restored = opened('unfolded', { sync: publishing() })
    const { seq: next } = await restored.run('INSERT INTO t VALUES (3)')
    expect(next).toBe(seq + 1n)
    expect(restored.status.sync.counters).toMatchObject({ adopted: 1, snapshots: 1 })
    expect(await rows(restored)).toEqual([1, 2, 3])
    await arrived(other, next)
    expect((await other.verify()).root).toBe((await restored.verify()).root)
  })

  it('adopts them before it migrates, and runs what they contain no second time', async () => {
    await published('older')
    copyFolder('older', 'older-restored')
    const known = ['CREATE TABLE a (x)', 'CREATE TABLE b (x)']
    const original = opened('older', { migrations: known, sync: publishing() })
    await original.run('INSERT INTO t VALUES (2)')
    await original.until('shared')
    const { seq } = original.status
    await original.close()
    const migrations = [...known, 'CREATE TABLE c (x)']
    const restored = opened('older-restored', { migrations, sync: publishing() })
    await restored.ready
    expect(restored.status.seq).toBe(seq + 1n)
    expect(await rows(restored)).toEqual([1, 2])
    await restored.until('shared')
    expect(restored.status.failure).toBeUndefined()
    const applied = await restored.all('SELECT number FROM constellite_migration')
    expect(applied).toHaveLength(3)
  })

  it('of which only the genesis was there adopts them before it imports', async () => {
    const begun = opened('begun', { sync: publishing() })
    await begun.ready
    await begun.close()
    copyFolder('begun', 'begun-restored')
    const original = opened('begun', { sync: publishing() })
    await original.exec('CREATE TABLE t (x)')
    const file = new Uint8Array(await (await original.export()).arrayBuffer())
    await original.until('shared')
    await original.close()
    const restored = opened('begun-restored', { import: file, sync: publishing() })
    await expect(restored.ready).rejects.toMatchObject({ code: 'ErrNotEmpty' })
    const again = opened('begun-restored', { sync: publishing() })
    expect(await rows(again)).toEqual([])
    expect(again.status.failure).toBeUndefined()
  })

  it('writes while no relay answers, and halts when one proves the fork later', async () => {
    await published('alone')
    copyFolder('alone', 'alone-restored')
    const original = opened('alone', { sync: publishing() })
    await original.run('INSERT INTO t VALUES (2)')
    await original.until('shared')
    await original.close()
    const offline = opened('alone-restored', { sync: publish({ via: [NOBODY] }) })
    await offline.run('INSERT INTO t VALUES (20)')
    await offline.close()
    const restored = opened('alone-restored', { sync: publishing() })
    expect((await failed(restored)).failure?.code).toBe('ErrForked')
    expect(await rows(restored)).toEqual([1, 20])
  })
})
