/** Server: answers the requests of one page from one core.
 *  Keeps: requests reach the core in the order in which they were made; a page that is gone leaves no
 *  transaction, live query or open database behind. */

import { failureOf } from '../../base/failure.ts'
import { wipe } from '../../crypto/secret.ts'
import { REQUEST_ID_BYTES } from '../../wal/layout.ts'
import type { Core, CoreRequest } from '../core.ts'
import { keepRows } from '../live.ts'
import type { Row, RunResult } from '../types.ts'
import { flattenFailure, flattenStatus } from './failure.ts'
import { type BatchedPort, batchPort, type Port } from './port.ts'
import type {
  OperationRequest,
  Reply,
  Request,
  RequestId,
  RequestNumber,
  RunAnswer,
  StatementRequest,
} from './protocol.ts'
import { changeOf, packRows } from './rows.ts'

type Serving = {
  readonly core: Core
  readonly visitor: Visitor
  readonly out: BatchedPort<Reply>
  readonly aborts: Map<RequestId, AbortController>
  readonly watched: Map<RequestId, Watched>
  readonly transactions: Set<number>
  stopStatus: () => void
}

/** A live query of the page. */
type Watched = {
  stop(): void
  /** The page has shown the rows that were sent. */
  shown(): void
}

/** What tells the pages apart that one core serves. */
export type Visitor = {
  readonly tag: Uint8Array
  /** Added to its callers, which it numbers from 1. */
  readonly callerBase: number
}

/** Answers the way to stop: as if the page had gone away. */
export function serveCore(core: Core, port: Port, visitor: Visitor): () => void {
  const serving: Serving = {
    core,
    visitor,
    out: batchPort<Reply, Request>(port, {
      onItem: (request) => take(serving, request),
      onClose: () => leave(serving),
    }),
    aborts: new Map(),
    watched: new Map(),
    transactions: new Set(),
    stopStatus: () => undefined,
  }
  const { out } = serving
  serving.stopStatus = core.onStatus((status) => {
    out.send({ type: 'status', status: flattenStatus(status) })
  })
  core.ended.then((failure) => out.send({ type: 'ended', failure: flattenFailure(failure) }))
  return () => {
    out.close()
    leave(serving)
  }
}

function take(serving: Serving, request: Request): void {
  const { aborts, watched } = serving
  // What travels most has no names.
  if (typeof request === 'number') {
    watched.get(request)?.shown()
    return
  }
  if (!('op' in request)) {
    reply(serving, request[0], '', () => runStatement(serving, request))
    return
  }
  const { id, op } = request
  switch (op) {
    case 'abort':
      aborts.get(id)?.abort()
      return
    case 'unwatch':
      watched.get(id)?.stop()
      watched.delete(id)
      return
    case 'watch':
      watch(serving, request)
      return
    default:
      reply(serving, id, op, () => answer(serving, request, signalOf(serving, id)))
  }
}

function signalOf({ aborts }: Serving, id: RequestId): AbortSignal {
  const abort = new AbortController()
  aborts.set(id, abort)
  return abort.signal
}

function runStatement(serving: Serving, request: StatementRequest): Promise<unknown> {
  const { core, visitor } = serving
  const [id, areRowsWanted, isAbortable, from, transaction, sql, parameters, number] = request
  // Only where it is needed: making one costs as much as half of the call.
  const signal = isAbortable ? signalOf(serving, id) : undefined
  const query = { sql, parameters }
  const caller = visitor.callerBase + from
  const call = { caller, transaction, signal, request: requestOf(visitor, number) }
  return areRowsWanted ? core.all(query, call).then(packRows) : core.run(query, call).then(packRun)
}

function requestOf({ tag }: Visitor, number: RequestNumber): CoreRequest | undefined {
  if (number === 0) return undefined
  const id = new Uint8Array(REQUEST_ID_BYTES)
  id.set(tag)
  new DataView(id.buffer).setBigUint64(tag.length, BigInt(Math.abs(number)))
  return { id, isRepeated: number < 0 }
}

function packRun({ changes, lastInsertRowid, seq }: RunResult): RunAnswer {
  return [changes, lastInsertRowid, seq]
}

