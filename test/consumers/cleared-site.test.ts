/** What is left when the user, or the browser for lack of room, clears a site's data: nothing is made up.
 *  Files and keys live in two stores, OPFS and IndexedDB, which are cleared together or alone. */

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { packedAt } from '../support/packed.ts'
import { type Chromium, startChromium } from '../support/page.ts'
import { type StaticServer, serveFolders } from '../support/static-server.ts'

const FIXTURE = fileURLToPath(new URL('./fixtures/cleared', import.meta.url))

/** As DevTools names them. */
type Stores = 'file_systems' | 'indexeddb' | 'file_systems,indexeddb'

type Seen = {
  readonly address?: string
  readonly bodies?: readonly string[]
  readonly code?: string
  readonly state?: string
  readonly failure?: string
  readonly hint?: string
}

let browser: Chromium
let server: StaticServer

beforeAll(async () => {
  const packed = packedAt(inject('packedFolder'))
  const shipped = join(packed.project, 'node_modules/constellite/dist/browser')
  server = await serveFolders({ '/': FIXTURE, '/constellite/': shipped })
  browser = await startChromium()
})
afterAll(async () => {
  await browser?.close()
  await server?.close()
})

async function openPage(): Promise<Page> {
  const page = await browser.open(server.url)
  await page.waitForFunction('"openNotes" in globalThis')
  return page
}

/** Runs in the page with its database as `db`; a failure is answered by its code. */
async function inPage(page: Page, code: string): Promise<Seen> {
  return await page.evaluate(`(async () => {
    const look = async () => ({
      address: (await db.ready).address,
      bodies: (await db.all('SELECT body FROM note')).map((row) => row.body),
    })
    try {
      ${code}
    } catch (error) {
      return { code: error.code ?? String(error) }
    }
  })()`)
}

const WRITE = "await db.run('INSERT INTO note VALUES (?)', ['kept']); return await look()"
/** As slow as somebody types, so that it lasts longer than a look is good for. */
const WRITE_ONE =
  "await db.run('INSERT INTO note VALUES (?)', ['more']); await new Promise((r) => setTimeout(r, 20))"
const OPEN = 'globalThis.db = openNotes();'

async function clear(storageTypes: Stores): Promise<void> {
  const page = await browser.context.newPage()
  const session = await browser.context.newCDPSession(page)
  await session.send('Storage.clearDataForOrigin', { origin: server.url, storageTypes })
  await page.close()
}

/** What a page finds that opens the database, closes it and goes away. */
async function lookAndLeave(): Promise<Seen> {
  const page = await openPage()
  const seen = await inPage(
    page,
    `${OPEN} const seen = await look(); await db.close(); return seen`,
  )
  await page.close()
  return seen
}

describe('a site that was cleared', () => {
  it('while closed begins a new database, with an address of its own and nothing in it', async () => {
    await clear('file_systems,indexeddb')
    const page = await openPage()
    const before = await inPage(page, `${OPEN} ${WRITE}`)
    expect(before.bodies).toEqual(['kept'])
    await inPage(page, 'await db.close(); return {}')
    await page.close()
    expect(await lookAndLeave()).toEqual(before)

    await clear('file_systems,indexeddb')
    const after = await lookAndLeave()
    expect(after.bodies).toEqual([])
    expect(after.address).not.toBe(before.address)
  })

  it('of its keys alone refuses to open, with ErrIdentity', async () => {
    await clear('file_systems,indexeddb')
    await lookAndLeave()
    await clear('indexeddb')
    expect(await lookAndLeave()).toEqual({ code: 'ErrIdentity' })
  })

  it('while open fails with ErrCleared within seconds of writing, exports what it had, and begins anew when closed', async () => {
    const page = await openPage()
    const before = await inPage(page, `globalThis.db = openNotes('lost'); ${WRITE}`)
    await clear('file_systems,indexeddb')
    // The handles of the deleted files still take every write; each sync looks when the last look is a second old.
    const refused = await inPage(page, `for (let n = 0; n < 500; n++) { ${WRITE_ONE} }`)
    expect(refused).toEqual({ code: 'ErrCleared' })
    const told = await inPage(
      page,
      'const { state, failure } = db.status; return { state, failure: failure.code, hint: failure.hint }',
    )
    const hint = expect.stringMatching(/export\(\).*remove\(name\).*follows its relay/)
    expect(told).toEqual({ state: 'failed', failure: 'ErrCleared', hint })
    const saved = await inPage(
      page,
      `const file = await db.export()
       const copy = await openNotes('saved', { import: file })
       const bodies = (await copy.all('SELECT body FROM note')).map((row) => row.body)
       await copy.close()
       return { bodies: bodies.slice(0, 1) }`,
    )
    expect(saved).toEqual({ bodies: ['kept'] })
    const again = await inPage(
      page,
      "await db.close(); globalThis.db = openNotes('lost'); return await look()",
    )
    expect(again.bodies).toEqual([])
    expect(again.address).not.toBe(before.address)
    await page.close()
  })

  it('while open in two tabs fails in both, exports from either, and begins anew when both have closed', async () => {
    const pages = [await openPage(), await openPage()] as const
    const [owner, guest] = pages
    const before = await inPage(owner, `globalThis.db = openNotes('both'); ${WRITE}`)
    expect(await inPage(guest, "globalThis.db = openNotes('both'); return await look()")).toEqual(
      before,
    )
    await clear('file_systems,indexeddb')
    const refused = await inPage(guest, `for (let n = 0; n < 500; n++) { ${WRITE_ONE} }`)
    expect(refused).toEqual({ code: 'ErrCleared' })
    for (const page of pages) {
      const told = await inPage(
        page,
        'const { state, failure } = db.status; return { state, failure: failure.code }',
      )
      expect(told).toEqual({ state: 'failed', failure: 'ErrCleared' })
      expect(await inPage(page, 'return { bodies: [typeof (await db.export()).size] }')).toEqual({
        bodies: ['number'],
      })
    }
    await inPage(owner, 'await db.close(); return {}')
    expect(await inPage(guest, 'return await look()')).toEqual({ code: 'ErrCleared' })
    expect(await inPage(guest, 'await db.run("INSERT INTO note VALUES (1)"); return {}')).toEqual({
      code: 'ErrCleared',
    })
    await inPage(guest, 'await db.close(); return {}')
    const again = await inPage(guest, "globalThis.db = openNotes('both'); return await look()")
    expect(again.bodies).toEqual([])
    expect(again.address).not.toBe(before.address)
    for (const page of pages) await page.close()
  })

  it('while open in a page that ends before it writes again keeps the name in use until the browser ends', async () => {
    const page = await openPage()
    await inPage(page, `globalThis.db = openNotes('unseen'); ${WRITE}`)
    await clear('file_systems,indexeddb')
    await page.close()
    // Chromium never lets such handles go: what is refused is at least not begun anew unnoticed.
    const next = await openPage()
    const again = await inPage(next, "globalThis.db = openNotes('unseen'); return await look()")
    expect(again).toEqual({ code: 'ErrInUse' })
    const other = await inPage(next, "globalThis.db = openNotes('found'); return await look()")
    expect(other.bodies).toEqual([])
    await next.close()
  })
})
