/** What a page is told of its storage, in Chromium with the packed package: the promise to keep it, a site that is
 *  full, files that were deleted, what takes how much room, and a policy that forbids to compile. */

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CDPSession, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { packedAt } from '../support/packed.ts'
import { type Chromium, startChromium } from '../support/page.ts'
import { startRelayProcess } from '../support/relay-process.ts'
import { type StaticServer, serveFolders } from '../support/static-server.ts'

const FIXTURE = fileURLToPath(new URL('./fixtures/cleared', import.meta.url))

let browser: Chromium
let server: StaticServer

function serve(policy?: string): Promise<StaticServer> {
  const packed = packedAt(inject('packedFolder'))
  const shipped = join(packed.project, 'node_modules/constellite/dist/browser')
  const folders = { '/': FIXTURE, '/constellite/': shipped }
  return serveFolders(folders, policy === undefined ? {} : { policy })
}

beforeAll(async () => {
  server = await serve()
  browser = await startChromium()
})
afterAll(async () => {
  await browser?.close()
  await server?.close()
})

async function openPage({ url }: StaticServer = server): Promise<Page> {
  const page = await browser.open(url)
  onTestFinished(() => page.close())
  await page.waitForFunction('"openNotes" in globalThis')
  return page
}

/** Runs in the page; a failure is answered by what it tells. */
async function inPage(page: Page, code: string): Promise<unknown> {
  return await page.evaluate(`(async () => {
    const write = (db, body) => db.run('INSERT INTO note VALUES (?)', [body])
    const until = async (isSo) => {
      for (let n = 0; n < 200 && !isSo(); n++) await new Promise((r) => setTimeout(r, 25))
      return isSo()
    }
    try {
      ${code}
    } catch ({ code, message, hint, retry }) {
      return { code, message, hint, retry }
    }
  })()`)
}

async function devTools(page: Page): Promise<CDPSession> {
  return await browser.context.newCDPSession(page)
}

describe('the promise of the browser to keep a site', () => {
  it('shows in the status when it is given and when it is taken back, without a reload', async () => {
    const page = await openPage()
    const session = await devTools(page)
    const origin = server.url
    const look = 'return [await navigator.storage.persisted(), db.status.storage.persisted]'
    const opened = `globalThis.db = await openNotes('promised')
      globalThis.told = []
      db.onStatus(({ storage }) => told.push(storage.persisted))`
    // Chromium answers by itself, here with no.
    expect(await inPage(page, `${opened}; await write(db, 'one'); ${look}`)).toEqual([false, false])
    await session.send('Browser.grantPermissions', { origin, permissions: ['durableStorage'] })
    const given = `await until(() => db.status.storage.persisted); ${look}`
    expect(await inPage(page, given)).toEqual([true, true])
    await session.send('Browser.resetPermissions')
    const taken = `await until(() => !db.status.storage.persisted); ${look}`
    expect(await inPage(page, taken)).toEqual([false, false])
    expect(await inPage(page, 'await db.close(); return told')).toEqual(
      expect.arrayContaining([true, false]),
    )
  })
})

describe('two tabs of one database', () => {
  it('ask from the one that writes, and tell both, also of a site that is full', async () => {
    const [owner, other] = [await openPage(), await openPage()]
    const stub = `globalThis.asked = 0
      StorageManager.prototype.persist = async () => { asked += 1; return false }
      globalThis.db = await openNotes('tabs')
      return (await db.storage()).totalBytes > 0`
    expect([await inPage(owner, stub), await inPage(other, stub)]).toEqual([true, true])
    await inPage(other, "await write(db, 'one')")
    expect(await inPage(other, 'return await until(() => asked > 0)')).toBe(true)
    const seen = 'return [asked, (await db.all("SELECT body FROM note")).length]'
    expect([await inPage(owner, seen), await inPage(other, seen)]).toEqual([
      [0, 1],
      [1, 1],
    ])
    const session = await devTools(owner)
    const origin = server.url
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1_000_000 })
    const large = "db.run('INSERT INTO note VALUES (hex(randomblob(500000)))')"
    const refused = `for (let n = 0; n < 100; n++) await ${large}`
    expect(await inPage(other, refused)).toMatchObject({ code: 'ErrQuota' })
    await session.send('Storage.overrideQuotaForOrigin', { origin })
    const told = 'return await until(() => db.status.storage.full !== undefined)'
    expect([await inPage(owner, told), await inPage(other, told)]).toEqual([true, true])
    for (const page of [other, owner]) await inPage(page, 'await db.close()')
  })
})

describe('a site that is full', () => {
  it('refuses a write with ErrQuota, says so in the status, and takes it when there is room', async () => {
    const page = await openPage()
    const session = await devTools(page)
    const origin = server.url
    const large = "db.run('INSERT INTO note VALUES (hex(randomblob(500000)))')"
    const opened = await inPage(
      page,
      `globalThis.db = await openNotes('full')
       globalThis.told = []
       db.onStatus(({ storage: { full } }) => told.push(full))
       await write(db, 'small')
       return db.status.storage.full === undefined`,
    )
    expect(opened).toBe(true)
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1_000_000 })
    const refused = await inPage(page, `for (let n = 0; n < 100; n++) await ${large}`)
    expect(refused).toMatchObject({
      code: 'ErrQuota',
      hint: expect.stringMatching(/storage\(\).*export\(\)/),
    })
    const seen = await inPage(
      page,
      `const { state, storage: { full } } = db.status
       return {
         state,
         hint: full.hint,
         isRecent: Math.abs(Date.now() - full.sinceMs) < 60000,
         isTold: told.some((it) => it !== undefined),
         rows: (await db.all('SELECT count(*) AS n FROM note'))[0].n > 0,
       }`,
    )
    // Its hint is the failure's.
    const { hint } = refused as { readonly hint: string }
    expect(seen).toEqual({ state: 'open', hint, isRecent: true, isTold: true, rows: true })
    await session.send('Storage.overrideQuotaForOrigin', { origin })
    const after = await inPage(
      page,
      `await ${large}
       const isOver = await until(() => db.status.storage.full === undefined)
       await db.close()
       return { isOver, isTold: told.at(-1) === undefined }`,
    )
    expect(after).toEqual({ isOver: true, isTold: true })
  })
})

