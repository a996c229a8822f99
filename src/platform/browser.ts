/** Browser: the composition that `open` is in a page: the database lives in a worker of its own.
 *  Keeps: importing does nothing, also where there is no Worker (a page rendered on a server). */

import { connectWorker, type StartedWorker } from '../database/bridge/start.ts'
import { createOpen, type Open } from '../database/open.ts'
import type { OpenOptions } from '../database/options.ts'
import { createTurnScope } from '../database/scope.ts'
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
    connect: (name, options, onProgress) =>
      connectWorker(
        {
          host,
          start: startWorker,
          channel: () => new MessageChannel(),
          whenFree: navigator.locks === undefined ? undefined : whenFree,
        },
        { name, options, onProgress },
      ),
  })
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
    return { worker: startForeign(url), url }
  }
}

/** A worker must come from the page's own origin; a module that imports the other one does. */
function startForeign(url: string): Worker {
  const source = `import ${JSON.stringify(url)}`
  const blob = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }))
  const worker = new Worker(blob, { type: 'module' })
  // The worker fetches it before it answers; until then the address must stay.
  const forget = (): void => URL.revokeObjectURL(blob)
  worker.addEventListener('message', forget, { once: true })
  worker.addEventListener('error', forget, { once: true })
  return worker
}

async function whenFree(lock: string, signal: AbortSignal): Promise<void> {
  await navigator.locks.request(lock, { signal }, async () => undefined)
}
