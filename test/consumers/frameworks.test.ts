/** The README's components in Chromium: real React under StrictMode with Fast Refresh, Vue and Svelte, from
 *  Vite's dev server and from its build, on the packed package. */

import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { installInto, packedAt } from '../support/packed.ts'
import { type Chromium, startChromium } from '../support/page.ts'
import { readmeFile } from '../support/readme-file.ts'
import { serveFolders } from '../support/static-server.ts'
import { addressOf } from '../support/vite-process.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PEERS = ['react', 'react-dom', 'vue', 'svelte', 'vite']
const project = mkdtempSync(join(tmpdir(), 'constellite-frameworks-'))

const SVELTE_APP = `<script>
  import Notes from './Notes.svelte'
  let search = $state('')
</script>
<input oninput={({ target }) => (search = target.value)} />
<Notes {search} />`

let browser: Chromium
let vite: ChildProcess
let url: string

beforeAll(async () => {
  const manifest: { devDependencies: Record<string, string> } = JSON.parse(
    readFileSync(join(ROOT, 'package.json'), 'utf8'),
  )
  const peers = PEERS.map((name) => `${name}@${manifest.devDependencies[name]}`)
  const { tarball } = packedAt(inject('packedFolder'))
  await installInto(project, [tarball, '@vitejs/plugin-react@6.3.0', ...peers])
  cpSync(join(ROOT, 'test/consumers/fixtures/frameworks'), project, { recursive: true })
  for (const name of ['notes.jsx', 'Notes.vue', 'Notes.svelte', 'hooks.js']) {
    writeFileSync(join(project, name), readmeFile(name))
  }
  writeFileSync(join(project, 'App.svelte'), SVELTE_APP)
  // So that a test can write beside the page.
  writeFileSync(join(project, 'db.js'), `${readmeFile('db.js')}\nglobalThis.db = db\n`)
  vite = startVite(['--port', '0', '--host', '127.0.0.1'])
  url = await addressOf(vite)
  browser = await startChromium()
})
afterAll(async () => {
  vite?.kill()
  await browser?.close()
  rmSync(project, { recursive: true, force: true })
})

