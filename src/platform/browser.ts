/** Browser: the composition that `open` is in a page: the database lives in a worker of its own.
 *  Keeps: importing does nothing, also where there is no Worker (a page rendered on a server). */

import { isFailure } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import type { ClientCore } from '../database/bridge/client.ts'
import type { TabIdentity } from '../database/bridge/protocol.ts'
import {
  removeInWorker,
  type StartedDatabase,
  type StartedWorker,
  startDatabase,
  type WorkerChoice,
  type WorkerOpening,
  type WorkerParts,
} from '../database/bridge/start.ts'
import { createOpen, type Open } from '../database/open.ts'
import { checkRemove } from '../database/options.ts'
import { createPersistence } from '../database/persistence.ts'
import type { Remove } from '../database/remove.ts'
import { createTurnScope } from '../database/scope.ts'
import { queueLock } from '../database/tabs/lobby.ts'
import type { TabParts } from '../database/tabs/parts.ts'
import { connectTab } from '../database/tabs/tab-core.ts'
import { wishesOf } from '../database/tabs/wishes.ts'
import { inUseFailure } from '../storage/failures.ts'
import { startForeignWorker } from './foreign-worker.ts'
import { createBrowserHost } from './host-browser.ts'
import { oncePerRealm } from './realm.ts'
import { createMeetingParts, holdIfFree, sha256, whenFree } from './tabs-browser.ts'

/** Opens the database of this name in the origin's private file system, or in IndexedDB where that opens no
 *  files, making it where there is none. */
export const open: Open = (name, options) => oncePerRealm(createBrowserOpen)(name, options)

/** Deletes a closed database of this origin. */
export const remove: Remove = async (name, options = {}) => {
  checkRemove(name, options)
  const parts = workerParts(createBrowserHost())
  // A tab that has it open waits for this lock, also where the one that ran it has just closed it.
  return holdIfFree(queueLock(name), async (isFree) => {
    if (!isFree) throw inUseFailure(name, undefined)
    return withNeeded(options, () => removeInWorker(parts, name, options))
  })
}

function workerParts(host: Host): WorkerParts {
  return {
    host,
    start: startWorker,
    channel: () => new MessageChannel(),
    whenFree: navigator.locks === undefined ? undefined : whenFree,
  }
}

function tabParts(host: Host): TabParts {
  return { host, ...createMeetingParts(), start: (opening, tab) => startHere(host, opening, tab) }
}

/** Begins again with the other worker where the first says that this page needs that one. */
function startHere(host: Host, opening: WorkerOpening, tab: TabIdentity): StartedDatabase {
  const start = (): StartedDatabase => startDatabase(workerParts(host), opening, tab)
  let started = start()
  let isEnded = false
  const restart = (): Promise<ClientCore> => {
    if (!isEnded) started = start()
    return started.core
  }
  return {
    core: withNeeded(opening.options, () => started.core, restart),
    end: (failure) => {
      isEnded = true
      started.end(failure)
    },
  }
}

function createBrowserOpen(): Open {
  const host = createBrowserHost()
  const persist = createPersistence({ ask: askToPersist, watch: watchPersisted })
  return createOpen({
    host,
    scope: createTurnScope(host),
    // A page lives as long as its reader wants.
    keepAlive: () => () => undefined,
    keyOf: (name) => name,
    connect: async (name, options, onProgress, meanwhile) => {
      const opening = { name, options, onProgress }
      const wishes = await wishesOf(options, sha256)
      const core = await connectTab({ parts: tabParts(host), opening, wishes }, meanwhile)
      return persist(name, core)
    },
  })
}

/** Whether a worker has said that this page needs the one that has everything. */
let isWholeNeeded = false

/** `worker.js` lacks IndexedDB, which few need; when it says so, the other one does the work. */
async function withNeeded<T>(
  { worker }: WorkerChoice,
  work: () => Promise<T>,
  again: () => Promise<T> = work,
): Promise<T> {
  // Another that began before may have learned it meanwhile.
  const hadAll = isWholeNeeded
  try {
    return await work()
  } catch (error) {
    const isNeeded = isFailure(error, 'ErrWorkerFailed') && error.facts['needs'] !== undefined
    if (worker !== undefined || hadAll || !isNeeded) throw error
    isWholeNeeded = true
    return again()
  }
}

/** Only a window may ask; insecure pages have no storage to ask for. */
async function askToPersist(): Promise<boolean> {
  return (await navigator.storage?.persist?.()) ?? false
}

/** The permission changes with the answer that any tab of the site was given, and when it is taken back. */
function watchPersisted(tell: (isPersisted: boolean) => void): void {
  const asking = navigator.permissions?.query({ name: 'persistent-storage' })
  const watch = (permission: PermissionStatus): void => {
    permission.onchange = () => {
      navigator.storage?.persisted?.().then(tell, () => undefined)
    }
  }
  // A browser that does not know it keeps what it said at opening.
  asking?.then(watch, () => undefined)
}

function startWorker(options: WorkerChoice): StartedWorker {
  if (options.worker !== undefined) {
    return { worker: options.worker(), url: 'of the option `worker`' }
  }
  // Beside this module in the built package; bundlers know the pattern in `new Worker` and only there.
  const here = import.meta.url
  const isFast = !isWholeNeeded && hasVectors()
  const url = new URL(isFast ? './worker.js' : './worker-plain.js', here).href
  try {
    const worker = isFast
      ? new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
      : new Worker(new URL('./worker-plain.js', import.meta.url), { type: 'module' })
    return { worker, url }
  } catch (error) {
    if (!(error instanceof DOMException) || error.name !== 'SecurityError') throw error
    return { worker: startForeignWorker(url), url }
  }
}

/** A module with one function that uses WASM's 128-bit vectors (proposal "SIMD", final in 2021). */
const VECTOR_MODULE = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0],
  ...[10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
)

/** False where only the worker that has a plain kernel too can run. */
function hasVectors(): boolean {
  return typeof WebAssembly === 'object' && WebAssembly.validate(VECTOR_MODULE)
}
