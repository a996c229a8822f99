/** The demo in several windows of Chromium: one writer for all, a follower for each. */

import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  freshBrowser,
  openWindow,
  paneOf,
  peersOf,
  runByKeyboard,
  type Served,
  serveDemo,
  tabTo,
  untilLive,
  untilVerified,
} from './demo-fixtures.ts'

const NOTE = 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)'

let served: Served

describe('the demo in several windows', () => {
  beforeAll(async () => {
    served = await serveDemo()
  })
  afterAll(() => served?.close())

  it('has one writer in two windows, and goes on when the one that ran it is closed', async () => {
    const browser = await freshBrowser()
    const first = await openWindow(browser, served)
    await runByKeyboard(
      first,
      paneOf(first, 'Writer'),
      `${NOTE}; INSERT INTO note VALUES (1, 'one')`,
    )
    await untilVerified(first, 3)
    const second = await openWindow(browser, served)
    const writer = paneOf(second, 'Writer')
    await writer.getByText('another window').waitFor()
    await writer.getByRole('cell', { name: 'one' }).waitFor()
    // What came before it was there is shown to it too, and verified.
    await untilVerified(second, 3)
    await runByKeyboard(second, writer, "INSERT INTO note VALUES (2, 'two')")
    await writer.getByText('1 row changed, durable at seq 4.').waitFor()
    await paneOf(first, 'Writer').getByRole('cell', { name: 'two' }).waitFor()
    await untilVerified(first, 4)

    await first.close()
    await writer.getByText('this window').waitFor()
    await runByKeyboard(second, writer, "INSERT INTO note VALUES (3, 'three')")
    await writer.getByText('1 row changed, durable at seq 5.').waitFor()
    await paneOf(second, /window 2/)
      .getByRole('cell', { name: 'three' })
      .waitFor()
    await untilVerified(second, 5)
    const [shared, own] = await peersOf(second)
    expect([shared?.root, shared?.pending]).toEqual([own?.root, 0])
    expect(await second.locator('[data-part=problem-list] li').count()).toBe(0)
    expect(browser.log.filter((line) => line.startsWith('page error'))).toEqual([])
  })

  it('has one switch for a writer in two windows', async () => {
    const browser = await freshBrowser()
    const first = await openWindow(browser, served)
    await tabTo(first, paneOf(first, 'Writer').getByRole('checkbox', { name: 'Connected' }))
    await first.keyboard.press('Space')
    const second = await browser.open(served.url)
    const writer = paneOf(second, 'Writer')
    await writer.getByText('Offline: switched off here').waitFor()
    await tabTo(second, writer.getByRole('checkbox', { name: 'Connected' }))
    await second.keyboard.press('Space')
    for (const page of [first, second]) {
      await paneOf(page, 'Writer').getByText('Live: in step with the relay').waitFor()
    }
  })

  it('follows in a second window, which finds its database again after a reload', async () => {
    const browser = await freshBrowser()
    const first = await openWindow(browser, served)
    const second = await openWindow(browser, served)
    const pane = paneOf(second, /window 2/)
    await runByKeyboard(
      first,
      paneOf(first, 'Writer'),
      `${NOTE}; INSERT INTO note VALUES (7, 'both')`,
    )
    await pane.getByRole('cell', { name: 'both' }).waitFor()
    await untilVerified(second, 3)
    const [, before] = await peersOf(second)
    expect(before).toMatchObject({ role: 'follower', seq: 3, isEverythingVerified: true })

    await Promise.all([first.reload(), second.reload()])
    await untilLive(first, browser)
    await untilLive(second, browser)
    const [, after] = await peersOf(second)
    expect(after?.name).toBe(before?.name)
    await runByKeyboard(first, paneOf(first, 'Writer'), "INSERT INTO note VALUES (8, 'after')")
    await pane.getByRole('cell', { name: 'after' }).waitFor()
    await untilVerified(second, 4)
  })

  it('follows by a link in another browser, which knows nothing else', async () => {
    const page = await openWindow(await freshBrowser(), served)
    await runByKeyboard(page, paneOf(page, 'Writer'), `${NOTE}; INSERT INTO note VALUES (1, 'far')`)
    await untilVerified(page, 3)
    const address = await page.evaluate(() => globalThis.demo?.peers[0]?.address ?? '')
    expect(address).toMatch(/^constellite:/)
    const hash = `#follow=${encodeURIComponent(address)}`
    const other = await openWindow(await freshBrowser(), served, hash)
    await paneOf(other, /^Follower/)
      .getByRole('cell', { name: 'far' })
      .waitFor()
    const [writer] = await peersOf(page)
    expect(await peersOf(other)).toMatchObject([{ role: 'follower', seq: 3, root: writer?.root }])
  })

  it('starts over in all windows: old databases are gone, and each follows the new writer', async () => {
    const browser = await freshBrowser()
    const first = await openWindow(browser, served)
    const second = await openWindow(browser, served)
    await runByKeyboard(first, paneOf(first, 'Writer'), NOTE)
    await untilVerified(second, 2)
    const windows = [first, second]
    const names = (await Promise.all(windows.map(peersOf))).flat().map(({ name }) => name)
    await tabTo(first, first.getByRole('button', { name: 'Start over…' }))
    await first.keyboard.press('Enter')
    await tabTo(first, first.getByRole('button', { name: 'Delete and start over' }))
    await first.keyboard.press('Enter')
    for (const window of windows) {
      await window.waitForFunction(
        (old) => globalThis.demo?.peers[1] !== undefined && globalThis.demo.peers[0]?.name !== old,
        names[0],
      )
      await untilLive(window, browser)
    }
    await runByKeyboard(first, paneOf(first, 'Writer'), 'CREATE TABLE fresh (id INTEGER)')
    await paneOf(second, /window 2/)
      .getByRole('combobox', { name: 'Table' })
      .getByText('fresh')
      .waitFor({ state: 'attached' })
    const folders = await foldersOf(first)
    for (const name of names) expect(folders).not.toContain(name)
    for (const window of windows) {
      expect(await window.evaluate(() => globalThis.demo?.failures)).toEqual([])
    }
  })
})

/** Folders of databases in this origin's private file system. */
function foldersOf(page: Page): Promise<readonly string[]> {
  return page.evaluate(async () => {
    const root = await navigator.storage.getDirectory()
    const names: string[] = []
    for await (const name of (await root.getDirectoryHandle('constellite')).keys()) names.push(name)
    return names
  })
}
