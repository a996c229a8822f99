/** Page server: Vite's development server for the page, and the relay that the page uses.
 *  Keeps: both listen on 127.0.0.1 only; busy ports move on; the relay keeps its shards between runs, so
 *  that the page's databases find their history again. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createServer, type Plugin } from 'vite'
import { isFailure } from '../src/base/failure.ts'
import { startRelay } from '../src/entry/relay.ts'

type RunningRelay = Awaited<ReturnType<typeof startRelay>>

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const RELAY_FOLDER = join(ROOT, '.cache/demo-relay')
const HOST = '127.0.0.1'

export type ServedPage = {
  readonly url: string
  readonly relayUrl: string
  close(): Promise<void>
}

export type PageOptions = {
  /** First port to try for the page. */
  readonly port: number
  /** Where the relay keeps its shards; by default a folder that lasts between runs. */
  readonly relayFolder?: string
  /** Reloads the page when its sources change, as it does by default. */
  readonly isWatching?: boolean
}

export async function servePage(options: PageOptions): Promise<ServedPage> {
  const { port, relayFolder = RELAY_FOLDER, isWatching = true } = options
  const relay = await startPageRelay(relayFolder)
  const server = await createServer({
    configFile: join(ROOT, 'vite.config.ts'),
    root: join(ROOT, 'demo'),
    cacheDir: join(ROOT, '.cache/demo-vite'),
    logLevel: 'warn',
    clearScreen: false,
    server: {
      host: HOST,
      port,
      strictPort: false,
      ...(isWatching ? {} : { hmr: false, watch: null }),
    },
    // Named here because Vite looks for dependencies from the page only: one that it met first in the
    // worker would make it reload the page.
    optimizeDeps: {
      include: ['@noble/ed25519', '@noble/hashes/blake3.js', '@noble/hashes/sha2.js'],
    },
    plugins: [tellRelay(relay.url)],
  })
  await server.listen()
  const [url = `http://${HOST}:${port}/`] = server.resolvedUrls?.local ?? []
  return {
    url,
    relayUrl: relay.url,
    close: async () => {
      await server.close()
      await relay.close()
    },
  }
}

/** Another `npm start` may own the folder: then this one keeps its shards for this run only. */
async function startPageRelay(dir: string): Promise<RunningRelay> {
  try {
    return await startRelay({ dir, movesOn: true, onFailure: report })
  } catch (error) {
    if (!isFailure(error, 'ErrInUse')) throw error
    const folder = mkdtempSync(join(tmpdir(), 'constellite-demo-'))
    const relay = await startRelay({ dir: folder, movesOn: true, onFailure: report })
    const close = async (): Promise<void> => {
      await relay.close()
      rmSync(folder, { recursive: true, force: true })
    }
    return { ...relay, close }
  }
}

function report(failure: Error): void {
  console.error(`relay: ${failure.message}`)
}

/** Writes the relay's address into the page, because its port is known only now. */
function tellRelay(url: string): Plugin {
  return {
    name: 'tell-relay',
    transformIndexHtml: () => [
      { tag: 'meta', attrs: { name: 'relay', content: url }, injectTo: 'head' },
    ],
  }
}
