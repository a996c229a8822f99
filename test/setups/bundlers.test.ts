/** The README's lines for bundlers and for pages without one: typed as they stand, the page says in Chromium
 *  what it should, twice, from a build under the README's Content Security Policy. */

import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { CHROMIUM_ARGUMENTS, findChromium } from '../chromium.ts'
import { packedAt } from '../support/packed.ts'
import { type Chromium, startChromium } from '../support/page.ts'
import { serveFolders } from '../support/static-server.ts'
import { type Project, typeLines } from './project.ts'
import { developmentCommand, linesFor, policies } from './readme.ts'
import { KEPT, textOf, visitTwice } from './visit.ts'

const { tarball, project: installed } = packedAt(inject('packedFolder'))
const BUNDLERS = [
  { title: 'Vite 8', worker: /\/assets\/worker-[\w-]+\.js$/ },
  { title: 'Vite 7', worker: /\/assets\/worker-[\w-]+\.js$/ },
  { title: 'webpack 5', worker: /\/\d+\.js$/ },
  { title: 'esbuild', worker: /\/worker\.js$/ },
]

const projects = new Map<string, Project>()
let browser: Chromium

beforeAll(async () => {
  const waiting = [...BUNDLERS.map((it) => it.title), 'plain HTML', 'another origin']
  const typeNext = async (): Promise<void> => {
    for (let title = waiting.shift(); title !== undefined; title = waiting.shift()) {
      const lines = linesFor(title, { page: true })
      projects.set(title, await typeLines({ tarball, lines }))
    }
  }
  // Two at a time: while one waits for the registry, the other one builds.
  await Promise.all([typeNext(), typeNext()])
  browser = await startChromium()
})
afterAll(async () => {
  await browser?.close()
  for (const project of projects.values()) project.remove()
})

function projectOf(title: string): Project {
  const project = projects.get(title)
  if (project === undefined) throw new Error(`the lines for ${title} were not typed`)
  return project
}

/** What the README's lines name; the test has a server in its place. */
const CDN = 'https://cdn.jsdelivr.net'

type ServeOptions = Parameters<typeof serveFolders>[1]

async function serve(folders: Record<string, string>, options?: ServeOptions): Promise<string> {
  const server = await serveFolders(folders, options)
  onTestFinished(() => server.close())
  return server.url
}

describe.each(BUNDLERS)('with $title', ({ title, worker }) => {
  it('builds a page that keeps its visits under the policy of the README', async ({ skip }) => {
    const project = projectOf(title)
    if (project.missing !== undefined) return skip(project.missing)
    const url = await serve({ '/': join(project.folder, 'dist') }, { policy: policies().own })
    const { workers, ...seen } = await visitTwice(browser, url)
    expect(seen).toEqual(KEPT)
    expect(workers).toEqual([expect.stringMatching(worker), expect.stringMatching(worker)])
  })

  if (!title.startsWith('Vite')) return

  it('serves it while it is written', async ({ skip }) => {
    const project = projectOf(title)
    if (project.missing !== undefined) return skip(project.missing)
    const command = developmentCommand(linesFor(title))
    expect(command).toBe('npx vite')
    const server = await project.serve(`${command} --host 127.0.0.1 --port $PORT`)
    onTestFinished(() => server.stop())
    const { workers, ...seen } = await visitTwice(browser, server.url)
    expect(seen).toEqual(KEPT)
    expect(workers).toHaveLength(2)
  })
})

