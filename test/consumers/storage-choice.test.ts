/** Which storage a database has: OPFS where it opens files, IndexedDB where not, the same at every opening, and
 *  what the status says of it.  In Chromiums with and without OPFS on one profile, and a private Firefox window. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { firefox, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { findFirefox, firefoxLaunch } from '../firefox.ts'
import { WITHOUT_OPFS } from '../support/browser-settings.ts'
import { packedAt } from '../support/packed.ts'
import { type Chromium, startChromium } from '../support/page.ts'
import { type StaticServer, serveFolders } from '../support/static-server.ts'

const FIXTURE = fileURLToPath(new URL('./fixtures/cleared', import.meta.url))

let server: StaticServer
let profile: string

beforeAll(async () => {
  const packed = packedAt(inject('packedFolder'))
  const shipped = join(packed.project, 'node_modules/constellite/dist/browser')
  server = await serveFolders({ '/': FIXTURE, '/constellite/': shipped })
  profile = mkdtempSync(join(tmpdir(), 'constellite-choice-'))
})
afterAll(async () => {
  await server?.close()
  rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
})

type Window = { readonly browser: Chromium; readonly page: Page }

/** A Chromium on the profile that all tests of this file share. */
async function startWith(more: readonly string[]): Promise<Window> {
  const browser = await startChromium(more, profile)
  onTestFinished(() => browser.close())
  return { browser, page: await openPage(browser) }
}

async function openPage(browser: Pick<Chromium, 'open'>): Promise<Page> {
  const page = await browser.open(server.url)
  await page.waitForFunction('"openNotes" in globalThis')
  return page
}

/** Runs in the page; a failure is answered by its code. */
async function inPage(page: Page, code: string): Promise<unknown> {
  return await page.evaluate(`(async () => {
    const bodies = async (db) => (await db.all('SELECT body FROM note')).map((row) => row.body)
    const write = (db, body) => db.run('INSERT INTO note VALUES (?)', [body])
    const storageOf = ({ status }) => {
      const { kind, durable, reason } = status.storage
      return { kind, durable, reason }
    }
    try {
      ${code}
    } catch (error) {
      return { code: error.code ?? String(error), message: error.message }
    }
  })()`)
}

/** Opens `name`, writes `body` into it, and answers where it is and what is in it. */
function write(page: Page, name: string, body: string): Promise<unknown> {
  return inPage(
    page,
    `const db = await openNotes('${name}')
     await write(db, '${body}')
     const seen = { ...storageOf(db), bodies: await bodies(db) }
     await db.close()
     return seen`,
  )
}

const NO_OPFS = 'no private file system of the site (OPFS) here'

describe('a database of a browser', () => {
  it('is in IndexedDB where there is no OPFS, found there when OPFS works later, and removed from there', async () => {
    const without = await startWith([WITHOUT_OPFS])
    const first = { kind: 'indexeddb', durable: true, reason: NO_OPFS, bodies: ['one'] }
    expect(await write(without.page, 'old', 'one')).toEqual(first)
    await without.browser.close()

    const { page } = await startWith([])
    expect(await write(page, 'old', 'two')).toEqual({
      kind: 'indexeddb',
      durable: true,
      reason: 'made in IndexedDB, when files could not be opened synchronously here',
      bodies: ['one', 'two'],
    })
    const inOpfs = { kind: 'opfs', durable: true, reason: '', bodies: ['new'] }
    expect(await write(page, 'new', 'new')).toEqual(inOpfs)
    const held = "const db = await openNotes('old'); return await removeNotes('old')"
    expect(await inPage(page, held)).toMatchObject({ code: 'ErrInUse' })
    await page.reload()
    await page.waitForFunction('"openNotes" in globalThis')
    expect(await inPage(page, "return await removeNotes('old')")).toBe(true)
    expect(await inPage(page, "return await removeNotes('old')")).toBe(false)
    expect(await inPage(page, 'return (await indexedDB.databases()).map((it) => it.name)')).toEqual(
      ['constellite-keys'],
    )
    expect(await write(page, 'old', 'three')).toEqual({ ...inOpfs, bodies: ['three'] })
  })

  it('that is in OPFS is refused where OPFS cannot be had, and not begun anew', async () => {
    const withOpfs = await startWith([])
    expect(await write(withOpfs.page, 'kept', 'one')).toMatchObject({ kind: 'opfs' })
    await withOpfs.browser.close()

    const { page, browser } = await startWith([WITHOUT_OPFS])
    expect(await write(page, 'kept', 'two')).toMatchObject({
      code: 'ErrStorage',
      message: expect.stringContaining(NO_OPFS),
    })
    await browser.close()
    const again = await startWith([])
    expect(await write(again.page, 'kept', 'three')).toMatchObject({ bodies: ['one', 'three'] })
  })
})

