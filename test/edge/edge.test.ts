/** The relay on Cloudflare, as its user deploys it: what wrangler bundles is small and whole, and under `workerd`
 *  it serves by path, loses no receipted commit to a kill, and sleeps while its connections stay. */

import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { type Database, follow, open, publish, websocket } from '../../src/entry/node.ts'
import { packedAt } from '../support/packed.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { objectLines } from '../workerd/readme-lines.ts'
import { startWorkerd } from '../workerd/serve.ts'
import { makeProject, type Project, type Upload, uploadOfPackage } from './project.ts'
import { createEdgeRelay, type EdgeRelay } from './relay.ts'

/** Gzipped bytes of all that is uploaded; a Worker may have 3 MB on the smallest plan. */
const UPLOAD_MAX = 110_000
/** Longer than workerd waits (10 s after the last event) before it takes an object out of memory; the relay's
 *  own last event is the closing of an idle shard. */
const ASLEEP_MS = 13_500

const migrations = ['CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)']

let project: Project
let upload: Upload

beforeAll(async () => {
  const packed = packedAt(inject('packedFolder'))
  project = await makeProject(packed.tarball, { program: objectLines(), className: 'Notes' })
  upload = 'upload' in project ? project.upload : uploadOfPackage(packed.project)
}, 120_000)

afterAll(() => {
  if (project !== undefined && 'remove' in project) project.remove()
})

