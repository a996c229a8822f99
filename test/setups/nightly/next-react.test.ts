/** `constellite/react` in Next, set up by the README's lines: a server component imports it and renders the
 *  README's component, which opens nothing there; the page is live in Chromium, from the builds with Turbopack
 *  and with webpack, and over hot reloads of the development server. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, it, onTestFinished } from 'vitest'
import { packedAt } from '../../support/packed.ts'
import { type Chromium, startChromium } from '../../support/page.ts'
import { readmeFile } from '../../support/readme-file.ts'
import { type Project, typeLines } from '../project.ts'
import { linesFor, splitServer } from '../readme.ts'

const BUILD = /^npx next build.*$/m
/** With webpack it took 70 s on two cores that had other work. */
const BUILD_MS_MAX = 300_000

const PAGE = `import * as bindings from 'constellite/react'
import { Notes } from './notes.jsx'

export default function Page() {
  return <main><p>{Object.keys(bindings).length > 0 && 'imported'}</p><Notes search="" /></main>
}`

const { tarball } = packedAt(inject('packedFolder'))
let browser: Chromium
let project: Project

beforeAll(async () => {
  browser = await startChromium()
  const { before } = splitServer(linesFor('Next 16'))
  expect(before).toMatch(BUILD)
  project = await typeLines({ tarball, lines: before.replace(BUILD, '') })
  const files = {
    'page.jsx': PAGE,
    'notes.jsx': `'use client'\n${readmeFile('notes.jsx')}`,
    // So that a test can write beside the page.
    'db.js': `${readmeFile('db.js')}\nglobalThis.db = db\n`,
  }
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(project.folder, 'app', name), text)
  }
})
afterAll(async () => {
  await browser?.close()
  project?.remove()
})

async function start(command: string): Promise<Page> {
  const running = await project.serve(command)
  onTestFinished(() => running.stop())
  const rendered = await (await fetch(running.url)).text()
  expect(rendered).toContain('<main><p>imported</p><ul></ul></main>')
  expect(existsSync(join(project.folder, 'notes.constellite'))).toBe(false)
  const page = await browser.open(running.url)
  onTestFinished(() => page.close())
  await page.waitForFunction('document.querySelector("ul")?.title === "opfs"')
  return page
}

const write = (page: Page, body: string): Promise<unknown> =>
  page.evaluate(`db.run('INSERT INTO note (body) VALUES (?)', ['${body}'])`)

const BUILDS = ['npx next build', 'npx next build --webpack']

it.for(BUILDS)('works from %s', { timeout: BUILD_MS_MAX }, async (build, { skip }) => {
  if (project.missing !== undefined) return skip(project.missing)
  const page = await start(`${build} && npx next start`)
  await write(page, build)
  await page.waitForSelector(`li:text-is("${build}")`)
  expect(page.workers()).toHaveLength(1)
})

it('works from the development server, and keeps the connection over hot reloads', async ({
  skip,
}) => {
  if (project.missing !== undefined) return skip(project.missing)
  const page = await start('npx next dev')
  await write(page, 'kept')
  await page.waitForSelector('li:text("kept")')
  await page.evaluate('globalThis.before = db')

  const edit = (name: string, change: (text: string) => string): void => {
    const path = join(project.folder, 'app', name)
    writeFileSync(path, change(readFileSync(path, 'utf8')))
  }
  edit('notes.jsx', (text) => text.replaceAll('ul', 'ol'))
  await page.waitForSelector('ol li:text("kept")')
  expect(await page.evaluate('before === db')).toBe(true)

  edit('db.js', (text) => `${text}\nglobalThis.isReplaced = true\n`)
  await page.waitForFunction('globalThis.isReplaced')
  expect(await page.evaluate('before !== db')).toBe(true)
  await page.evaluate("before.run('INSERT INTO note (body) VALUES (?)', ['by the old'])")
  await page.waitForSelector('ol li:text("by the old")')
  expect(page.workers()).toHaveLength(1)

  edit('db.js', (text) => text.replace("body TEXT)'", "body TEXT)', 'CREATE TABLE tag (name)'"))
  await page.waitForFunction("db.all('SELECT * FROM tag').then(() => true, () => false)")
  await page.waitForSelector('ol li:text("by the old")')
  expect(page.workers()).toHaveLength(1)
})
