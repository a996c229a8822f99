/** 1 000 commits of a writer in a Chromium page arrive, verified, at a follower in a Node process and at one
 *  in another page: one state root, byte-identical files, and stock SQLite finds them sound. */

import { execFile, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, inject, it, onTestFinished } from 'vitest'
import { type Chromium, startChromium } from '../support/page.ts'
import { startRelayProcess } from '../support/relay-process.ts'
import { serveFolders } from '../support/static-server.ts'

const COMMITS = 1_000
const FIXTURES = fileURLToPath(new URL('./fixtures', import.meta.url))
const project = join(inject('packedFolder'), 'project')

type Seen = { readonly ok: boolean; readonly root: string; readonly sha256: string }

/** Follows until `seq`, then tells what this copy holds: the same text runs in Node and in a page. */
const FOLLOW = `
  async ({ open, follow }, { address, seq, name }) => {
    const copy = await open(name, { sync: follow(address) })
    // Waiting for a status, unlike waiting for a call, keeps no Node process alive.
    const alive = setInterval(() => {}, 1000)
    await new Promise((resolve, reject) => {
      const look = (status) => {
        if (status.failure !== undefined) reject(status.failure)
        else if (status.seq >= BigInt(seq)) resolve()
      }
      copy.onStatus(look)
      look(copy.status)
    })
    clearInterval(alive)
    const { ok, root } = await copy.verify()
    const bytes = await (await copy.export()).arrayBuffer()
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
    const sha256 = Array.from(digest, (it) => it.toString(16).padStart(2, '0')).join('')
    await copy.close()
    return { ok, root, sha256 }
  }`

const WRITE = `
  async ({ open, publish, websocket }, { relay, commits }) => {
    const migrations = ['CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)']
    const db = await open('writer', { migrations, sync: publish({ via: [websocket(relay)] }) })
    globalThis.writer = db
    for (let index = 0; index < commits; index++) {
      await db.run('INSERT INTO note (body) VALUES (?)', ['commit ' + index])
    }
    await db.until('shared')
    const { address } = await db.ready
    const { root } = await db.verify()
    return { address, root, seq: String(db.status.seq) }
  }`

async function inPage(
  browser: Chromium,
  url: string,
  code: string,
  given: object,
): Promise<unknown> {
  const page = await browser.open(url)
  await page.waitForFunction('"constellite" in globalThis')
  try {
    return await page.evaluate(`(${code})(constellite, ${JSON.stringify(given)})`)
  } catch (error) {
    throw new Error(`in the page; its log:\n${browser.log.join('\n')}`, { cause: error })
  }
}

async function followInNode(folder: string, given: object): Promise<Seen> {
  const code = `
    import * as constellite from 'constellite'
    import { writeFileSync } from 'node:fs'
    globalThis.crypto ??= (await import('node:crypto')).webcrypto
    const given = ${JSON.stringify({ ...given, name: join(folder, 'copy') })}
    const seen = await (${FOLLOW})(constellite, given)
    const copy = await constellite.open(given.name, { sync: constellite.follow(given.address) })
    await copy.export({ path: ${JSON.stringify(join(folder, 'out.db'))} })
    await copy.close()
    console.log(JSON.stringify(seen))`
  const parameters = ['--input-type=module', '--eval', code]
  const done = await promisify(execFile)(process.execPath, parameters, { cwd: project })
  return JSON.parse(done.stdout)
}

it('1 000 commits in a page arrive in Node and in another page, the same to the byte', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'constellite-thousand-'))
  const relay = await startRelayProcess(project)
  const server = await serveFolders({
    '/': join(FIXTURES, 'driver'),
    '/constellite/': join(project, 'node_modules/constellite/dist/browser'),
  })
  const browser = await startChromium()
  onTestFinished(async () => {
    await browser.close()
    await server.close()
    await relay.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  // WRITE and FOLLOW say what they answer.
  const written = (await inPage(browser, server.url, WRITE, {
    relay: relay.url,
    commits: COMMITS,
  })) as { address: string; root: string; seq: string }
  expect(BigInt(written.seq)).toBeGreaterThan(BigInt(COMMITS))

  const node = await followInNode(folder, written)
  const given = { ...written, name: 'copy' }
  const page = (await inPage(browser, server.url, FOLLOW, given)) as Seen
  expect(node).toEqual({ ok: true, root: written.root, sha256: node.sha256 })
  expect(page).toEqual(node)

  const file = join(folder, 'out.db')
  expect(createHash('sha256').update(readFileSync(file)).digest('hex')).toBe(node.sha256)
  const sqlite = spawnSync('sqlite3', [file, 'pragma integrity_check; select count(*) from note'])
  if (sqlite.error !== undefined) context.skip('the sqlite3 program is not installed')
  expect(sqlite.stdout.toString()).toBe(`ok\n${COMMITS}\n`)
})