describe('wrangler deploy --dry-run', () => {
  it('bundles the demo: one module, the kernel, nothing of SQLite, within the size', ({ skip }) => {
    if ('missing' in project) return skip(project.missing)
    const names = [...upload.files.keys()].sort()
    expect(names).toEqual([expect.stringMatching(/^[0-9a-f]+-kernel\.wasm$/), 'index.js'])
    expect(upload.printed).toContain('env.RELAY (RelayObject)')
    expect(upload.printed).toContain('env.ALLOW ("")')
    expect(upload.printed).toContain('--dry-run: exiting now.')
    const code = Buffer.from(upload.files.get('index.js') ?? []).toString()
    expect(code).toContain('RelayObject')
    expect(code).not.toMatch(/sqlite3_|from\s*"node:/)
    const sizes = [...upload.files.values()].map((bytes) => gzipSync(bytes).byteLength)
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(UPLOAD_MAX)
  })
})

describe("the README's object with a database", () => {
  it('is bundled with its three modules of WASM, and keeps what it is sent', async ({ skip }) => {
    if ('missing' in project) return skip(project.missing)
    const { files, main, printed } = project.objects
    const wasm = [...files.keys()].filter((it) => it !== main).sort()
    expect(wasm.map((it) => it.replace(/^[0-9a-f]+-/, '')).sort()).toEqual([
      'kernel.wasm',
      'sqlite3.wasm',
      'trampoline.wasm',
    ])
    expect(printed).toContain('env.NOTES (Notes)')
    const modules = new Map([...files].filter(([name]) => name !== main))
    const program = Buffer.from(files.get(main) ?? []).toString()
    const folder = temporaryDirectory()
    const workerd = await startWorkerd({ program, modules, folder, classes: ['Notes'] })
    onTestFinished(() => void workerd.kill())
    const answer = await fetch(workerd.url, { method: 'POST', body: 'kept' })
    expect(await answer.json()).toEqual([{ body: 'kept' }])
  })
})

describe('the lines of the README', () => {
  it('end in the same bundle, up to what needs an account', async ({ skip }) => {
    if ('missing' in project) return skip(project.missing)
    const readme = readFileSync(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8')
    const lines = /## A relay on Cloudflare[\s\S]*?```sh\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
    const [tried = '', account = ''] = lines.split(/(?=npx wrangler login)/)
    expect(tried.trimEnd().split('\n').at(-1)).toBe('npx wrangler deploy --dry-run --outdir out')
    expect(account).toBe("npx wrangler login\nnpx wrangler deploy --var ALLOW:'*'\n")
    const { files, printed } = await project.runLines(tried)
    expect(printed).toContain('--dry-run: exiting now.')
    expect([...files.keys()].sort()).toEqual([...upload.files.keys()].sort())
  })
})

describe('the bundle under workerd', () => {
  let relay: EdgeRelay

  beforeAll(async () => {
    relay = await createEdgeRelay(upload, '*')
    await relay.start()
  })
  afterAll(() => relay?.remove())

  const openWriter = async (folder: string, path = ''): Promise<Database> => {
    const via = [websocket(`ws://${relay.host}${path}`)]
    const db = await open(`${folder}/writer`, { migrations, sync: publish({ via }) })
    onTestFinished(() => db.close())
    return db
  }
  const openFollower = async (folder: string, address: string): Promise<Database> => {
    const copy = await open(`${folder}/copy`, { sync: follow(address) })
    onTestFinished(() => copy.close())
    return copy
  }

  it('answers with its key, health and metrics, and each path is a relay of its own', async () => {
    const greeting = await relay.fetch('/')
    expect(greeting.status).toBe(200)
    expect(greeting.text).toMatch(/Its key: [0-9a-f]{64}/)
    expect((await relay.fetch('/metrics')).text).toContain('constellite_relay_connections_total')
    expect((await relay.fetch('/team/')).status).toBe(404)
    expect((await relay.fetch('/a//b')).text).toBe('No relay has this path.\n')
    const db = await openWriter(temporaryDirectory(), '/team')
    await db.run`INSERT INTO note (body) VALUES ('for the team')`
    await db.until('shared')
    expect(await relay.health('/team')).toMatchObject({ ok: true, shards: 1, connections: 1 })
    expect(await relay.health()).toMatchObject({ ok: true, shards: 0, connections: 0 })
    expect((await relay.fetch('/team')).text).not.toBe(greeting.text)
  })

  it('has every receipted commit after a kill -9, and its key, and a follower gets all', async () => {
    const folder = temporaryDirectory()
    // A relay keeps its key with the first shard.
    let greeting: string | undefined
    for (let round = 1; round <= 3; round++) {
      const db = await openWriter(folder)
      const { address } = await db.ready
      // A burst under way while the last receipt comes: what follows it may be lost, the receipted may not.
      await db.run`INSERT INTO note (body) VALUES (${`round ${round}`})`
      await db.until('shared')
      const receipted = db.status.seq
      greeting ??= (await relay.fetch('/')).text
      const burst = Array.from({ length: 20 }, () => db.run`INSERT INTO note (body) VALUES ('x')`)
      await Promise.all(burst.slice(0, 3))
      expect(await relay.kill()).toBe('SIGKILL')
      await Promise.all(burst)
      await db.close()
      await relay.start()
      expect((await relay.fetch('/')).text).toBe(greeting)
      const alone = await openFollower(temporaryDirectory(), address)
      await arrived(alone, receipted)
      expect((await alone.verify()).ok).toBe(true)
      await alone.close()
    }
    const db = await openWriter(folder)
    await db.run`INSERT INTO note (body) VALUES ('the last')`
    await db.until('shared')
    const copy = await openFollower(folder, (await db.ready).address)
    await arrived(copy, db.status.seq)
    const [mine, theirs] = [await db.verify(), await copy.verify()]
    expect([mine.ok, theirs.ok, theirs.root]).toEqual([true, true, mine.root])
    expect(await copy.all`SELECT count(*) AS count FROM note`).toEqual([{ count: 64 }])
  })

  it('sleeps at rest and is made anew by the next commit, over the same connections', async () => {
    const folder = temporaryDirectory()
    const path = '/asleep'
    const db = await openWriter(folder, path)
    await db.run`INSERT INTO note (body) VALUES ('before')`
    await db.until('shared')
    const copy = await openFollower(folder, (await db.ready).address)
    await arrived(copy, db.status.seq)
    const before = await relay.health(path)
    expect(before.counters).toMatchObject({ connections: 2, connectionsResumed: 0 })
    await delay(ASLEEP_MS)
    await db.run`INSERT INTO note (body) VALUES ('after')`
    await db.until('shared')
    await arrived(copy, db.status.seq)
    const after = await relay.health(path)
    expect(after.startedAtMs).toBeGreaterThan(before.startedAtMs)
    // Nobody dialled again: both sockets are those of the life before.
    expect(after.connections).toBe(2)
    expect(after.counters).toMatchObject({
      connections: 0,
      connectionsResumed: 2,
      connectionsCutShort: 0,
      runsStored: 1,
      runsServed: 1,
    })
    expect(await copy.all`SELECT body FROM note`).toEqual([{ body: 'before' }, { body: 'after' }])
  })

  it('refuses everybody while nothing says whom it serves, and others than those that are named', async () => {
    const closed = await createEdgeRelay(upload, '')
    onTestFinished(() => closed.remove())
    await closed.start()
    const refused = await closed.fetch('/')
    expect([refused.status, refused.text]).toEqual([500, expect.stringContaining('ALLOW')])
    const other = await createEdgeRelay(upload, 'ab'.repeat(32))
    onTestFinished(() => other.remove())
    await other.start()
    const db = await open(`${temporaryDirectory()}/denied`, {
      migrations,
      sync: publish({ via: [websocket(`ws://${other.host}`)] }),
    })
    onTestFinished(() => db.close())
    expect(await syncFailure(db)).toBe('ErrDenied')
  })
})

/** The code of what keeps a copy from its relays. */
async function syncFailure(db: Database): Promise<string | undefined> {
  const codeOf = (): string | undefined => db.status.sync.failure?.code
  if (codeOf() !== undefined) return codeOf()
  return new Promise((resolve) => {
    const stop = db.onStatus(() => {
      if (codeOf() === undefined) return
      stop()
      resolve(codeOf())
    })
  })
}

/** Resolves when the copy has come to the position `seq`. */
async function arrived(copy: Database, seq: bigint): Promise<void> {
  if (copy.status.seq >= seq) return
  await new Promise<void>((resolve) => {
    const stop = copy.onStatus((status) => {
      if (status.seq < seq) return
      stop()
      resolve()
    })
  })
}
