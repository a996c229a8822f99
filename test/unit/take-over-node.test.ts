/** Taking over on Node, with real folders and the Node relay: a follower becomes the writer, the old one stops,
 *  keeps what it wrote beyond, and may follow. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { follow } from '../../src/database/options.ts'
import { readRunFile } from '../../src/frame/run-file.ts'
import { createIdentity } from '../../src/identity/create-identity.ts'
import {
  arrived,
  failed,
  folderOf,
  opened,
  published,
  publishing,
  reached,
  rows,
  withoutRelay,
  withRelay,
} from './hands-fixtures.ts'

withRelay()

describe('takeOver', () => {
  it('makes a follower the writer, and the old one stops, keeps its rest and follows', async () => {
    const identity = await createIdentity()
    const address = await published('old', identity.seed)
    const copy = opened('new', { sync: follow(address) })
    await reached(copy, ({ sync, seq }) => sync.state === 'live' && seq >= 3n)
    // Beyond what anybody else has.
    await withoutRelay(async () => {
      const offline = opened('old', { sync: publishing() })
      await offline.run('INSERT INTO t VALUES (2)')
      await offline.close()
    })
    await reached(copy, ({ sync }) => sync.state === 'live')

    expect(await copy.takeOver({ key: identity })).toEqual({ seq: 4n, cutOff: 0 })
    expect(copy.status.role).toBe('writer')
    await copy.run('INSERT INTO t VALUES (3)')
    await copy.until('shared')

    const old = opened('old', { sync: publishing() })
    const { failure } = await failed(old)
    expect(failure).toMatchObject({ code: 'ErrSuperseded', facts: { seq: 4n, epoch: 1n } })
    await expect(old.run('INSERT INTO t VALUES (4)')).rejects.toMatchObject({
      code: 'ErrSuperseded',
    })
    expect(await rows(old)).toEqual([1, 2])
    const name = String(failure?.facts['file'])
    const blob = await old.export({ file: name })
    const bytes = new Uint8Array(await blob.arrayBuffer())
    expect(bytes).toEqual(new Uint8Array(readFileSync(join(folderOf('old'), name))))
    const file = readRunFile(bytes)
    expect(file.ok && file.value.runs.map((run) => run.seal.seq)).toEqual([4n])
    await old.close()

    const followed = opened('old', { sync: follow(address) })
    await reached(followed, ({ seq, sync }) => seq >= 5n && sync.counters['rewound'] === 1)
    expect(await rows(followed)).toEqual([1, 3])
    expect(readRunFile(readFileSync(join(folderOf('old'), name))).ok).toBe(true)
    await copy.run('INSERT INTO t VALUES (5)')
    await arrived(followed, copy.status.seq)
    expect(await rows(followed)).toEqual([1, 3, 5])
    expect((await followed.verify()).root).toBe((await copy.verify()).root)

    // Back again, with the same options and the key that its folder does not keep.
    await copy.close()
    const back = await followed.takeOver({ key: identity.seed })
    expect(back.cutOff).toBe(0)
    await followed.run('INSERT INTO t VALUES (6)')
    await followed.until('shared')
    await followed.close()
    const again = opened('old', { sync: follow(address) })
    expect((await again.ready).role).toBe('writer')
    await again.run('INSERT INTO t VALUES (7)')
    await again.until('shared')
    expect((await again.verify()).ok).toBe(true)
    await again.close()
    const third = opened('old', { sync: publishing(), migrations: ['CREATE TABLE u (y)'] })
    await third.run('INSERT INTO u VALUES (1)')
    expect(await rows(third)).toEqual([1, 3, 5, 6, 7])
  })

  it('stops a writer that is connected and idle', async () => {
    const { seed } = await createIdentity()
    const address = await published('idle', seed)
    const writer = opened('idle', { sync: publishing() })
    await reached(writer, ({ sync }) => sync.state === 'live')
    const copy = opened('idle-copy', { sync: follow(address) })
    await copy.takeOver({ key: seed })
    const { failure, role } = await failed(writer)
    expect(failure).toMatchObject({ code: 'ErrSuperseded', facts: { seq: 4n } })
    expect(failure?.facts['file']).toBeUndefined()
    expect(role).toBe('writer')
    expect(copy.status.failure).toBeUndefined()
  })

  it('reaches a writer that is writing: what it had beyond is cut off and kept', async () => {
    const { seed } = await createIdentity()
    const address = await published('live', seed)
    const writer = opened('live', { sync: publishing() })
    const copy = opened('live-copy', { sync: follow(address) })
    await reached(copy, ({ sync, seq }) => sync.state === 'live' && seq >= 3n)
    let failure: unknown
    const writing = (async () => {
      for (let x = 10; x < 5000; x++) await writer.run('INSERT INTO t VALUES (?)', [x])
    })().catch((error) => {
      failure = error
    })
    await copy.takeOver({ key: seed, lossy: true })
    await copy.run('INSERT INTO t VALUES (2)')
    await writing
    expect(failure).toMatchObject({ code: 'ErrSuperseded' })
    expect(writer.status).toMatchObject({ state: 'open', failure: { code: 'ErrSuperseded' } })
    expect((await rows(writer)).length).toBeGreaterThan(0)
    expect((await copy.verify()).ok).toBe(true)
  })

  it('refuses with reasons: no key, a wrong key, the writer itself, no relay', async () => {
    const { seed } = await createIdentity()
    const address = await published('refusing', seed)
    const copy = opened('refusing-copy', { sync: follow(address) })
    await arrived(copy, 3n)
    await expect(copy.takeOver()).rejects.toMatchObject({ code: 'ErrIdentity' })
    const other = new Uint8Array(32).fill(7)
    await expect(copy.takeOver({ key: other })).rejects.toMatchObject({ code: 'ErrIdentity' })
    expect([...other]).toEqual(new Array(32).fill(7))
    await expect(copy.takeOver({ key: new Uint8Array(31) })).rejects.toMatchObject({
      code: 'ErrOption',
    })
    await expect(copy.takeOver({ force: true } as never)).rejects.toMatchObject({
      code: 'ErrOption',
    })
    const writer = opened('refusing', { sync: publishing() })
    await expect(writer.takeOver({ key: seed })).rejects.toMatchObject({ code: 'ErrRefused' })
    await copy.close()
    const alone = opened('refusing-copy', {})
    await expect(alone.takeOver({ key: seed })).rejects.toMatchObject({ code: 'ErrGap' })
    expect(alone.status.role).toBe('follower')
    expect(await alone.takeOver({ key: seed, lossy: true })).toEqual({ seq: 4n, cutOff: 0 })
    await alone.run('INSERT INTO t VALUES (2)')
    expect(await rows(alone)).toEqual([1, 2])
  })
})
