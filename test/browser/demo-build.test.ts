/** The demo as `vite build` makes it, for a page that no development server serves. */

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin, preview } from 'vite'
import { expect, it, onTestFinished } from 'vitest'
import { startRelay } from '../../src/entry/relay.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import {
  freshBrowser,
  paneOf,
  peersOf,
  runByKeyboard,
  untilLive,
  untilVerified,
} from './demo-fixtures.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const configFile = join(ROOT, 'vite.config.ts')
/** Far from the ports of the other tests and of a person's own. */
const PORT = 15_273

it('opens, writes, and verifies on the other side', async () => {
  const folder = temporaryDirectory()
  const relay = await startRelay({ dir: join(folder, 'relay'), port: 0 })
  onTestFinished(() => relay.close())
  const outDir = join(folder, 'page')
  const root = join(ROOT, 'demo')
  await build({
    configFile,
    root,
    logLevel: 'error',
    build: { outDir },
    plugins: [nameRelay(relay.url)],
  })
  const server = await preview({
    configFile,
    root,
    logLevel: 'error',
    build: { outDir },
    preview: { host: '127.0.0.1', port: PORT },
  })
  onTestFinished(() => server.close())
  const [url] = server.resolvedUrls?.local ?? []
  if (url === undefined) throw new Error('the built page is served nowhere')

  const browser = await freshBrowser()
  const page = await browser.open(url)
  await untilLive(page, browser)
  await runByKeyboard(page, paneOf(page, 'Writer'), 'CREATE TABLE note (id INTEGER PRIMARY KEY)')
  await untilVerified(page, 2)
  const [left, right] = await peersOf(page)
  expect(right).toMatchObject({ seq: 2, root: left?.root, isEverythingVerified: true })
})

/** The page's relay, when it is not the one at the usual port. */
function nameRelay(url: string): Plugin {
  return {
    name: 'name-relay',
    transformIndexHtml: () => [
      { tag: 'meta', attrs: { name: 'relay', content: url }, injectTo: 'head' },
    ],
  }
}
