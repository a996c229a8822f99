/** The package opens and is queried in a browser without any tool, from the page's origin and from another
 *  one.  With a bundler: test/setups. */

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { packedAt } from '../support/packed.ts'
import { type Chromium, outcomeOf, startChromium } from '../support/page.ts'
import { serveFolders } from '../support/static-server.ts'

const FIXTURES = fileURLToPath(new URL('./fixtures', import.meta.url))

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

  it('says what a sandboxed frame lacks', async () => {
    const url = await serve(
      { '/': join(FIXTURES, 'cleared'), '/constellite/': shipped },
      { anyOrigin: true },
    )
    const page = await browser.open(url)
    const told = await page.evaluate(`new Promise((resolve) => {
      addEventListener('message', ({ data }) => resolve(data))
      const frame = document.createElement('iframe')
      frame.sandbox = 'allow-scripts'
      frame.srcdoc = \`<script type="module">
        import { open, remove } from '${url}/constellite/index.js'
        const codeOf = (work) => work.then(() => 'none', ({ code, hint }) => [code, hint])
        parent.postMessage(await Promise.all([codeOf(open('n').ready), codeOf(remove('n'))]), '*')
      </\` + 'script>'
      document.body.append(frame)
    })`)
    await page.close()
    const refused = ['ErrStorage', expect.stringContaining('without allow-same-origin')]
    expect(told).toEqual([refused, refused])
  })

  it.each([
    ['pagehide', 'globalThis'],
    ['visibilitychange', 'document'],
  ])(
    'keeps what a page writes as it goes, where another runs the database: on %s',
    async (event, target) => {
      const url = await serve({ '/': join(FIXTURES, 'cleared'), '/constellite/': shipped })
      const [stays, goes] = [await browser.open(url), await browser.open(url)]
      const name = JSON.stringify(`left on ${event}`)
      const opening = `globalThis.db = openNotes(${name}); db.ready.then(() => db.status.owner)`
      expect([await stays.evaluate(opening), await goes.evaluate(opening)]).toEqual([
        'here',
        'elsewhere',
      ])
      const seen = stays.evaluate(`new Promise((resolve, reject) => {
      const onRows = (rows) => rows.length > 0 && resolve(rows)
        db.watch('SELECT body FROM note').subscribe(onRows, reject)
    })`)
      await goes.evaluate(`${target}.addEventListener('${event}', () => {
      db.run("INSERT INTO note (body) VALUES ('last')")
    })`)
      await goes.goto('about:blank')
      expect(await seen).toEqual([{ body: 'last' }])
      await Promise.all([stays.close(), goes.close()])
    },
  )
})
