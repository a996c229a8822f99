/** Changing hands on Node, with real folders and the Node relay: a follower becomes the writer, the old one
 *  stops and may follow; a copied folder forks loudly; a restored backup adopts what it lacks. */

import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { follow, publish } from '../../src/database/options.ts'
import type { Database, Status } from '../../src/database/types.ts'
import { readRunFile } from '../../src/frame/run-file.ts'
import { decodeSeal, verifySeal } from '../../src/frame/seal.ts'
import { createIdentity } from '../../src/identity/create-identity.ts'
import { createNodeHost } from '../../src/platform/host-node.ts'
import { open } from '../../src/platform/node.ts'
import { type RunningRelay, startRelay } from '../../src/relay/server-node.ts'
import { websocket } from '../../src/transport/websocket.ts'

const directory = mkdtempSync(join(tmpdir(), 'constellite-hands-'))
const pathOf = (name: string): string => join(directory, name)
const folderOf = (name: string): string => `${pathOf(name)}.constellite`
let relay: RunningRelay

async function beginRelay(port: number): Promise<void> {
  relay = await startRelay({ runtime: createNodeHost(), dir: join(directory, 'relay'), port })
}

beforeAll(() => beginRelay(0))
afterAll(async () => {
  await relay.close()
  rmSync(directory, { recursive: true, force: true })
})

/** Nothing listens there. */
const NOBODY = websocket('ws://127.0.0.1:9')
const publishing = () => publish({ via: [websocket(relay.url)] })

function opened(name: string, options: Parameters<typeof open>[1]): Database {
  const db = open(pathOf(name), options)
  onTestFinished(() => db.close())
  return db
}

function reached(db: Database, isReached: (status: Status) => boolean): Promise<Status> {
  return new Promise((resolve) => {
    const look = (status: Status): void => {
      if (!isReached(status)) return
      // The listener may be called before it can be stopped.
      Promise.resolve().then(() => stop())
      resolve(status)
    }
    const stop = db.onStatus(look)
    look(db.status)
  })
}

const failed = (db: Database) => reached(db, ({ failure }) => failure !== undefined)
const arrived = (db: Database, seq: bigint) => reached(db, (status) => status.seq >= seq)

function copyFolder(from: string, to: string): void {
  cpSync(folderOf(from), folderOf(to), { recursive: true })
}

const rows = async (db: Database) => (await db.all('SELECT x FROM t ORDER BY x')).map(({ x }) => x)

/** A writer of a table with one row, which is shared and closed again. */
async function published(name: string, identity?: Uint8Array): Promise<string> {
  const db = opened(name, { sync: publishing(), ...(identity === undefined ? {} : { identity }) })
  const { address } = await db.ready
  await db.exec('CREATE TABLE t (x)')
  await db.run('INSERT INTO t VALUES (1)')
  await db.until('shared')
  await db.close()
  return address
}

describe('takeOver', () => {
  it('makes a follower the writer, and the old one stops, keeps its rest and follows', async () => {
    const identity = await createIdentity()
    const address = await published('old', identity.seed)
    const copy = opened('new', { sync: follow(address) })
    await reached(copy, ({ sync, seq }) => sync.state === 'live' && seq >= 3n)
    // Beyond what anybody else has.
    const { port } = new URL(relay.url)
    await relay.close()
    const offline = opened('old', { sync: publishing() })
    await offline.run('INSERT INTO t VALUES (2)')
    await offline.close()
    await beginRelay(Number(port))
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
