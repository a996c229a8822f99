/** The service utilities do in pages of Chromium and Firefox what they do in Node: the same tests, in the
 *  portable runner. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium, firefox } from 'playwright-core'
import { expect, it, onTestFinished } from 'vitest'
import { CHROMIUM_ARGUMENTS, findChromium } from '../chromium.ts'
import { findFirefox, firefoxLaunch } from '../firefox.ts'
import { bundlePortable } from '../support/portable/bundle.ts'
import { UTILITY_TESTS } from '../support/portable/files.ts'
import { type Report, tallyOfReport } from '../support/portable/report.ts'
import { serveFolders } from '../support/static-server.ts'
import { embeddedFiles } from '../workerd/embedded-files.ts'
import { pageModules } from './page-modules.ts'

const HTML = '<!doctype html><meta charset="utf-8"><script type="module" src="/tests.js"></script>'

it('in Chromium', async (context) => {
  const { path, ...missing } = findChromium()
  if (path === undefined) return context.skip('reason' in missing ? missing.reason : '')
  await expectAll(await chromium.launch({ executablePath: path, args: [...CHROMIUM_ARGUMENTS] }))
})

it('in Firefox', async (context) => {
  const { path, ...missing } = findFirefox()
  if (path === undefined) return context.skip('reason' in missing ? missing.reason : '')
  await expectAll(await firefox.launch(firefoxLaunch(path, temporaryFolder())))
})

async function expectAll(browser: Browser): Promise<void> {
  onTestFinished(() => browser.close())
  const folder = temporaryFolder()
  const code = await bundlePortable({
    program: 'test/platform/page-program.ts',
    tests: UTILITY_TESTS,
    platform: 'browser',
    plugins: [embeddedFiles(), pageModules()],
  })
  writeFileSync(join(folder, 'tests.js'), code)
  writeFileSync(join(folder, 'index.html'), HTML)
  const server = await serveFolders({ '/': folder })
  onTestFinished(() => server.close())
  const page = await browser.newPage()
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('console', (message) => errors.push(message.text()))
  await page.goto(server.url)
  await page
    .waitForFunction('"outcome" in globalThis', undefined, { timeout: 110_000 })
    .catch((error: unknown) => {
      throw new Error(`the page did not finish: ${errors.join('\n')}`, { cause: error })
    })
  // The page's program put it there.
  const report = (await page.evaluate('globalThis.outcome')) as Report
  expect(report.results.filter((it) => it.state === 'failed')).toEqual([])
  expect(new Set(report.results.map((it) => it.file))).toEqual(new Set(UTILITY_TESTS))
  expect(tallyOfReport(report, 'page').passed).toBeGreaterThan(UTILITY_TESTS.length)
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'constellite-page-tests-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}
