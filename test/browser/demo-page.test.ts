/** The demo page in Chromium, driven as a person without a mouse would drive it. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import axe from 'axe-core'
import type { Download, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { askProgram, inspectFile } from '../../demo/proof/stock.ts'
import {
  freshBrowser,
  openWindow,
  paneOf,
  peersOf,
  runByKeyboard,
  type Served,
  serveDemo,
  tabTo,
  untilVerified,
} from './demo-fixtures.ts'

const NOTE = 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)'
const SAMPLE = fileURLToPath(new URL('../../demo/sample.db', import.meta.url))
const SAMPLE_ROWS = '1 914 rows'

let served: Served

describe('the demo page', () => {
  beforeAll(async () => {
    served = await serveDemo()
  })
  afterAll(() => served?.close())

  it('shows what is written on the left, verified, on the right', async () => {
    const page = await openWindow(await freshBrowser(), served)
    const writer = paneOf(page, 'Writer')
    const follower = paneOf(page, 'Follower')
    await runByKeyboard(page, writer, `${NOTE}; INSERT INTO note (text) VALUES ('from the left')`)
    await follower.getByRole('cell', { name: 'from the left' }).waitFor()
    await untilVerified(page, 3)
    const [left, right] = await peersOf(page)
    expect(right).toMatchObject({ seq: 3, root: left?.root, isEverythingVerified: true })
    expect(right?.frameSeqs).toEqual([1, 2, 3])
    await follower.getByRole('row', { name: /^3 pages ✓ verified .* at seq 3$/ }).waitFor()
  })

  it('tells at its foot what happened: what came together in one line', async () => {
    const page = await openWindow(await freshBrowser(), served)
    await runByKeyboard(
      page,
      paneOf(page, 'Writer'),
      `${NOTE}; INSERT INTO note (text) VALUES ('a')`,
    )
    await untilVerified(page, 3)
    await tabTo(page, page.locator('.page-log summary'))
    await page.keyboard.press('Enter')
    const log = page.getByRole('region', { name: 'Log' })
    await log.getByText(/\[writer\] [123] frames?, the newest seq 3$/).waitFor()
    await log.getByText(/\[follower\] [123] frames?, the newest seq 3$/).waitFor()
    await log.getByText(/\[follower\] open, sync live$/).waitFor()
    expect(await log.getByText(/frames?, the newest/).count()).toBeLessThanOrEqual(4)
  })

  it('keeps what is written offline and sends it when the switch is on again', async () => {
    const page = await openWindow(await freshBrowser(), served)
    const writer = paneOf(page, 'Writer')
    const follower = paneOf(page, 'Follower')
    await runByKeyboard(page, writer, NOTE)
    await untilVerified(page, 2)
    await tabTo(page, writer.getByRole('checkbox', { name: 'Connected' }))
    await page.keyboard.press('Space')
    await writer.getByText('Offline: switched off here').waitFor()
    await page.waitForFunction(() => globalThis.demo?.peers[0]?.db.status.sync.peers === 0)
    await runByKeyboard(page, writer, "INSERT INTO note (text) VALUES ('written offline')")
    await writer.getByText('1 row changed, durable at seq 3.').waitFor()
    expect(await peersOf(page)).toMatchObject([
      { seq: 3, pending: 1 },
      { role: 'follower', seq: 2 },
    ])
    await tabTo(page, writer.getByRole('checkbox', { name: 'Connected' }))
    await page.keyboard.press('Space')
    await follower.getByRole('cell', { name: 'written offline' }).waitFor()
    await untilVerified(page, 3)
    expect(await peersOf(page)).toMatchObject([{ seq: 3, pending: 0 }, { seq: 3 }])
    expect(await page.locator('[data-part=problem-list] li').count()).toBe(0)
  })

  it('imports the sample, and the follower exports a file that stock SQLite takes', async () => {
    const page = await openWindow(await freshBrowser(), served)
    const follower = paneOf(page, 'Follower')
    await tabTo(page, paneOf(page, 'Writer').getByRole('button', { name: 'Load the sample' }))
    await page.keyboard.press('Enter')
    await follower.getByText(SAMPLE_ROWS).waitFor()
    await untilVerified(page, 2)
    const [left, right] = await peersOf(page)
    expect(right?.root).toBe(left?.root)
    await tabTo(page, follower.getByRole('button', { name: 'Export' }))
    const file = await downloaded(page)
    const report = await inspectFile(file)
    expect(report).toMatchObject({ integrity: 'ok', rowCountByTable: { emoji: 1914, word: 4092 } })
    expect(askProgram(file) ?? 'ok').toBe('ok')
  })

  it('shows failures with their hint, and keeps them', async () => {
    const page = await openWindow(await freshBrowser(), served)
    const writer = paneOf(page, 'Writer')
    const follower = paneOf(page, 'Follower')
    await runByKeyboard(page, writer, NOTE)
    await untilVerified(page, 2)
    await runByKeyboard(page, follower, "INSERT INTO note (text) VALUES ('no')")
    await follower
      .getByRole('alert')
      .getByText(/^ErrReadOnly/)
      .waitFor()
    await runByKeyboard(page, follower, 'SELECT count(*) AS notes FROM note')
    await follower.getByRole('columnheader', { name: 'notes' }).waitFor()
    expect(await follower.getByRole('log').innerText()).toContain('ErrReadOnly')

    await tabTo(page, writer.getByRole('button', { name: 'Load the sample' }))
    await page.keyboard.press('Enter')
    await writer.getByRole('log').getByText('ErrNotEmpty').waitFor()
    await tabTo(page, writer.getByRole('button', { name: 'Start over with this file' }))
    await page.keyboard.press('Enter')
    await paneOf(page, 'Follower').getByText(SAMPLE_ROWS).waitFor()
  })

  it('takes a file that is dropped on the writer, and says what is wrong with one that is none', async () => {
    const page = await openWindow(await freshBrowser(), served)
    const writer = paneOf(page, 'Writer')
    await drop(page, 'notes.db', Buffer.from('these are only words'.repeat(100)))
    await writer.getByRole('log').getByText('ErrNotSqlite').waitFor()
    await drop(page, 'sample.db', readFileSync(SAMPLE))
    await paneOf(page, 'Follower').getByText(SAMPLE_ROWS).waitFor()
    await untilVerified(page, 2)
    await tabTo(page, paneOf(page, 'Follower').getByRole('button', { name: 'Verify' }))
    await page.keyboard.press('Enter')
    await paneOf(page, 'Follower')
      .getByText(/^Verified: .* signed at seq 2\.$/)
      .waitFor()
  })

  it.each(['light', 'dark'] as const)('has nothing serious for axe, %s', async (colorScheme) => {
    const page = await openWindow(await freshBrowser(), served)
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.setViewportSize({ width: 1280, height: 1000 })
    await tabTo(page, paneOf(page, 'Writer').getByRole('button', { name: 'Load the sample' }))
    await page.keyboard.press('Enter')
    await untilVerified(page, 2)
    await runByKeyboard(page, paneOf(page, 'Writer'), 'SELECT * FROM emoji LIMIT 5')
    await runByKeyboard(page, paneOf(page, 'Follower'), 'DELETE FROM emoji')
    await paneOf(page, 'Follower').getByRole('alert').getByText('ErrReadOnly').waitFor()
    expect(await seriousProblems(page)).toEqual([])
    await tabTo(page, page.getByRole('button', { name: 'Start over…' }))
    await page.keyboard.press('Enter')
    expect(await seriousProblems(page)).toEqual([])
  })

  it('fits a phone without scrolling sideways', async () => {
    const page = await openWindow(await freshBrowser(), served)
    await page.setViewportSize({ width: 360, height: 740 })
    await tabTo(page, paneOf(page, 'Writer').getByRole('button', { name: 'Load the sample' }))
    await page.keyboard.press('Enter')
    await untilVerified(page, 2)
    const widest = await page.evaluate(() => document.documentElement.scrollWidth)
    expect(widest).toBeLessThanOrEqual(360)
    expect(await seriousProblems(page)).toEqual([])
  })
})

/** Presses Enter on the export button that has the focus, and answers where the file went. */
async function downloaded(page: Page): Promise<string> {
  const waiting: Promise<Download> = page.waitForEvent('download')
  await page.keyboard.press('Enter')
  const download = await waiting
  expect(download.suggestedFilename()).toMatch(/\.db$/)
  const path = join(served.folder, `export-${crypto.randomUUID()}.db`)
  await download.saveAs(path)
  return path
}

/** Lets go of a file over the writer's pane. */
async function drop(page: Page, name: string, bytes: Buffer): Promise<void> {
  const dataTransfer = await page.evaluateHandle(
    ({ title, text }) => {
      const transfer = new DataTransfer()
      const content = Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
      transfer.items.add(new File([content], title))
      return transfer
    },
    { title: name, text: bytes.toString('base64') },
  )
  await paneOf(page, 'Writer').dispatchEvent('drop', { dataTransfer })
}

async function seriousProblems(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source)
  return page.evaluate(async () => {
    // The script above made it.
    const { axe: inPage } = globalThis as unknown as { axe: typeof axe }
    const { violations } = await inPage.run()
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`)
  })
}
