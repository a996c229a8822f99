/** The worker of `bench bridge`: the package's own bridge over a database in memory, and the same face over
 *  the same open database inside the worker. */

import { loadKernel } from '../../../src/crypto/kernel-load-browser.ts'
import { useKernel } from '../../../src/crypto/kernel-slot.ts'
import { createLocalConnect } from '../../../src/database/assemble.ts'
import { serveDatabases } from '../../../src/database/bridge/control.ts'
import type { ControlEndpoint } from '../../../src/database/bridge/remote.ts'
import type { Core } from '../../../src/database/core.ts'
import { createOpen } from '../../../src/database/open.ts'
import { createTurnScope } from '../../../src/database/scope.ts'
import { createMemoryKeyStore } from '../../../src/identity/key-store-memory.ts'
import { createBrowserWorkerFiles } from '../../../src/platform/files-browser-worker.ts'
import { createBrowserHost } from '../../../src/platform/host-browser.ts'
import { createTabChannels, sha256 } from '../../../src/platform/tabs-browser.ts'
import { createBrowserLoader } from '../../../src/sqlite/load-browser.ts'
import { createMemoryDevice } from '../../../src/storage/memory.ts'
import { CHANNEL, DATABASE, measureCalls } from './bridge-load.ts'

const host = createBrowserHost()
let opened: Core | undefined

const connect = createLocalConnect({
  host,
  device: () => createMemoryDevice(host),
  keyStore: () => createMemoryKeyStore(host.random),
  transport: () => {
    throw new Error('This worker has no transports.')
  },
  loadSqlite: () => createBrowserLoader(new URL('./sqlite3.wasm', import.meta.url)),
  files: createBrowserWorkerFiles(),
  isScopeExact: false,
  titleOf: (name) => name,
  isPersisted: async () => false,
})

const inside = createOpen({
  host,
  scope: createTurnScope(host),
  keepAlive: () => () => undefined,
  keyOf: (name) => name,
  connect: async () => {
    if (opened === undefined) throw new Error('The page opens the database first.')
    return opened
  },
})

serveDatabases({
  connect: async (...given) => {
    useKernel(await loadKernel())
    opened = await connect(...given)
    return opened
  },
  remove: async () => false,
  holdLock: undefined,
  tabs: { ...createTabChannels(), sha256 },
  // In a worker the global scope is the port to the page; the library's types describe windows.
  endpoint: globalThis as unknown as ControlEndpoint,
})

const channel = new BroadcastChannel(CHANNEL)
channel.onmessage = async ({ data }) => {
  const db = await inside(DATABASE)
  channel.postMessage(await measureCalls(db, data))
}