function reply(
  { out, aborts }: Serving,
  id: RequestId,
  op: string,
  work: () => Promise<unknown>,
): void {
  const onFailure = (error: unknown): void => {
    aborts.delete(id)
    out.send({ type: 'failure', id, failure: flattenFailure(failureOf(error)) })
  }
  try {
    work().then((value) => {
      // The signal of `begin` goes on to mean the transaction.
      if (op !== 'begin') aborts.delete(id)
      out.send([id, value])
      if (op === 'close') out.close()
    }, onFailure)
  } catch (error) {
    onFailure(error)
  }
}

/** A page that shows rows more slowly than they change is sent the newest when it has shown the ones
 *  before: what waits for it does not grow. */
function watch(
  { core, out, watched }: Serving,
  { id, query }: Extract<OperationRequest, { readonly op: 'watch' }>,
): void {
  /** What the page has, or will have when it has taken what is on the way. */
  let last: Row[] | undefined
  let newest: Row[] | undefined
  let isOnTheWay = false
  let isErrorTold = false
  let isOver = false
  const send = (): void => {
    if (newest === undefined) return
    const rows = keepRows(last, newest)
    newest = undefined
    // Back to what the page shows.
    if (rows === last && !isErrorTold) return
    out.send({ type: 'rows', id, change: changeOf(last ?? [], rows) })
    isOnTheWay = true
    isErrorTold = false
    last = rows
  }
  const stop = core.watch(query, {
    onRows: (rows) => {
      newest = rows
      if (!isOnTheWay) send()
    },
    onError: (failure, isFinal) => {
      isErrorTold = true
      isOver = isFinal
      if (isFinal) watched.delete(id)
      newest = undefined
      out.send({ type: 'error', id, failure: flattenFailure(failure), isFinal })
    },
  })
  const shown = (): void => {
    isOnTheWay = false
    send()
  }
  if (!isOver) watched.set(id, { stop, shown })
}

type Answered = Exclude<OperationRequest, { readonly op: 'abort' | 'unwatch' | 'watch' }>

function answer(serving: Serving, request: Answered, signal: AbortSignal): Promise<unknown> {
  const { core, out, visitor } = serving
  switch (request.op) {
    case 'exec': {
      const { text, transaction } = request
      const caller = visitor.callerBase + request.caller
      const named = requestOf(visitor, request.request)
      return core.exec(text, { caller, transaction, signal, request: named })
    }
    case 'begin':
      return begin(serving, request, signal)
    case 'commit':
      return core.commit(request.transaction, requestOf(visitor, request.request))
    case 'rollback':
      return core.rollback(request.transaction)
    case 'until':
      return core.until(request.stage, { holders: request.holders, signal })
    case 'export':
      return core.exportFile()
    case 'exportTo':
      return core.exportTo(request.path)
    case 'import': {
      const { id, source } = request
      const onProgress = (fraction: number): void => out.send({ type: 'progress', id, fraction })
      return core.importFile(source, { onProgress, signal })
    }
    case 'migrate':
      return core.migrate(request.migrations)
    case 'exportKept':
      return core.exportKept(request.file)
    case 'takeOver': {
      const { key } = request
      // The port made this copy of the seed.
      return core.takeOver(request).finally(() => key !== undefined && wipe(key))
    }
    case 'verify':
      return core.verify()
    case 'storage':
      return core.storage()
    case 'close':
      serving.stopStatus()
      return core.close()
  }
}

async function begin(
  { core, out, aborts, transactions, visitor }: Serving,
  { id, caller }: { readonly id: RequestId; readonly caller: number },
  signal: AbortSignal,
): Promise<number> {
  let isOver = false
  let begun: number | undefined
  begun = await core.begin({
    caller: visitor.callerBase + caller,
    signal,
    onEnd: (reason) => {
      isOver = true
      aborts.delete(id)
      if (begun !== undefined) transactions.delete(begun)
      out.send({ type: 'over', id, failure: flattenFailure(reason) })
    },
  })
  if (!isOver) transactions.add(begun)
  return begun
}

/** The page went away without closing. */
function leave({ core, aborts, watched, transactions, stopStatus }: Serving): void {
  stopStatus()
  for (const { stop } of watched.values()) stop()
  for (const abort of aborts.values()) abort.abort()
  for (const transaction of transactions) quietly(core.rollback(transaction))
  quietly(core.close())
}

/** The page is gone: there is nobody to tell. */
function quietly(work: Promise<unknown>): void {
  work.catch(() => undefined)
}
