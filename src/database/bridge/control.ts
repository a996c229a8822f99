/** Control: the worker's side of set-up, over comlink: hello, then one database on a port of its own.
 *  Keeps: what goes wrong is an answer, because an error thrown through comlink loses its code. */

import { type Endpoint, expose } from 'comlink'
import { failureOf } from '../../base/failure.ts'
import type { Connect } from '../registry.ts'
import { flattenFailure, flattenStatus } from './failure.ts'
import { type Control, NO_REQUEST, PROTOCOL } from './protocol.ts'
import { serveCore } from './server.ts'

/** The worker's own global scope, or a port in tests. */
export type PageEndpoint = Endpoint

/** What a worker gives. */
export type ServeParts = {
  /** Opens in this thread. */
  readonly connect: Connect
  readonly remove: (name: string, kernelUrl: string | undefined) => Promise<boolean>
  /** Takes this lock for as long as the worker lives; undefined where there are no locks. */
  readonly holdLock: ((name: string) => Promise<void>) | undefined
  readonly endpoint: PageEndpoint
}

/** Answers the page that started this worker. */
export function serveDatabases({ connect, remove, holdLock, endpoint }: ServeParts): void {
  const control: Control = {
    hello: async (lock) => {
      await holdLock?.(lock)
      return { protocol: PROTOCOL, isLocked: holdLock !== undefined }
    },
    open: async (name, options, port) => {
      try {
        const onProgress = (fraction: number): void => {
          port.postMessage([{ type: 'progress', id: NO_REQUEST, fraction }])
        }
        const core = await connect(name, options, onProgress)
        serveCore(core, port)
        return { ok: true, value: { ready: core.ready, status: flattenStatus(core.status) } }
      } catch (error) {
        return { ok: false, failure: flattenFailure(failureOf(error)) }
      }
    },
    remove: async (name, kernelUrl) => {
      try {
        return { ok: true, value: await remove(name, kernelUrl) }
      } catch (error) {
        return { ok: false, failure: flattenFailure(failureOf(error)) }
      }
    },
  }
  expose(control, endpoint)
}