describe('a page without a bundler', () => {
  it('keeps its visits, from a static server, with an import map', async ({ skip }) => {
    const plain = projectOf('plain HTML')
    if (plain.missing !== undefined) return skip(plain.missing)
    const policy = withHash(policies().own, plain.folder)
    const { workers, ...seen } = await visitTwice(
      browser,
      await serve({ '/': plain.folder }, { policy }),
    )
    expect(seen).toEqual(KEPT)
    expect(workers).toEqual(Array(2).fill(expect.stringMatching(/\/constellite\/worker\.js$/)))
  })

  it('refuses by name where the policy forbids to compile WebAssembly', async ({ skip }) => {
    const plain = projectOf('plain HTML')
    if (plain.missing !== undefined) return skip(plain.missing)
    const policy = withHash(policies().own, plain.folder).replace("'wasm-unsafe-eval'", '')
    const page = await browser.context.newPage()
    onTestFinished(() => page.close())
    const failed = new Promise<Error>((resolve) => page.once('pageerror', resolve))
    await page.goto(await serve({ '/': plain.folder }, { policy }))
    expect((await failed).message).toMatch(/WebAssembly.*Content Security Policy/is)
  })

  it('refuses by name where it is served without https under another name than localhost', async ({
    skip,
  }) => {
    const plain = projectOf('plain HTML')
    if (plain.missing !== undefined) return skip(plain.missing)
    const { path = '' } = findChromium()
    const args = [...CHROMIUM_ARGUMENTS, '--host-resolver-rules=MAP phone.test 127.0.0.1']
    const abroad = await chromium.launch({ executablePath: path, args })
    onTestFinished(() => abroad.close())
    const page = await abroad.newPage()
    const failed = new Promise<Error>((resolve) => page.once('pageerror', resolve))
    const { port } = new URL(await serve({ '/': plain.folder }))
    await page.goto(`http://phone.test:${port}/`)
    expect((await failed).message).toMatch(/no secure context/)
  })

  it('keeps them where the package lies at another origin, which starts the worker through a blob', async ({
    skip,
  }) => {
    const project = projectOf('another origin')
    if (project.missing !== undefined) return skip(project.missing)
    const { version } = JSON.parse(
      readFileSync(join(installed, 'node_modules/constellite/package.json'), 'utf8'),
    )
    const cdn = await serve(
      { [`/npm/constellite@${version}/`]: join(installed, 'node_modules/constellite') },
      { anyOrigin: true },
    )
    pointAt(cdn, project.folder)
    const policy = withHash(policies().other.replaceAll(CDN, cdn), project.folder)
    const url = await serve({ '/': project.folder }, { policy })
    const { workers, ...seen } = await visitTwice(browser, url)
    expect(seen).toEqual(KEPT)
    expect(workers).toEqual(Array(2).fill(expect.stringMatching(/^blob:/)))
  })

  it('keeps them in a private window until it is closed, and cannot know that it is one', async ({
    skip,
  }) => {
    const plain = projectOf('plain HTML')
    if (plain.missing !== undefined) return skip(plain.missing)
    const url = await serve({ '/': plain.folder })
    const { path = '' } = findChromium()
    const privately = await chromium.launch({ executablePath: path, args: [...CHROMIUM_ARGUMENTS] })
    onTestFinished(() => privately.close())
    for (let window = 1; window <= 2; window++) {
      // Of no profile on disk, as a private window.
      const context = await privately.newContext()
      const page = await context.newPage()
      await page.goto(url)
      const first = await textOf(page)
      await page.reload()
      expect([first, await textOf(page)]).toEqual(KEPT.texts)
      expect(await page.evaluate(STORAGE)).toEqual({ kind: 'opfs', durable: true })
      await context.close()
    }
  })
})

/** What the database of the page says of its storage. */
const STORAGE = `import('constellite').then(async ({ open }) => {
  const db = await open('visits')
  const { kind, durable } = db.status.storage
  await db.close()
  return { kind, durable }
})`

/** The policy with the hash of the page's inline import map, as a browser wants it. */
function withHash(policy: string, folder: string): string {
  const html = readFileSync(join(folder, 'index.html'), 'utf8')
  const map = /<script type="importmap">([\s\S]*?)<\/script>/.exec(html)?.[1]
  if (map === undefined) throw new Error('the page has no import map')
  const hash = createHash('sha256').update(map).digest('base64')
  return policy.replace('script-src', `script-src 'sha256-${hash}'`)
}

function pointAt(origin: string, folder: string): void {
  const path = join(folder, 'index.html')
  const html = readFileSync(path, 'utf8')
  expect(html).toContain(`${CDN}/`)
  writeFileSync(path, html.replaceAll(CDN, origin))
}
