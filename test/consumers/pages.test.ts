/** The package opens and is queried in a browser as strangers would use it: Vite's dev server, Vite's build
 *  served statically, a page without any tool, and files from another origin. */

import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { installInto, packedAt } from '../support/packed.ts'
import { type Chromium, outcomeOf, startChromium } from '../support/page.ts'
import { serveFolders } from '../support/static-server.ts'
import { addressOf } from '../support/vite-process.ts'

const FIXTURES = fileURLToPath(new URL('./fixtures', import.meta.url))
const VITE = 'vite@8.3.8'

/** What `try-out.js` must see, wherever it runs. */
const SEEN = {
  seen: [2, 3],
  kind: 'opfs',
  durable: true,
  rows: [
    { id: 'a', body: 'first' },
    { id: 'b', body: 'second' },
    { id: 'c', body: 'third' },
  ],
}

const packed = packedAt(inject('packedFolder'))
const shipped = join(packed.project, 'node_modules/constellite/dist/browser')
let browser: Chromium

beforeAll(async () => {
  browser = await startChromium()
})
afterAll(async () => {
  await browser?.close()
})

async function tryOut(url: string): Promise<unknown> {
  const page = await browser.open(url)
  try {
    return await outcomeOf(browser, page)
  } finally {
    await page.close()
  }
}

async function serve(
  folders: Readonly<Record<string, string>>,
  options: { readonly anyOrigin?: boolean } = {},
): Promise<string> {
  const server = await serveFolders(folders, options)
  onTestFinished(() => server.close())
  return server.url
}

describe('with Vite 8', () => {
  const project = mkdtempSync(join(tmpdir(), 'constellite-vite-'))

  beforeAll(async () => {
    await installInto(project, [packed.tarball, VITE])
    cpSync(join(FIXTURES, 'page'), project, { recursive: true })
  })
  afterAll(() => rmSync(project, { recursive: true, force: true }))

  it('works from the dev server, without any configuration', async () => {
    const vite = startVite(project, ['--port', '0', '--host', '127.0.0.1'])
    onTestFinished(() => {
      vite.kill()
    })
    expect(await tryOut(await addressOf(vite))).toEqual(SEEN)
  })

  it('works from its build', async () => {
    const vite = startVite(project, ['build'])
    const status = await new Promise((resolve) => vite.once('close', resolve))
    expect(status).toBe(0)
    const url = await serve({ '/': join(project, 'dist') })
    expect(await tryOut(`${url}/index.html`)).toEqual(SEEN)
  })
})

describe('without a tool', () => {
  it('works in a plain script page', async () => {
    const url = await serve({
      '/': join(FIXTURES, 'plain'),
      '/page/': join(FIXTURES, 'page'),
      '/constellite/': shipped,
    })
    expect(await tryOut(url)).toEqual(SEEN)
  })

  it('works from another origin, where a worker cannot be started directly', async () => {
    const other = await serve({ '/constellite/': shipped }, { anyOrigin: true })
    const url = await serve({ '/': join(FIXTURES, 'plain'), '/page/': join(FIXTURES, 'page') })
    expect(await tryOut(`${url}/?from=${encodeURIComponent(other)}`)).toEqual(SEEN)
  })
})

function startVite(project: string, parameters: readonly string[]): ChildProcess {
  const vite = join(project, 'node_modules/vite/bin/vite.js')
  return spawn(process.execPath, [vite, ...parameters], {
    cwd: project,
    env: { PATH: process.env['PATH'], NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}
