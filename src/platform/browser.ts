/** Browser: the composition that `open` is in a page: the database lives in a worker of its own.
 *  Keeps: importing does nothing, also where there is no Worker (a page rendered on a server). */

import { connectWorker, type StartedWorker } from '../database/bridge/start.ts'
import { createOpen, type Open } from '../database/open.ts'
import type { OpenOptions } from '../database/options.ts'
import { persistOnWrite } from '../database/persistence.ts'
import { createTurnScope } from '../database/scope.ts'
import { startForeignWorker } from './foreign-worker.ts'
import { createBrowserHost } from './host-browser.ts'

let made: Open | undefined

/** Opens the database of this name in the origin's private file system, making it where there is none. */
export const open: Open = (name, options) => {
  made ??= createBrowserOpen()
  return made(name, options)
}

function createBrowserOpen(): Open {
  const host = createBrowserHost()
  return createOpen({
    host,
    scope: createTurnScope(host),
    // A page lives as long as its reader wants.
    keepAlive: () => () => undefined,
    keyOf: (name) => name,
    connect: async (name, options, onProgress) => {
      const whenGone = navigator.locks === undefined ? undefined : whenFree
      const channel = (): MessageChannel => new MessageChannel()
      const parts = { host, start: startWorker, channel, whenFree: whenGone }
      const core = await connectWorker(parts, { name, options, onProgress })
      return persistOnWrite(core, persist)
    },
  })
}

/** Only a window may ask; insecure pages have no storage to ask for. */
async function persist(): Promise<boolean> {
  return (await navigator.storage?.persist?.()) ?? false
}

function startWorker(options: OpenOptions): StartedWorker {
  if (options.worker !== undefined) {
    return { worker: options.worker(), url: 'of the option `worker`' }
  }
  // Beside this module in the built package; bundlers know the pattern in `new Worker` and only there.
  const here = import.meta.url
  const url = new URL('./worker.js', here).href
  try {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
    return { worker, url }
  } catch (error) {
    if (!(error instanceof DOMException) || error.name !== 'SecurityError') throw error
    return { worker: startForeignWorker(url), url }
  }
}

async function whenFree(lock: string, signal: AbortSignal): Promise<void> {
  await navigator.locks.request(lock, { signal }, async () => undefined)
}
