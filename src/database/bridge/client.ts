/** Client: a core that lives in a worker, as the page sees it.
 *  Callbacks stay here; what they need crosses as events under the request's id. */

import type { ConstelliteError } from '../../base/failure.ts'
import type { Core } from '../core.ts'
import { aborted } from '../open-failures.ts'
import { ask, type Exchange, localReason, nextId } from './exchange.ts'
import { reviveStatus } from './failure.ts'
import type { Opened } from './protocol.ts'

/** `end` ends the worker, once `close` was answered. */
export function createClientCore(exchange: Exchange, opened: Opened, end: () => void): Core {
  exchange.status ??= reviveStatus(opened.status)
  let closing: Promise<void> | undefined
  return {
    ready: opened.ready,
    ended: exchange.ending.ended,
    get status() {
      return exchange.status ?? reviveStatus(opened.status)
    },
    onStatus: (listener) => {
      exchange.statusListeners.add(listener)
      return () => {
        exchange.statusListeners.delete(listener)
      }
    },
    run: (query, { signal, ...of }) => ask(exchange, { op: 'run', query, ...of }, { signal }),
    all: (query, { signal, ...of }) => ask(exchange, { op: 'all', query, ...of }, { signal }),
    exec: (text, { signal, ...of }) => ask(exchange, { op: 'exec', text, ...of }, { signal }),
    begin: (call) => begin(exchange, call),
    commit: (transaction) => ask(exchange, { op: 'commit', transaction }),
    rollback: (transaction) => ask(exchange, { op: 'rollback', transaction }),
    watch: (query, listener) => watch(exchange, query, listener),
    until: (stage, { holders, signal }) =>
      ask(exchange, { op: 'until', stage, holders }, { signal }),
    exportFile: () => ask(exchange, { op: 'export' }),
    exportTo: (path) => ask(exchange, { op: 'exportTo', path }),
    importFile: (source, options) => ask(exchange, { op: 'import', source }, options),
    exportKept: (file) => ask(exchange, { op: 'exportKept', file }),
    takeOver: (options) => ask(exchange, { op: 'takeOver', ...options }),
    verify: () => ask(exchange, { op: 'verify' }),
    close: () => {
      closing ??= close(exchange, end)
      return closing
    },
  }
}

async function begin(exchange: Exchange, call: Parameters<Core['begin']>[0]): Promise<number> {
  const { caller, signal, onEnd } = call
  // The caller rolls back when it hears of the end.
  const onAbort = (): void => onEnd(aborted(signal))
  const onOver = (failure: ConstelliteError): void => {
    signal?.removeEventListener('abort', onAbort)
    onEnd(localReason(failure, signal))
  }
  const transaction = await ask<number>(exchange, { op: 'begin', caller }, { signal, onOver })
  // The signal was for the call so far; from here on it means the transaction.
  if (signal?.aborted) onAbort()
  else if (exchange.failed === undefined) signal?.addEventListener('abort', onAbort, { once: true })
  return transaction
}

function watch(exchange: Exchange, ...[query, listener]: Parameters<Core['watch']>): () => void {
  if (exchange.failed !== undefined) {
    listener.onError(exchange.failed, true)
    return () => undefined
  }
  const id = nextId(exchange)
  exchange.live.set(id, listener)
  exchange.port.send({ id, op: 'watch', query })
  return () => {
    if (exchange.live.delete(id)) exchange.port.send({ id, op: 'unwatch' })
  }
}

async function close(exchange: Exchange, end: () => void): Promise<void> {
  try {
    // A worker that is gone has nothing left to close.
    if (exchange.failed === undefined) await ask(exchange, { op: 'close' })
  } finally {
    exchange.port.close()
    end()
  }
}
