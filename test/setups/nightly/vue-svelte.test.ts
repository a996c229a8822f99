/** `constellite/vue` in Nuxt and `constellite/svelte` in SvelteKit, set up by the README's lines: the server
 *  renders the README's component, which opens nothing there; the page takes over what was rendered without a
 *  complaint and is live in Chromium, from the build and over hot reloads of the development server. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { packedAt } from '../../support/packed.ts'
import { type Chromium, startChromium } from '../../support/page.ts'
import { readmeFile } from '../../support/readme-file.ts'
import { type Project, typeLines } from '../project.ts'
import { developmentCommand, linesFor, splitServer } from '../readme.ts'
import { complaintsIn } from '../visit.ts'

// So that a test can write beside the page.
const HANDLE = `${readmeFile('db.js')}\nglobalThis.db = db\n`

const NUXT_APP = `<script setup>
import Notes from './Notes.vue'
</script>

<template>
  <main><Notes search="" /></main>
</template>
`

const SVELTEKIT_PAGE = `<script>
  import Notes from '../Notes.svelte'
</script>

<main><Notes search="" /></main>
`

type Framework = {
  readonly title: string
  readonly build: RegExp
  /** Builds and serves, and serves while it is written. */
  readonly built: string
  readonly development: string
  readonly parameters: string
  readonly component: string
  readonly handle: string
  readonly files: Readonly<Record<string, string>>
}

const FRAMEWORKS: readonly Framework[] = [
  {
    title: 'Nuxt 4',
    build: /^npx nuxt build.*$/m,
    built: 'npx nuxt build && node .output/server/index.mjs',
    development: 'npx nuxt dev',
    parameters: '--host 127.0.0.1 --port $PORT --no-fork',
    component: 'app/Notes.vue',
    handle: 'app/db.js',
    files: {
      'app/app.vue': NUXT_APP,
      'app/Notes.vue': readmeFile('Notes.vue'),
      'app/db.js': HANDLE,
    },
  },
  {
    title: 'SvelteKit 2',
    build: /^npx vite build.*$/m,
    built: 'npx vite build && npx vite preview --host 127.0.0.1 --port $PORT',
    development: 'npx vite',
    parameters: '--host 127.0.0.1 --port $PORT',
    component: 'src/Notes.svelte',
    handle: 'src/db.js',
    files: {
      'src/routes/+page.svelte': SVELTEKIT_PAGE,
      'src/Notes.svelte': readmeFile('Notes.svelte'),
      'src/db.js': HANDLE,
    },
  },
]

const { tarball } = packedAt(inject('packedFolder'))
let browser: Chromium

beforeAll(async () => {
  browser = await startChromium()
  // Asked for by the browser itself.
  await browser.context.route('**/favicon.ico', (route) => route.fulfill({ status: 204 }))
})
afterAll(() => browser?.close())

const write = (page: Page, body: string): Promise<unknown> =>
  page.evaluate(`db.run('INSERT INTO note (body) VALUES (?)', ['${body}'])`)

describe.each(FRAMEWORKS)('with $title', (framework) => {
  const { title, build, built, development, parameters, component, handle, files } = framework
  let project: Project

  beforeAll(async () => {
    const lines = linesFor(title)
    const before = lines.trimEnd().endsWith('index.mjs') ? splitServer(lines).before : lines
    expect(before).toMatch(build)
    project = await typeLines({ tarball, lines: before.replace(build, '') })
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(project.folder, name), text)
    }
  })
  afterAll(() => project?.remove())

  async function start(command: string): Promise<{ page: Page; complaints(): readonly string[] }> {
    const running = await project.serve(command)
    onTestFinished(() => running.stop())
    const rendered = await (await fetch(running.url)).text()
    // A list without notes, but for the marks by which a framework finds its place again.
    expect(rendered.replaceAll(/<!--.*?-->/g, '')).toMatch(/<main>\s*<ul><\/ul><\/main>/)
    expect(existsSync(join(project.folder, 'notes.constellite'))).toBe(false)
    const from = browser.log.length
    const page = await browser.open(running.url)
    onTestFinished(async () => {
      await page.evaluate('globalThis.db?.close()')
      await page.close()
    })
    await page.waitForFunction('document.querySelector("ul")?.title === "opfs"')
    return { page, complaints: () => complaintsIn(browser.log.slice(from)) }
  }

  it('is rendered on the server and live in the page, from the build', async ({ skip }) => {
    if (project.missing !== undefined) return skip(project.missing)
    const { page, complaints } = await start(built)
    await write(page, 'built')
    await page.waitForSelector('li:text("built")')
    expect(page.workers()).toHaveLength(1)
    expect(complaints()).toEqual([])
  })

  it('so it is from the development server, and over hot reloads keeps the connection', async ({
    skip,
  }) => {
    if (project.missing !== undefined) return skip(project.missing)
    expect(developmentCommand(linesFor(title))).toBe(development)
    const { page, complaints } = await start(`${development} ${parameters}`)
    await write(page, 'kept')
    await page.waitForSelector('li:text("kept")')
    expect(complaints()).toEqual([])
    await page.evaluate('globalThis.before = db')
    const edit = (name: string, change: (text: string) => string): void => {
      const path = join(project.folder, name)
      writeFileSync(path, change(readFileSync(path, 'utf8')))
    }
    edit(component, (text) => text.replaceAll('ul', 'ol'))
    await page.waitForSelector('ol li:text("kept")')
    expect(await page.evaluate('before === db')).toBe(true)
    expect(page.workers()).toHaveLength(1)

    // Replaced in the page or by a reload of it, as the framework wants: what was appended is there.
    edit(handle, (text) => text.replace("body TEXT)'", "body TEXT)', 'CREATE TABLE tag (name)'"))
    const isMade = "globalThis.db?.all('SELECT * FROM tag').then(() => true, () => false)"
    await page.waitForFunction(isMade)
    await page.waitForSelector('ol li:text("kept")')
    expect(page.workers()).toHaveLength(1)
  })
})
