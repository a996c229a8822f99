/** Control: the worker's side of set-up: hello, then one database on a port of its own.
 *  Keeps: what goes wrong is an answer. */

import { failureOf, isFailure } from '../../base/failure.ts'
import type { Connect } from '../registry.ts'
import { hostGuests } from '../tabs/guests.ts'
import type { TabChannels } from '../tabs/lobby.ts'
import { wishesOf } from '../tabs/wishes.ts'
import { flattenFailure, flattenStatus } from './failure.ts'
import { type Control, NO_REQUEST, PROTOCOL } from './protocol.ts'
import { answerControl, type ControlEndpoint } from './remote.ts'
import { serveCore } from './server.ts'

/** What a worker gives. */
export type ServeParts = {
  /** Opens in this thread. */
  readonly connect: Connect
  readonly remove: (name: string, kernelUrl: string | undefined) => Promise<boolean>
  /** Takes this lock for as long as the worker lives; undefined where there are no locks. */
  readonly holdLock: ((name: string) => Promise<void>) | undefined
  /** How tabs meet; undefined where they cannot. */
  readonly tabs:
    | (TabChannels & { readonly sha256: (bytes: Uint8Array) => Promise<Uint8Array> })
    | undefined
  readonly endpoint: ControlEndpoint
}

/** Callers of the page that started the worker are numbered as it does. */
const OWN_BASE = 0

/** Answers the page that started this worker. */
export function serveDatabases({ connect, remove, holdLock, tabs, endpoint }: ServeParts): void {
  const control: Control = {
    hello: async (lock) => {
      await holdLock?.(lock)
      return { protocol: PROTOCOL, isLocked: holdLock !== undefined }
    },
    open: async (name, options, { tag, term, hasOpened }, port) => {
      try {
        const onProgress = (fraction: number): void => {
          port.postMessage([{ type: 'progress', id: NO_REQUEST, fraction }])
        }
        const opened = await connect(name, options, onProgress).catch((error) => {
          if (!hasOpened || !isFailure(error, 'ErrSchemaNewer')) throw error
          // What the newer tab applied was no hindrance as long as that tab was the owner.
          const { migrations: _, ...rest } = options
          return connect(name, rest, onProgress)
        })
        let core = opened
        if (tabs !== undefined && term !== undefined) {
          const wishes = await wishesOf(options, tabs.sha256)
          core = hostGuests(opened, { channels: tabs, name, term, wishes })
        }
        serveCore(core, port, { tag, callerBase: OWN_BASE })
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
  answerControl(control, endpoint)
}
