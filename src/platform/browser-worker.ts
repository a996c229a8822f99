/** Browser worker: the composition that opens databases inside the worker, on OPFS or in IndexedDB.
 *  Keeps: nothing runs at import but what a worker's entry calls itself. */

import { assert } from '../base/assert.ts'
import { ConstelliteError } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import { loadKernel } from '../crypto/kernel-load-browser.ts'
import { useKernel } from '../crypto/kernel-slot.ts'
import { createLocalConnect, type LocalPlatform, type ShardView } from '../database/assemble.ts'
import { serveDatabases } from '../database/bridge/control.ts'
import type { ControlEndpoint } from '../database/bridge/remote.ts'
import { removeDatabase } from '../database/remove.ts'
import { createIndexedDbKeyStore } from '../identity/key-store-indexeddb.ts'
import { createBrowserLoader } from '../sqlite/load-browser.ts'
import type { LoadSqlite } from '../sqlite/module.ts'
import type { Transport } from '../transport/transport.ts'
import { createGlobalWebSocket } from '../transport/websocket-global.ts'
import { createBrowserWorkerFiles } from './files-browser-worker.ts'
import { createBrowserHost } from './host-browser.ts'
import { findStorages, pickStorage } from './storage-browser.ts'
import type { BrowserStorage } from './storage-indexeddb.ts'
import { canMeet, createTabChannels, sha256 } from './tabs-browser.ts'

/** A way to relays of one's own: used for descriptors of this kind. */
export type TransportFactory = {
  readonly kind: string
  create(url: string): Transport
}

export type ServeOptions = {
  /** Added to websocket. */
  readonly transports?: readonly TransportFactory[]
  /** Shown every database of this worker before anything moves in it: to look at its frames and seals. */
  readonly onShard?: (name: string, shard: ShardView) => void
}

/** Answers the page that started this worker: the whole of a worker of one's own. */
export function serve(options: ServeOptions = {}): void {
  const host = createBrowserHost()
  const storages = new Map<string, BrowserStorage>()
  const loadSqlite = createSqliteLoaders()
  const connect = createLocalConnect(createPlatform(host, { storages, loadSqlite }, options))
  serveDatabases({
    // The kernel first: nothing opens without hashing.  The rest is under way meanwhile.
    connect: async (name, open, onProgress) => {
      // What fails is told where it is needed.
      loadSqlite(open)().catch(() => undefined)
      const picking = pickStorage(host, name)
      picking.catch(() => undefined)
      useKernel(await loadKernel(open.kernelUrl))
      storages.set(name, await picking)
      return connect(name, open, onProgress)
    },
    remove: async (name, kernelUrl) => {
      useKernel(await loadKernel(kernelUrl))
      let isRemoved = false
      for (const { place, device } of await findStorages(host, name)) {
        const keyStore = createIndexedDbKeyStore(name)
        isRemoved = (await removeDatabase({ place, device: device(), keyStore })) || isRemoved
      }
      return isRemoved
    },
    tabs: canMeet() ? { ...createTabChannels(), sha256 } : undefined,
    holdLock: navigator.locks === undefined ? undefined : holdLock,
    // In a worker the global scope is the port to the page; the library's types describe windows.
    endpoint: globalThis as unknown as ControlEndpoint,
  })
}

function createPlatform(
  host: Host,
  {
    storages,
    loadSqlite,
  }: {
    readonly storages: ReadonlyMap<string, BrowserStorage>
    readonly loadSqlite: LocalPlatform['loadSqlite']
  },
  { transports = [], onShard }: ServeOptions,
): LocalPlatform {
  return {
    host,
    device: (name) => {
      const storage = storages.get(name)
      assert(storage !== undefined, 'a storage is picked before a database is opened')
      return storage.device()
    },
    keyStore: createIndexedDbKeyStore,
    transport: ({ kind, url }) => {
      const own = transports.find((factory) => factory.kind === kind)
      if (own !== undefined) return own.create(url)
      if (kind === 'websocket') return createGlobalWebSocket({ kind, url })
      throw unknownTransport(kind)
    },
    loadSqlite,
    files: createBrowserWorkerFiles(),
    // The page's, which sees turns.
    isScopeExact: false,
    titleOf: (name) => name,
    isPersisted: async () => (await navigator.storage?.persisted?.()) ?? false,
    siteUsage: async () => {
      const { usage, quota } = (await navigator.storage?.estimate?.()) ?? {}
      if (usage === undefined || quota === undefined) return undefined
      return { usageBytes: usage, quotaBytes: quota }
    },
    onShard,
  }
}

/** One for each address: what is loaded serves every database of the worker. */
function createSqliteLoaders(): LocalPlatform['loadSqlite'] {
  const loaders = new Map<string, LoadSqlite>()
  return ({ wasmUrl }) => {
    // In the built worker sqlite3.wasm lies beside it.
    const url = wasmUrl ?? new URL('./sqlite3.wasm', import.meta.url)
    const load = loaders.get(String(url)) ?? createBrowserLoader(url)
    loaders.set(String(url), load)
    return load
  }
}

/** Resolves when the lock is held; it is held until the worker ends. */
function holdLock(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const held = navigator.locks.request(name, () => {
      resolve()
      return new Promise<never>(() => undefined)
    })
    held.catch(reject)
  })
}

function unknownTransport(kind: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrOption',
    message: `This worker has no transport "${kind}".`,
    hint: 'Use websocket(url), or serve({ transports: [yours] }) in a worker of your own.',
    facts: { kind },
  })
}
