/** Exchange: the page's requests and what the worker answers, by id.
 *  Keeps: a request is answered once, or rejected when the worker is gone; nothing stays pending. */

import { type ConstelliteError, isFailure } from '../../base/failure.ts'
import type { LiveListener } from '../core.ts'
import { createEnding, type Ending } from '../ending.ts'
import { aborted } from '../open-failures.ts'
import type { Row, Status } from '../types.ts'
import { reviveFailure, reviveStatus } from './failure.ts'
import { type BatchedPort, batchPort, type Port } from './port.ts'
import { NO_REQUEST, type Reply, type Request, type RequestId } from './protocol.ts'
import { applyChange } from './rows.ts'

export type Exchange = {
  readonly port: BatchedPort<Request>
  readonly pending: Map<number, Pending>
  readonly live: Map<number, Live>
  readonly progress: Map<number, (fraction: number) => void>
  /** Who hears that the transaction begun by this request is over. */
  readonly over: Map<number, (failure: ConstelliteError) => void>
  readonly statusListeners: Set<(status: Status) => void>
  readonly ending: Ending
  status: Status | undefined
  failed: ConstelliteError | undefined
  lastId: number
  /** Something waits for an answer, where nothing did. */
  onWaiting: () => void
}

export type Live = {
  readonly listener: LiveListener
  /** What the worker's next change builds on; never given out, because readers may sort what they get. */
  rows: readonly Row[]
}

export type Pending = {
  readonly resolve: (value: unknown) => void
  readonly reject: (failure: ConstelliteError) => void
}

export type AskOptions<T> = {
  /** Makes the answer from what travelled; without it that is the answer. */
  readonly read?: (value: never) => T
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((fraction: number) => void) | undefined
  /** For `begin`: the transaction is over. */
  readonly onOver?: ((failure: ConstelliteError) => void) | undefined
}

export function createExchange(port: Port, onProgress: (fraction: number) => void): Exchange {
  const exchange: Exchange = {
    port: batchPort<Request, Reply>(port, {
      onItem: (reply) => onReply(exchange, reply),
      // Closing is either asked for, or the end of the worker, which its life tells with the reason.
      onClose: () => undefined,
    }),
    pending: new Map(),
    live: new Map(),
    progress: new Map([[NO_REQUEST, onProgress]]),
    over: new Map(),
    statusListeners: new Set(),
    ending: createEnding(),
    status: undefined,
    failed: undefined,
    lastId: NO_REQUEST,
    onWaiting: () => undefined,
  }
  return exchange
}

/** Sends the request that `make` makes under this id; resolves with its answer, whose type the request
 *  fixes. */
export function ask<T>(
  exchange: Exchange,
  make: (id: RequestId) => Request,
  { read, signal, onProgress, onOver }: AskOptions<T> = {},
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (exchange.failed !== undefined) return reject(exchange.failed)
    if (signal?.aborted) return reject(aborted(signal))
    const id = nextId(exchange)
    const onAbort = (): void => exchange.port.send({ id, op: 'abort' })
    exchange.pending.set(id, {
      resolve: (value) => {
        signal?.removeEventListener('abort', onAbort)
        // The worker answers what the request asks for: server.ts.
        resolve(read === undefined ? (value as T) : read(value as never))
      },
      reject: (failure) => {
        signal?.removeEventListener('abort', onAbort)
        exchange.over.delete(id)
        reject(localReason(failure, signal))
      },
    })
    if (exchange.pending.size === 1) exchange.onWaiting()
    if (onOver !== undefined) exchange.over.set(id, onOver)
    if (onProgress !== undefined) exchange.progress.set(id, onProgress)
    signal?.addEventListener('abort', onAbort, { once: true })
    exchange.port.send(make(id))
  })
}

export function nextId(exchange: Exchange): number {
  exchange.lastId += 1
  return exchange.lastId
}

/** The signal's own reason cannot cross; here it is at hand. */
export function localReason(
  failure: ConstelliteError,
  signal: AbortSignal | undefined,
): ConstelliteError {
  return signal?.aborted && isFailure(failure, 'ErrAborted') ? aborted(signal) : failure
}

/** Rejects everything pending and everything later. */
export function failExchange(exchange: Exchange, failure: ConstelliteError): void {
  if (exchange.failed !== undefined) return
  exchange.failed = failure
  const { pending, over, live, progress, status } = exchange
  const told = [...pending.values()]
  // One that has not begun is rejected, and may begin elsewhere.
  const transactions = [...over].flatMap(([id, tell]) => (pending.has(id) ? [] : [tell]))
  const listeners = [...live.values()]
  for (const map of [pending, over, live, progress]) map.clear()
  for (const { reject } of told) reject(failure)
  for (const tell of transactions) tell(failure)
  for (const { listener } of listeners) listener.onError(failure, true)
  if (status !== undefined) tellStatus(exchange, { ...status, state: 'failed', failure })
  exchange.ending.tell(failure)
  exchange.port.close()
}

function onReply(exchange: Exchange, reply: Reply): void {
  // A tuple among objects: what travels most.
  if (!('type' in reply)) {
    settle(exchange, reply[0])?.resolve(reply[1])
    return
  }
  switch (reply.type) {
    case 'failure':
      settle(exchange, reply.id)?.reject(reviveFailure(reply.failure))
      break
    case 'rows': {
      const live = exchange.live.get(reply.id)
      if (live === undefined) break
      live.rows = applyChange(live.rows, reply.change)
      live.listener.onRows([...live.rows])
      exchange.port.send(reply.id)
      break
    }
    case 'error': {
      const live = exchange.live.get(reply.id)
      if (live === undefined) break
      if (reply.isFinal) exchange.live.delete(reply.id)
      live.listener.onError(reviveFailure(reply.failure), reply.isFinal)
      break
    }
    case 'progress':
      exchange.progress.get(reply.id)?.(reply.fraction)
      break
    case 'over':
      exchange.over.get(reply.id)?.(reviveFailure(reply.failure))
      exchange.over.delete(reply.id)
      break
    case 'status':
      tellStatus(exchange, reviveStatus(reply.status))
      break
    case 'ended':
      exchange.ending.tell(reviveFailure(reply.failure))
      break
  }
}

function settle(exchange: Exchange, id: number): Pending | undefined {
  const waiting = exchange.pending.get(id)
  exchange.pending.delete(id)
  exchange.progress.delete(id)
  return waiting
}

function tellStatus(exchange: Exchange, status: Status): void {
  exchange.status = status
  for (const listener of exchange.statusListeners) listener(status)
}
