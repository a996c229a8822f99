/** A simulated browser: tabs with the real face and the real seat, workers with the real bridge, log and SQLite,
 *  on one disk that one worker at a time may have.
 *  What dies takes with it what it had not synced, all or a part, as the seed wants; its locks and its files are
 *  free a little later, in no order. */

import { loadKernel } from '../../src/crypto/kernel-load-node.ts'
import { useKernel } from '../../src/crypto/kernel-slot.ts'
import { createLocalConnect, type LocalPlatform } from '../../src/database/assemble.ts'
import { serveDatabases } from '../../src/database/bridge/control.ts'
import { notLoaded } from '../../src/database/bridge/life.ts'
import type { ControlEndpoint } from '../../src/database/bridge/remote.ts'
import { removeInWorker, startDatabase, type WorkerParts } from '../../src/database/bridge/start.ts'
import { createOpen, type Open } from '../../src/database/open.ts'
import { removeDatabase } from '../../src/database/remove.ts'
import { createTurnScope } from '../../src/database/scope.ts'
import type { PageEvent, TabParts } from '../../src/database/tabs/parts.ts'
import { connectTab } from '../../src/database/tabs/tab-core.ts'
import { wishesOf } from '../../src/database/tabs/wishes.ts'
import { createMemoryKeyStore } from '../../src/identity/key-store-memory.ts'
import { loadSqliteNode } from '../../src/sqlite/load-node.ts'
import { createTestPlatform } from './local-platform.ts'
import { type Broadcasts, createBroadcasts, createPorts } from './tabs-channels.ts'
import { createSharedDisk, type SharedDisk } from './tabs-disk.ts'
import { createLocks, type Locks } from './tabs-locks.ts'
import { type Agent, createWorld, type World } from './tabs-world.ts'

export type BrowserOptions = {
  readonly seed?: number
  /** Storage that loses everything with the power: `durable` is false. */
  readonly isDurable?: boolean
}

export type SimulatedBrowser = {
  readonly world: World
  readonly locks: Locks
  readonly broadcasts: Broadcasts
  readonly disk: SharedDisk
  /** Opens a page. */
  tab(): SimulatedTab
}

export type SimulatedTab = {
  readonly name: string
  readonly page: Agent
  readonly workers: readonly Agent[]
  readonly open: Open
  /** Its worker's script is gone from the server. */
  withoutWorker(): void
  /** As `remove` of the package. */
  remove(name: string): Promise<boolean>
  /** The browser kills it: it says nothing and hears nothing more. */
  kill(): void
  /** Its worker alone dies, without an event. */
  killWorker(): void
  /** The page is told that it will sleep, and then nothing in it runs until it wakes. */
  sleep(): void
  wake(): void
  /** Nobody looks at it, in a browser that may stop such a page without a word; and again somebody does. */
  hide(): void
  show(): void
  /** Nothing in it runs, and it was not told. */
  stop(): void
  goOn(): void
}

// Here, because a world cannot wait for what happens outside it.
useKernel(await loadKernel())
await loadSqliteNode()

/** A worker's files and locks are free this long after it was ended (storage/patience.ts). */
const FREE_MS_MAX = 40

export function createBrowser({
  seed = 1,
  isDurable = true,
}: BrowserOptions = {}): SimulatedBrowser {
  const world = createWorld(seed)
  const browser: Browser = {
    world,
    locks: createLocks(world),
    broadcasts: createBroadcasts(world),
    disk: createSharedDisk(world, { isDurable, freeMsMax: FREE_MS_MAX }),
    keys: createMemoryKeyStore((sizeBytes) => world.random.bytes(sizeBytes)),
    tellsClose: world.random.chance(0.5),
  }
  let tabCount = 0
  return {
    ...browser,
    tab: () => {
      tabCount += 1
      return createTab(browser, `tab ${tabCount}`)
    },
  }
}

type Browser = Omit<SimulatedBrowser, 'tab'> & {
  readonly keys: ReturnType<LocalPlatform['keyStore']>
  readonly tellsClose: boolean
}

