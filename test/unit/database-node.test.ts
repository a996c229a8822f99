import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { follow, publish, type TransportDescriptor } from '../../src/database/options.ts'
import { createIdentity } from '../../src/identity/create-identity.ts'
import { createNodeHost } from '../../src/platform/host-node.ts'
import { open } from '../../src/platform/node.ts'
import { type RunningRelay, startRelay } from '../../src/relay/server-node.ts'
import { websocket } from '../../src/transport/websocket.ts'
import { rejection } from './database-fixtures.ts'

const directory = mkdtempSync(join(tmpdir(), 'constellite-node-'))
let relay: RunningRelay
let made = 0
const fresh = (name: string): string => join(directory, `${name}-${made++}`)

beforeAll(async () => {
  const runtime = createNodeHost()
  relay = await startRelay({ runtime, dir: join(directory, 'relay'), port: 0 })
})
afterAll(async () => {
  await relay.close()
  rmSync(directory, { recursive: true, force: true })
})

/** Of a shard that nobody has. */
const ADDRESS = `constellite:${'A'.repeat(43)}`
const longRelay = (digit: number): TransportDescriptor =>
  websocket(`wss://relay.example/${String(digit).repeat(9000)}`)
const publishing = () => publish({ via: [websocket(relay.url)] })

describe('a database on Node', () => {
  it.each([
    ['by itself', () => []],
    ['while it publishes', () => [relay.url]],
  ])('keeps no process alive %s while it is idle', async (_, more) => {
    const name = fresh('idle')
    const entry = 'test/support/children/idle-database.ts'
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', './scripts/typescript.mjs', entry, name, ...more()],
      { cwd: fileURLToPath(new URL('../..', import.meta.url)), timeout: 15_000 },
    )
    expect(stdout).toBe('idle\n')
    const db = open(name)
    expect(await db.all('SELECT x FROM t')).toEqual([{ x: 1 }])
    await db.close()
  })

  it('is one database under every spelling of its path', async () => {
    const name = fresh('spelled')
    const [first, second] = [
      open(name),
      open(join(directory, '.', 'x', '..', name.slice(directory.length))),
    ]
    await first.exec('CREATE TABLE t (x)')
    expect(await second.all('SELECT x FROM t')).toEqual([])
    await Promise.all([first.close(), second.close()])
  })

  it('refuses the options that are for browsers', async () => {
    const db = open(fresh('browser'), { wasmUrl: 'https://example.com/sqlite3.wasm' })
    expect(await rejection(db.ready)).toMatchObject({
      code: 'ErrOption',
      facts: { option: 'wasmUrl' },
    })
  })

  const badVia: readonly (readonly [string, TransportDescriptor[]])[] = [
    ['of a kind that there is not', [{ kind: 'carrier', url: 'wss://relay.example' }]],
    ['that no address could name', [{ kind: 'websocket', url: 'https://relay.example' }]],
    ['whose URLs are too long together', [1, 2].map((digit) => longRelay(digit))],
  ]
  it.each(badVia)('refuses relays %s before anything is on disk', async (_, via) => {
    for (const sync of [publish({ via }), follow(ADDRESS, { via })]) {
      const name = fresh('via')
      expect(await rejection(open(name, { sync }).ready)).toMatchObject({
        code: 'ErrOption',
        hint: expect.stringContaining('websocket(url)'),
      })
      expect(existsSync(`${name}.constellite`)).toBe(false)
    }
  })

  it('refuses to follow an address that names no relay before anything is on disk', async () => {
    const name = fresh('nowhere')
    expect(await rejection(open(name, { sync: follow(ADDRESS) }).ready)).toMatchObject({
      code: 'ErrOption',
      hint: expect.stringContaining('via'),
    })
    expect(existsSync(`${name}.constellite`)).toBe(false)
  })

  it('says who it is, and whether losing this copy loses its name', async () => {
    const bare = open(fresh('bare'), { durable: true })
    await bare.ready
    expect(bare.status).toMatchObject({
      storage: { kind: 'node-fs', durable: true },
      identity: { stored: 'file', recoverable: false },
    })
    await bare.close()
    const { seed, publicKey } = await createIdentity()
    for (const options of [{ identity: seed }, { recovery: publicKey }]) {
      const name = fresh('owned')
      const db = open(name, options)
      await db.ready
      expect(db.status.identity?.recoverable).toBe(true)
      await db.close()
    }
  })

  it('refuses the identity of another owner', async () => {
    const name = fresh('owner')
    const [mine, other] = [await createIdentity(), await createIdentity()]
    await (await open(name, { identity: mine.seed })).close()
    const failure = await rejection(open(name, { identity: other.seed }).ready)
    expect(failure.code).toBe('ErrIdentity')
    await (await open(name, { identity: mine.seed })).close()
  })
})

