/** Server: answers the requests of one page from one core.
 *  Keeps: requests reach the core in the order in which they were made; a page that is gone leaves no
 *  transaction, live query or open database behind. */

import { failureOf } from '../../base/failure.ts'
import { wipe } from '../../crypto/secret.ts'
import type { Core } from '../core.ts'
import { keepRows } from '../live.ts'
import type { Row, RunResult } from '../types.ts'
import { flattenFailure, flattenStatus } from './failure.ts'
import { type BatchedPort, batchPort, type Port } from './port.ts'
import type {
  OperationRequest,
  Reply,
  Request,
  RequestId,
  RunAnswer,
  StatementRequest,
} from './protocol.ts'
import { changeOf, packRows } from './rows.ts'

type Serving = {
  readonly core: Core
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

export function serveCore(core: Core, port: Port): void {
  const serving: Serving = {
    core,
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
  const { core } = serving
  const [id, areRowsWanted, isAbortable, caller, transaction, sql, parameters] = request
  // Only where it is needed: making one costs as much as half of the call.
  const signal = isAbortable ? signalOf(serving, id) : undefined
  const query = { sql, parameters }
  const call = { caller, transaction, signal }
  return areRowsWanted ? core.all(query, call).then(packRows) : core.run(query, call).then(packRun)
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
  const { core, out } = serving
  switch (request.op) {
    case 'exec':
      return core.exec(request.text, { ...request, signal })
    case 'begin':
      return begin(serving, request, signal)
    case 'commit':
      return core.commit(request.transaction)
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
  { core, out, aborts, transactions }: Serving,
  { id, caller }: { readonly id: RequestId; readonly caller: number },
  signal: AbortSignal,
): Promise<number> {
  let isOver = false
  let begun: number | undefined
  begun = await core.begin({
    caller,
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
