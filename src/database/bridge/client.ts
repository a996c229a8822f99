/** Client: a core that lives in a worker, as the page sees it.
 *  Callbacks stay here; what they need crosses as events under the request's id. */

import type { ConstelliteError } from '../../base/failure.ts'
import type { Core, CoreCall, TransactionId } from '../core.ts'
import { aborted } from '../open-failures.ts'
import type { Query } from '../sql.ts'
import type { Row, RunResult } from '../types.ts'
import {
  type AskOptions,
  ask,
  type Exchange,
  failExchange,
  localReason,
  nextId,
} from './exchange.ts'
import { reviveStatus } from './failure.ts'
import type {
  Opened,
  Operation,
  RequestId,
  RequestNumber,
  RunAnswer,
  StatementRequest,
} from './protocol.ts'
import { unpackRows } from './rows.ts'

/** A core whose answers may stop coming: what was asked of it can be asked again of the next one. */
export type ClientCore = Omit<Core, 'run' | 'all' | 'exec' | 'commit'> & {
  run(query: Query, call: ClientCall): Promise<RunResult>
  all(query: Query, call: ClientCall): Promise<Row[]>
  exec(text: string, call: ClientCall): Promise<void>
  commit(transaction: TransactionId, request: RequestNumber): Promise<void>
  /** What everything that was pending was rejected with, itself; undefined while it answers. */
  readonly lost: ConstelliteError | undefined
  /** Rejects everything pending and everything later. */
  lose(failure: ConstelliteError): void
}

export type ClientCall = Omit<CoreCall, 'request'> & { readonly request: RequestNumber }

/** `end` ends the worker, once `close` was answered. */
export function createClientCore(exchange: Exchange, opened: Opened, end: () => void): ClientCore {
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
    run: (query, call) => {
      const make = statement(query, call, false)
      return ask(exchange, make, { read: readRun, signal: call.signal })
    },
    all: (query, call) => {
      const make = statement(query, call, true)
      return ask(exchange, make, { read: unpackRows, signal: call.signal })
    },
    exec: (text, { signal, transaction, caller, request }) =>
      operate(exchange, { op: 'exec', text, transaction, caller, request }, { signal }),
    begin: (call) => begin(exchange, call),
    commit: (transaction, request) => operate(exchange, { op: 'commit', transaction, request }),
    rollback: (transaction) => operate(exchange, { op: 'rollback', transaction }),
    watch: (query, listener) => watch(exchange, query, listener),
    until: (stage, { holders, signal }) =>
      operate(exchange, { op: 'until', stage, holders }, { signal }),
    exportFile: () => operate(exchange, { op: 'export' }),
    exportTo: (path) => operate(exchange, { op: 'exportTo', path }),
    importFile: (source, options) => operate(exchange, { op: 'import', source }, options),
    migrate: (migrations) => operate(exchange, { op: 'migrate', migrations }),
    exportKept: (file) => operate(exchange, { op: 'exportKept', file }),
    takeOver: (options) => operate(exchange, { op: 'takeOver', ...options }),
    verify: () => operate(exchange, { op: 'verify' }),
    storage: () => operate(exchange, { op: 'storage' }),
    close: () => {
      closing ??= close(exchange, end)
      return closing
    },
    get lost() {
      return exchange.failed
    },
    lose: (failure) => {
      failExchange(exchange, failure)
      end()
    },
  }
}

function operate<T>(exchange: Exchange, operation: Operation, options?: AskOptions<T>): Promise<T> {
  return ask(exchange, (id) => ({ ...operation, id }), options)
}

function statement(
  { sql, parameters }: Query,
  { signal, caller, transaction, request }: ClientCall,
  areRowsWanted: boolean,
): (id: RequestId) => StatementRequest {
  const isAbortable = signal !== undefined
  return (id) => [id, areRowsWanted, isAbortable, caller, transaction, sql, parameters, request]
}

function readRun([changes, lastInsertRowid, seq]: RunAnswer): RunResult {
  return { changes, lastInsertRowid, seq }
}

async function begin(exchange: Exchange, call: Parameters<Core['begin']>[0]): Promise<number> {
  const { caller, signal, onEnd } = call
  // The caller rolls back when it hears of the end.
  const onAbort = (): void => onEnd(aborted(signal))
  const onOver = (failure: ConstelliteError): void => {
    signal?.removeEventListener('abort', onAbort)
    onEnd(localReason(failure, signal))
  }
  const transaction = await operate<number>(exchange, { op: 'begin', caller }, { signal, onOver })
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
  exchange.live.set(id, { listener, rows: [] })
  exchange.port.send({ id, op: 'watch', query })
  return () => {
    if (exchange.live.delete(id)) exchange.port.send({ id, op: 'unwatch' })
  }
}

async function close(exchange: Exchange, end: () => void): Promise<void> {
  try {
    // A worker that is gone has nothing left to close.
    if (exchange.failed === undefined) await operate(exchange, { op: 'close' })
  } finally {
    exchange.port.close()
    end()
  }
}