function createTab(browser: Browser, name: string): SimulatedTab {
  const { world, locks, broadcasts } = browser
  const page = world.agent(name)
  const workers: Agent[] = []
  const tells = new Set<(event: PageEvent) => void>()
  const { host } = page
  const all = (): Agent[] => [page, ...workers]
  const setStopped = (isStopped: boolean): void => {
    for (const agent of all()) agent.isStopped = isStopped
  }
  const tell = (event: PageEvent): void => {
    for (const listener of tells) listener(event)
  }
  const workerParts = createWorkerParts(browser, page, workers)
  let hasWorker = true
  const parts: TabParts = {
    host,
    isAlone: false,
    channel: (channel) => broadcasts.join(page, channel),
    whenFree: (lock, signal) => locks.whenFree(page, lock, signal),
    takeLock: (...given) => locks.take(page, ...given),
    watchPage: (listener) => {
      tells.add(listener)
      return () => tells.delete(listener)
    },
    start: (opening, tab) => {
      if (!hasWorker) throw notLoaded('worker.js', undefined)
      return startDatabase(workerParts, opening, tab)
    },
  }
  return {
    name,
    page,
    workers,
    open: createOpen({
      host,
      scope: createTurnScope(host),
      keepAlive: () => () => undefined,
      keyOf: (key) => key,
      connect: async (database, options, onProgress, meanwhile) => {
        const opening = { name: database, options, onProgress }
        const wishes = await wishesOf(options, async (bytes) => bytes)
        return connectTab({ parts, opening, wishes }, meanwhile)
      },
    }),
    withoutWorker: () => {
      hasWorker = false
    },
    remove: (database) => removeInWorker(workerParts, database, {}),
    kill: () => {
      for (const agent of all()) world.kill(agent)
    },
    killWorker: () => {
      for (const worker of workers) world.kill(worker)
    },
    sleep: () => {
      tell('sleep')
      setStopped(true)
    },
    wake: () => {
      setStopped(false)
      tell('wake')
    },
    hide: () => tell('hidden'),
    show: () => tell('shown'),
    stop: () => setStopped(true),
    goOn: () => setStopped(false),
  }
}

function createWorkerParts(browser: Browser, page: Agent, workers: Agent[]): WorkerParts {
  const { world, locks } = browser
  return {
    host: page.host,
    start: () => {
      const worker = world.agent(`${page.name} worker ${workers.length + 1}`)
      workers.push(worker)
      // What the bridge uses of a Worker.
      return { worker: startWorker(browser, page, worker) as unknown as Worker, url: 'worker.js' }
    },
    channel: () => {
      const [port1, port2] = createPorts(world, [page, page], browser)
      // What the bridge uses of a MessageChannel.
      return { port1, port2 } as unknown as MessageChannel
    },
    whenFree: (lock, signal) => locks.whenFree(page, lock, signal),
  }
}

/** The page's end of a worker, which serves at the other. */
function startWorker(browser: Browser, page: Agent, worker: Agent): object {
  const { world, disk, keys, locks, broadcasts } = browser
  const [outside, inside] = createPorts(world, [page, worker], { tellsClose: false })
  const connect = createLocalConnect(
    createTestPlatform({ host: worker.host, device: () => disk.device(worker), keys }),
  )
  const never = new AbortController()
  serveDatabases({
    connect,
    remove: () =>
      removeDatabase({ place: disk.place, device: disk.device(worker), keyStore: keys }),
    holdLock: async (lock) => {
      await locks.take(worker, lock, () => undefined, never.signal)
    },
    tabs: {
      channel: (name) => broadcasts.join(worker, name),
      whenFree: (lock, signal) => locks.whenFree(worker, lock, signal),
      sha256: async (bytes) => bytes,
    },
    // What control uses of a worker's global scope.
    endpoint: inside as unknown as ControlEndpoint,
  })
  return { ...outside, terminate: () => world.kill(worker) }
}
