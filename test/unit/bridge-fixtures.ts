/** A page and a worker in one thread: the real bridge over MessageChannels, and a worker that a test can
 *  silence, break and count the messages of. */

import { serveDatabases } from '../../src/database/bridge/control.ts'
import { removeInWorker, startDatabase, type WorkerParts } from '../../src/database/bridge/start.ts'
import { createOpen, type Open } from '../../src/database/open.ts'
import type { Connect } from '../../src/database/registry.ts'
import { createTurnScope } from '../../src/database/scope.ts'
import { ALONE } from '../../src/database/tabs/alone.ts'
import { connectTab } from '../../src/database/tabs/tab-core.ts'
import { wishesOf } from '../../src/database/tabs/wishes.ts'
import { createTestRealm, type TestRealm } from './database-fixtures.ts'

export type TestWorker = {
  isTerminated: boolean
  /** What the page posted to the worker's statement ports, message by message, and back. */
  readonly toWorker: unknown[][]
  readonly toPage: unknown[][]
  /** As the platform reports it: without a message the script could not be loaded. */
  fail(message?: string): void
  /** Ends it without an event, as a browser short of memory does. */
  vanish(): void
}

export type BridgeRealm = Pick<TestRealm, 'host' | 'opened'> & {
  readonly realm: TestRealm
  readonly open: Open
  readonly workers: TestWorker[]
  /** How the next workers behave. */
  behaviour: 'answers' | 'silent' | 'old' | 'refused'
  hasLocks: boolean
  /** What the worker does when it is asked to remove a database. */
  remove(name: string): Promise<boolean>
  /** As `remove` of the package, through a worker. */
  removeThere(name: string): Promise<boolean>
}

export const WORKER_URL = 'https://app.example/worker.js'

export function createBridgeRealm(): BridgeRealm {
  const realm = createTestRealm()
  const { host } = realm
  const locks = new Map<string, () => void>()
  const bridge: BridgeRealm = {
    realm,
    host,
    opened: realm.opened,
    workers: [],
    behaviour: 'answers',
    hasLocks: true,
    remove: async () => true,
    removeThere: (name) => removeInWorker(partsOf(bridge, locks), name, {}),
    open: createOpen({
      host,
      scope: createTurnScope(host),
      keepAlive: () => () => undefined,
      keyOf: (name) => name,
      connect: async (name, options, onProgress) =>
        connectTab({
          parts: {
            ...ALONE,
            host,
            start: (opening, tab) => startDatabase(partsOf(bridge, locks), opening, tab),
          },
          opening: { name, options, onProgress },
          wishes: await wishesOf(options, async (bytes) => bytes),
        }),
    }),
  }
  return bridge
}

function partsOf(bridge: BridgeRealm, locks: Map<string, () => void>): WorkerParts {
  const worker = createWorker(bridge, locks)
  return {
    host: bridge.host,
    start: () => {
      if (bridge.behaviour === 'refused') throw new Error('Refused by policy.')
      bridge.workers.push(worker)
      // What the bridge uses of a Worker.
      return { worker: worker as unknown as Worker, url: WORKER_URL }
    },
    channel: () => recordChannel(worker),
    whenFree: bridge.hasLocks
      ? (lock, signal) =>
          new Promise((resolve, reject) => {
            locks.set(lock, resolve)
            signal.addEventListener('abort', () => reject(signal.reason))
          })
      : undefined,
  }
}

type WorkerEnd = TestWorker & Pick<Worker, 'postMessage' | 'addEventListener' | 'terminate'>

function createWorker(bridge: BridgeRealm, locks: Map<string, () => void>): WorkerEnd {
  const { port1: page, port2: inside } = new MessageChannel()
  const events = new EventTarget()
  const connect: Connect = (...given) => bridge.realm.connect(...given)
  let lock: string | undefined
  if (bridge.behaviour !== 'silent') {
    serveDatabases({
      connect,
      remove: (name) => bridge.remove(name),
      holdLock: bridge.hasLocks
        ? async (name) => {
            lock = name
          }
        : undefined,
      tabs: undefined,
      endpoint: bridge.behaviour === 'old' ? claimOldProtocol(inside) : inside,
    })
  }
  const close = (): void => {
    page.close()
    inside.close()
  }
  return {
    isTerminated: false,
    toWorker: [],
    toPage: [],
    postMessage: page.postMessage.bind(page),
    addEventListener: (...given: Parameters<Worker['addEventListener']>) => {
      const target = given[0] === 'message' ? page : events
      target.addEventListener(...given)
      if (given[0] === 'message') page.start()
    },
    terminate() {
      this.isTerminated = true
      close()
    },
    fail: (message) => {
      events.dispatchEvent(Object.assign(new Event('error', { cancelable: true }), { message }))
    },
    vanish: () => {
      close()
      if (lock !== undefined) locks.get(lock)?.()
    },
  }
}

/** A worker of an older build. */
function claimOldProtocol(port: MessagePort): MessagePort {
  return new Proxy(port, {
    get: (target, key) => {
      if (key !== 'postMessage') {
        const value: unknown = Reflect.get(target, key)
        return typeof value === 'function' ? value.bind(target) : value
      }
      return (message: { value?: { protocol?: number } }, transfer: Transferable[]) => {
        if (message.value?.protocol !== undefined) message.value.protocol = 0
        target.postMessage(message, transfer)
      }
    },
  })
}

/** A channel whose messages are kept. */
function recordChannel(worker: TestWorker): MessageChannel {
  const channel = new MessageChannel()
  record(channel.port1, worker.toWorker)
  const { port2 } = channel
  // Both ends live in this thread until port2 is transferred; what comes back is seen at port1.
  channel.port1.addEventListener('message', ({ data }) => worker.toPage.push(data))
  return { port1: channel.port1, port2 }
}

function record(port: MessagePort, messages: unknown[][]): void {
  const post = port.postMessage.bind(port)
  port.postMessage = (message: unknown[]) => {
    messages.push(message)
    post(message)
  }
}