describe('a published database', () => {
  it('arrives at a follower, verified, with its live queries, byte for byte', async () => {
    const writer = open(fresh('writer'), {
      migrations: ['CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)'],
      sync: publishing(),
    })
    await writer.run`INSERT INTO note (body) VALUES ('first')`
    const { address } = await writer.ready
    const copy = open(fresh('copy'), { sync: follow(address) })
    const lastSeen = (async () => {
      for await (const rows of copy.watch<{ n: number }>`SELECT count(*) AS n FROM note`) {
        if (rows[0]?.n === 20) return
      }
    })().catch((error: unknown) => error)
    await writer.until('shared')
    // Before anything has arrived the table is not there; the loop above may have met that.
    for (let row = 0; row < 19; row++) await writer.run`INSERT INTO note (body) VALUES (${row})`
    await writer.until('shared')
    await lastSeen
    await untilSeq(copy, writer.status.seq)
    expect(await copy.get('SELECT count(*) AS n FROM note')).toEqual({ n: 20 })
    expect(copy.status).toMatchObject({ role: 'follower', sync: { state: 'live', peers: 1 } })
    const [left, right] = await Promise.all([writer.export(), copy.export()])
    expect(
      Buffer.from(await left.arrayBuffer()).equals(Buffer.from(await right.arrayBuffer())),
    ).toBe(true)
    expect(await copy.verify()).toMatchObject({
      ok: true,
      pages: 'match',
      unanchored: expect.stringContaining('its writer'),
    })
    expect((await rejection(copy.run`DELETE FROM note`)).code).toBe('ErrReadOnly')
    await Promise.all([copy.close(), writer.close()])
  })

  it('can be read through a new copy at once: its first reads wait until it is in step', async () => {
    const writer = open(fresh('writer'), {
      migrations: ['CREATE TABLE note (body TEXT)'],
      sync: publishing(),
    })
    await writer.run`INSERT INTO note VALUES ('there')`
    const { address } = await writer.ready
    await writer.until('shared')
    const copy = open(fresh('copy'), { sync: follow(address) })
    expect(await copy.all`SELECT body FROM note`).toEqual([{ body: 'there' }])
    expect((await rejection(copy.until('shared'))).code).toBe('ErrNotConfigured')
    await Promise.all([copy.close(), writer.close()])
  })

  it('that no relay has can be given up on, and the copy be closed', async () => {
    const writer = open(fresh('unpublished'))
    const { address } = await writer.ready
    await writer.close()
    const copy = open(fresh('copy'), {
      sync: follow(`${address}?via=${encodeURIComponent(relay.url)}`),
    })
    const stopping = new AbortController()
    const reading = rejection(copy.all('SELECT 1', [], { signal: stopping.signal }))
    const other = rejection(copy.all('SELECT 1'))
    await copy.ready
    stopping.abort()
    expect((await reading).code).toBe('ErrAborted')
    await copy.close()
    expect((await other).code).toBe('ErrClosed')
  })

  it('says in its verification how far a relay has signed for it', async () => {
    const writer = open(fresh('writer'), { sync: publishing() })
    await writer.exec('CREATE TABLE t (x)')
    await writer.until('shared')
    const { seq } = writer.status
    expect(await writer.verify()).toMatchObject({ ok: true, anchoredSeq: seq })
    await writer.close()
    const again = open(fresh('alone'))
    await again.exec('CREATE TABLE t (x)')
    const report = await again.verify()
    expect(report.anchoredSeq).toBeUndefined()
    expect(report.unanchored).toContain('No relay has signed')
    await again.close()
  })

  it('that was imported arrives at a follower', async () => {
    const source = open(fresh('source'), { migrations: ['CREATE TABLE t (x)'] })
    await source.run(
      'INSERT INTO t WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 5000) SELECT x FROM n',
    )
    const file = await source.export()
    await source.close()
    const writer = open(fresh('writer'), { import: file, sync: publishing() })
    const { address } = await writer.ready
    await writer.until('shared')
    const copy = open(fresh('copy'), { sync: follow(address) })
    await copy.ready
    await untilSeq(copy, writer.status.seq)
    expect(await copy.get('SELECT count(*) AS n FROM t')).toEqual({ n: 5000 })
    await Promise.all([copy.close(), writer.close()])
  })

  it('is told apart: a name holds one shard, one role', async () => {
    const name = fresh('writer')
    const writer = open(name, { sync: publishing() })
    const { address } = await writer.ready
    await writer.close()
    const following = open(name, { sync: follow(address) })
    expect((await rejection(following.ready)).code).toBe('ErrShardMismatch')
    const copyName = fresh('copy')
    await (await open(copyName, { sync: follow(address) })).close()
    const taken = open(copyName, { sync: publishing() })
    expect((await rejection(taken.ready)).code).toBe('ErrShardMismatch')
    const other = await open(fresh('other'), { sync: publishing() })
    const mixed = open(copyName, { sync: follow((await other.ready).address) })
    expect((await rejection(mixed.ready)).code).toBe('ErrShardMismatch')
    await other.close()
  })

  it('refuses what is no address', async () => {
    const db = open(fresh('lost'), { sync: follow('https://example.com') })
    expect((await rejection(db.ready)).code).toBe('ErrAddress')
  })
})

/** Resolves when the copy has got that far. */
async function untilSeq(copy: ReturnType<typeof open>, seq: bigint): Promise<void> {
  await new Promise<void>((resolve) => {
    copy.onStatus((status) => {
      if (status.seq >= seq) resolve()
    })
    if (copy.status.seq >= seq) resolve()
  })
}