function startVite(parameters: readonly string[]): ChildProcess {
  return spawn(process.execPath, [join(project, 'node_modules/vite/bin/vite.js'), ...parameters], {
    cwd: project,
    env: { PATH: process.env['PATH'], NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

async function openPage(address: string): Promise<Page> {
  const page = await browser.open(address)
  onTestFinished(async () => {
    // The next page of this origin opens the same database.
    await page.evaluate('globalThis.db?.close()')
    await page.close()
  })
  await until(page, 'document.querySelector("ul")?.title === "opfs"')
  return page
}

/** Waits until the page shows these notes. */
async function shows(page: Page, expected: readonly string[]): Promise<void> {
  const items = '[...document.querySelectorAll("li")].map((item) => item.textContent)'
  await until(page, `JSON.stringify(${items}) === ${JSON.stringify(JSON.stringify(expected))}`)
}

async function until(page: Page, condition: string): Promise<void> {
  try {
    await page.waitForFunction(condition, undefined, { timeout: 20_000 })
  } catch (error) {
    throw new Error(`${await page.content()}\n${browser.log.join('\n')}`, { cause: error })
  }
}

const write = (page: Page, body: string): Promise<unknown> =>
  page.evaluate(`db.run('INSERT INTO note (body) VALUES (?)', ['${body}'])`)

/** What every component of the README does, whatever made it. */
async function tryOut(page: Page): Promise<void> {
  await page.evaluate("db.run('DELETE FROM note')")
  await shows(page, [])
  await write(page, 'apple')
  await write(page, 'pear')
  await shows(page, ['apple', 'pear'])
  await page.fill('input', 'pp')
  await shows(page, ['apple'])
  await write(page, 'pineapple')
  await shows(page, ['apple', 'pineapple'])
  expect(await page.getAttribute('ul', 'title')).toBe('opfs')
  await page.evaluate("db.run('DROP TABLE note')")
  await page.waitForSelector('p')
  await page.evaluate("db.run('CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)')")
  await shows(page, [])
}

describe('from the dev server', () => {
  it('React shows live rows, status and errors', async () => {
    await tryOut(await openPage(`${url}on-react.html`))
  })

  it('the README’s twelve lines show rows and status', async () => {
    const before = browser.log.length
    const page = await openPage(`${url}on-react.html`)
    await page.evaluate("db.run('DELETE FROM note')")
    await page.waitForSelector('output:text("0 open")')
    await write(page, 'one')
    await page.waitForSelector('output:text("1 open")')
    expect(browser.log.slice(before).filter((line) => /^(error|page error)/.test(line))).toEqual([])
  })

  it('a hot reload keeps the connection, whichever module is replaced', async () => {
    const page = await openPage(`${url}on-react.html`)
    await page.evaluate("db.run('DELETE FROM note')")
    await write(page, 'kept')
    await shows(page, ['kept'])
    await page.evaluate('globalThis.before = db')
    expect(page.workers()).toHaveLength(1)

    const component = readFileSync(join(project, 'notes.jsx'), 'utf8')
    onTestFinished(() => writeFileSync(join(project, 'notes.jsx'), component))
    writeFileSync(join(project, 'notes.jsx'), component.replaceAll('ul', 'ol'))
    await page.waitForSelector('ol')
    await shows(page, ['kept'])
    expect(await page.evaluate('before === db')).toBe(true)

    // A write is under way while the module of the handle itself is replaced.
    const writing = page.evaluate("before.run('INSERT INTO note (body) VALUES (?)', ['written'])")
    const handle = readFileSync(join(project, 'db.js'), 'utf8')
    writeFileSync(join(project, 'db.js'), `${handle}\nglobalThis.isReplaced = true\n`)
    await page.waitForFunction('globalThis.isReplaced')
    await writing
    await shows(page, ['kept', 'written'])
    expect(await page.evaluate('before !== db')).toBe(true)
    await page.evaluate("before.run('INSERT INTO note (body) VALUES (?)', ['by the old'])")
    await shows(page, ['kept', 'written', 'by the old'])
    expect(page.workers()).toHaveLength(1)
    await page.evaluate('before.close()')
    await write(page, 'by the new')
    await shows(page, ['kept', 'written', 'by the old', 'by the new'])
  })

  it('a hot reload runs the migration that was appended and keeps the connection, in each tab', async () => {
    const page = await openPage(`${url}on-react.html`)
    const other = await openPage(`${url}on-react.html`)
    await page.evaluate("db.run('DELETE FROM note')")
    await write(page, 'kept')
    await page.evaluate('globalThis.before = db')
    const handle = readFileSync(join(project, 'db.js'), 'utf8')
    const component = readFileSync(join(project, 'notes.jsx'), 'utf8')
    const last = 'body TEXT)'
    expect(handle).toContain(`${last}']`)
    const save = (migrations: string): void =>
      writeFileSync(join(project, 'db.js'), handle.replace(`${last}'`, `${last}', ${migrations}`))
    onTestFinished(() => {
      writeFileSync(join(project, 'db.js'), handle)
      writeFileSync(join(project, 'notes.jsx'), component)
    })

    // Saved before it was finished: the page says so, and goes on when it is mended.
    save("'CREATE TABLE tag (name'")
    await page.waitForSelector('p:text("Nothing of migration 2 was kept")')
    save("'CREATE TABLE tag (name TEXT)'")
    await shows(page, ['kept'])
    await shows(other, ['kept'])
    await page.evaluate("before.run('INSERT INTO tag VALUES (?)', ['by the old'])")
    writeFileSync(
      join(project, 'notes.jsx'),
      component.replace(
        'FROM note WHERE body',
        'FROM (SELECT 1 AS id, name AS body FROM tag) WHERE body',
      ),
    )
    await shows(page, ['by the old'])
    await shows(other, ['by the old'])
    expect(await page.evaluate('before !== db')).toBe(true)
    expect(page.workers()).toHaveLength(1)

    // What was appended is what a reload of the page asks for.
    await page.reload()
    await shows(page, ['by the old'])
    await page.evaluate(
      "db.exec('DROP TABLE tag; DELETE FROM constellite_migration WHERE number > 1')",
    )
  })

  it('the package evaluated again shares the connection', async () => {
    const page = await openPage(`${url}on-react.html`)
    await page.evaluate("db.run('DELETE FROM note')")
    const shared = await page.evaluate(`(async () => {
      const { open } = await import('/node_modules/constellite/dist/browser/index.js?again')
      const migrations = ['CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)']
      const again = open('notes', { migrations })
      await again.run('INSERT INTO note (body) VALUES (?)', ['by the copy'])
      await again.close()
      return open !== undefined
    })()`)
    expect(shared).toBe(true)
    await shows(page, ['by the copy'])
    expect(page.workers()).toHaveLength(1)
  })

  // After React's: once they were visited, Vite reloads pages for `db.js`, which these two do not accept.
  it.each(['Vue', 'Svelte'])('%s shows live rows, status and errors', async (name) => {
    await tryOut(await openPage(`${url}on-${name.toLowerCase()}.html`))
  })
})

describe('from the build', () => {
  it('all three work', async () => {
    const building = startVite(['build'])
    building.stdout?.resume()
    expect(await new Promise((resolve) => building.once('close', resolve))).toBe(0)
    const server = await serveFolders({ '/': join(project, 'dist') })
    onTestFinished(() => server.close())
    for (const name of ['react', 'vue', 'svelte']) {
      const page = await browser.open(`${server.url}/on-${name}.html`)
      await page.waitForFunction('globalThis.db !== undefined')
      await write(page, name)
      await page.waitForSelector(`li:text("${name}")`)
      await page.evaluate('db.close()')
      await page.close()
    }
  })
})