describe('IndexedDB under a database', () => {
  it('that gets full in the middle leaves the last durable commit, with ErrQuota as the reason', async () => {
    const { page, browser } = await startWith([WITHOUT_OPFS])
    const session = await browser.context.newCDPSession(page)
    const origin = server.url
    // Before anything is stored: Chromium looks at the quota only now and then.
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 8_000_000 })
    const failure = await inPage(
      page,
      `globalThis.db = await openNotes('full')
       await write(db, 'small')
       globalThis.large = 0
       try {
         for (; large < 100; large++) await db.run('INSERT INTO note VALUES (hex(randomblob(500000)))')
       } catch (error) {
         const { state, failure, storage } = db.status
         const isFull = storage.full?.hint === error.cause.hint
         return { code: error.code, cause: error.cause.code, state, failure: failure.code, isFull, isMiddle: large > 0 }
       }`,
    )
    expect(failure).toMatchObject({
      code: 'ErrPoisoned',
      cause: 'ErrQuota',
      state: 'failed',
      failure: 'ErrPoisoned',
      isFull: true,
      isMiddle: true,
    })
    await session.send('Storage.overrideQuotaForOrigin', { origin })
    const seen = await inPage(
      page,
      `await db.close()
       const again = await openNotes('full')
       const { ok } = await again.verify()
       const rows = await again.all('SELECT length(body) AS size FROM note')
       await again.close()
       return { ok, isWhole: rows.length === large + 1 }`,
    )
    expect(seen).toEqual({ ok: true, isWhole: true })
  })

  it('whose site is cleared fails with ErrCleared, exports what it had, and begins anew when closed', async () => {
    const { page, browser } = await startWith([WITHOUT_OPFS])
    await inPage(page, "globalThis.db = await openNotes('cleared'); await write(db, 'kept')")
    const session = await browser.context.newCDPSession(page)
    await session.send('Storage.clearDataForOrigin', {
      origin: server.url,
      storageTypes: 'indexeddb',
    })
    expect(await inPage(page, "await write(db, 'lost')")).toMatchObject({ code: 'ErrCleared' })
    expect(await inPage(page, 'return (await db.export()).size > 8192')).toBe(true)
    const seen = await inPage(
      page,
      "await db.close(); const again = await openNotes('cleared'); return await bodies(again)",
    )
    expect(seen).toEqual([])
  })

  it('holds 100 MB', async () => {
    const { page } = await startWith([WITHOUT_OPFS])
    const seen = await inPage(
      page,
      `const db = await openNotes('large')
       for (let n = 0; n < 10; n++) {
         await db.run(\`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10)
           INSERT INTO note SELECT randomblob(1000000) FROM n\`)
       }
       await db.close()
       const startMs = performance.now()
       const again = await openNotes('large')
       const openMs = performance.now() - startMs
       const [{ total }] = await again.all('SELECT sum(length(body)) AS total FROM note')
       await again.close()
       await removeNotes('large')
       console.info('a database of 100 MB opened in ' + openMs.toFixed(0) + ' ms')
       return total`,
    )
    expect(seen).toBe(100_000_000)
  })
})

describe('a private window of Firefox', () => {
  it('keeps databases in IndexedDB and says that they may go with it', async (context) => {
    const found = findFirefox()
    if (found.path === undefined) return context.skip(found.reason)
    const home = mkdtempSync(join(tmpdir(), 'constellite-private-'))
    const window = await firefox.launchPersistentContext(join(home, 'profile'), {
      ...firefoxLaunch(found.path, home),
      firefoxUserPrefs: { 'browser.privatebrowsing.autostart': true },
    })
    onTestFinished(async () => {
      await window.close()
      rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    })
    const page = await window.newPage()
    await page.goto(server.url)
    await page.waitForFunction('"openNotes" in globalThis')
    expect(await write(page, 'private', 'one')).toEqual({
      kind: 'indexeddb',
      durable: false,
      reason:
        'OPFS is refused (SecurityError), as in a private window: what is kept may go with it',
      bodies: ['one'],
    })
    expect(await write(page, 'private', 'two')).toMatchObject({ bodies: ['one', 'two'] })
    const strict = "return await openNotes('strict', { durable: true }).ready"
    expect(await inPage(page, strict)).toMatchObject({ code: 'ErrNotDurable' })
  })
})