describe('the storage report of a page', () => {
  it('has the estimate of the browser, and what the database takes of it', async () => {
    const page = await openPage()
    const seen = await inPage(
      page,
      `const db = await openNotes('report')
       await db.run('INSERT INTO note VALUES (hex(randomblob(500000)))')
       const report = await db.storage()
       const { usage, quota } = await navigator.storage.estimate()
       const { log, pages, leavesBytes, snapshotBytes, keptBytes, otherBytes, totalBytes } = report
       const sum = log.sizeBytes + pages.sizeBytes + leavesBytes + snapshotBytes + keptBytes + otherBytes
       await db.close()
       const refused = await db.storage().catch((error) => error.code)
       return {
         isQuota: report.site.quotaBytes === quota,
         isUsage: report.site.usageBytes >= totalBytes / 2 && report.site.usageBytes < quota,
         isSum: sum === totalBytes,
         isLog: log.usedBytes > 1000000 && log.usedBytes <= log.sizeBytes,
         refused,
       }`,
    )
    expect(seen).toEqual({
      isQuota: true,
      isUsage: true,
      isSum: true,
      isLog: true,
      refused: 'ErrClosed',
    })
  })
})

describe('files that were deleted while their keys stayed', () => {
  it('leave the name refused with ErrCleared until `remove` lets it go', async () => {
    const page = await openPage()
    await inPage(
      page,
      "const db = await openNotes('lost'); await write(db, 'one'); await db.close()",
    )
    const session = await devTools(page)
    const storageTypes = 'file_systems'
    await session.send('Storage.clearDataForOrigin', { origin: server.url, storageTypes })
    const open = "const db = await openNotes('lost'); return await db.all('SELECT * FROM note')"
    expect(await inPage(page, open)).toMatchObject({
      code: 'ErrCleared',
      hint: expect.stringContaining('remove(name)'),
      retry: 'after-repair',
    })
    expect(await inPage(page, "return await removeNotes('lost')")).toBe(true)
    expect(await inPage(page, open)).toEqual([])
  })
})

describe('a writer whose files were deleted', () => {
  it('has back from its relay what was shared, and goes on as the writer', async () => {
    const relay = await startRelayProcess(packedAt(inject('packedFolder')).project)
    onTestFinished(() => relay.stop())
    const page = await openPage()
    const written = await inPage(
      page,
      `globalThis.all = await import('/constellite/index.js')
       globalThis.seed = (await all.createIdentity()).seed
       const db = await all.open('mine', {
         migrations: ['CREATE TABLE note (body TEXT)'],
         identity: seed,
         sync: all.publish({ via: [all.websocket('${relay.url}')] }),
       })
       await write(db, 'one')
       await db.until('shared')
       globalThis.address = (await db.ready).address
       await db.close()
       return address.length > 40`,
    )
    expect(written).toBe(true)
    const session = await devTools(page)
    const storageTypes = 'file_systems'
    await session.send('Storage.clearDataForOrigin', { origin: server.url, storageTypes })
    const seen = await inPage(
      page,
      `await all.remove('mine')
       const db = await all.open('mine', { sync: all.follow(address) })
       const before = await db.all('SELECT body FROM note')
       await db.takeOver({ key: seed })
       await write(db, 'two')
       const after = await db.all('SELECT body FROM note')
       const { role } = db.status
       await db.close()
       return { before, after, role }`,
    )
    expect(seen).toEqual({
      before: [{ body: 'one' }],
      after: [{ body: 'one' }, { body: 'two' }],
      role: 'writer',
    })
  })
})

describe('a policy without wasm-unsafe-eval', () => {
  it.each([
    ['that names scripts', "script-src 'self' 'unsafe-inline'"],
    ['that names workers too', "script-src 'self' 'unsafe-inline'; worker-src 'self'"],
  ])('%s fails the opening with what to add to it', async (_, policy) => {
    const strict = await serve(policy)
    onTestFinished(() => strict.close())
    const page = await openPage(strict)
    expect(await inPage(page, 'return await openNotes().ready')).toMatchObject({
      code: 'ErrWorkerFailed',
      message: expect.stringMatching(/WebAssembly.*Content Security Policy/),
      hint: expect.stringContaining("script-src 'self' 'wasm-unsafe-eval'"),
      retry: 'never',
    })
  })

  it('opens once it is added', async () => {
    const policy = "script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; worker-src 'self'"
    const strict = await serve(policy)
    onTestFinished(() => strict.close())
    const page = await openPage(strict)
    const open = 'const db = await openNotes(); await db.close(); return db.status.state'
    expect(await inPage(page, open)).toBe('closed')
  })
})
