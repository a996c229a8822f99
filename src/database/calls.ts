/** Calls: statements and transactions as tasks of the executor.
 *  Keeps: a call outside a transaction leaves none open; one inside runs only while its transaction
 *  holds the slot. */

import { assert } from '../base/assert.ts'
import type { Shard } from '../shard/shard.ts'
import type { SqlConnection } from '../sqlite/engine.ts'
import type { Connections } from './connections.ts'
import type { Core, CoreBegin, CoreCall, CoreRequest, TransactionId } from './core.ts'
import { type Executor, NO_CALLER } from './executor.ts'
import { aborted } from './open-failures.ts'
import {
  type Answering,
  NO_ANSWER,
  ROWS_ANSWER,
  RUN_ANSWER,
  recorded,
  runOnce,
  settleOnce,
} from './run-once.ts'
import { finished } from './slot.ts'
import type { Query } from './sql.ts'
import type { RunResult } from './types.ts'

export type Calls = Pick<Core, 'run' | 'all' | 'exec' | 'begin' | 'commit' | 'rollback'>

export type CallParts = {
  readonly executor: Executor
  readonly connections: Connections
  readonly shard: Pick<Shard, 'head' | 'requests'>
  /** What a read waits for before its turn, if anything: arrival.ts, own-head.ts. */
  arrived(signal: CoreCall['signal']): Promise<void> | undefined
  /** What a write of its own waits for, if anything: own-head.ts, log-room.ts. */
  roomy(signal: CoreCall['signal']): Promise<void> | undefined
}

type Write<T> = {
  readonly sizeBytes: number
  /** For a call that may be repeated. */
  readonly answering: Answering<T>
  readonly work: (writer: SqlConnection) => T
}

export function createCalls(parts: CallParts): Calls {
  const { executor, connections, shard } = parts
  const { slot } = executor
  /** Runs on the writer, inside the call's transaction or on its own. */
  const write = <T>(call: CoreCall, { sizeBytes, answering, work }: Write<T>): Promise<T> => {
    const { transaction, request } = call
    const run = (): T => {
      if (transaction === undefined) {
        if (request === undefined) return connections.outside(work)
        const outside = (): T => connections.outside(work)
        return runOnce(shard.requests, request, { answering, work: outside })
      }
      assert(request === undefined, 'a call inside a transaction is named by its commit')
      return connections.inside(work, (reason) => slot.release(transaction, reason))
    }
    const submit = () => executor.submit({ ...call, kind: 'write', sizeBytes, work: run })
    const room = transaction === undefined ? parts.roomy(call.signal) : undefined
    return room?.then(submit) ?? submit()
  }
  return {
    run: (query, call) =>
      write(call, {
        sizeBytes: sizeOf(query),
        answering: RUN_ANSWER,
        work: (writer): RunResult => {
          const { changes, lastInsertRowid } = writer.run(query.sql, query.parameters)
          return { changes, lastInsertRowid, seq: shard.head.seq }
        },
      }),
    all: (query, call) => {
      const { sql, parameters } = query
      if (call.transaction !== undefined || !connections.isRead(query)) {
        const sizeBytes = sizeOf(query)
        const work = (writer: SqlConnection) => writer.all(sql, parameters)
        return write(call, { sizeBytes, answering: ROWS_ANSWER, work })
      }
      const work = () =>
        connections.read(slot.open !== undefined, (connection) => connection.all(sql, parameters))
      const read = () => executor.submit({ ...call, kind: 'read', work })
      return parts.arrived(call.signal)?.then(read) ?? read()
    },
    exec: (text, call) =>
      write(call, {
        sizeBytes: text.length,
        answering: NO_ANSWER,
        work: (writer) => writer.exec(text),
      }),
    // In its turn at once where nothing is waited for: calls keep the order in which they were made.
    begin(call) {
      // The second also says that a write waits, so it is asked first.
      const room = parts.roomy(call.signal)
      const first = parts.arrived(call.signal) ?? room
      return first?.then(() => begin(call, parts)) ?? begin(call, parts)
    },
    commit: (transaction, request) =>
      request?.isRepeated === true
        ? settleCommit(parts, request)
        : commit(parts, transaction, request),
    rollback: async (transaction) => {
      // Not queued: what the callback left waiting is refused, and others may go on at once.
      slot.abandon(transaction, finished())
    },
  }
}

function commit(
  { executor, connections, shard }: CallParts,
  transaction: TransactionId,
  request: CoreRequest | undefined,
): Promise<void> {
  return executor.submit({
    kind: 'write',
    transaction,
    caller: NO_CALLER,
    work: () => {
      executor.slot.release(transaction, finished())
      if (request === undefined) return connections.commit()
      const work = (): void => connections.commit()
      return recorded(shard.requests, request, { answering: NO_ANSWER, work })
    },
  })
}

/** Only looks up what became of it: its number may be another's by now, and where it is not, whoever sent
 *  the first commit is gone and its transaction with it. */
function settleCommit({ executor, shard }: CallParts, request: CoreRequest): Promise<void> {
  return executor.submit({
    kind: 'read',
    caller: NO_CALLER,
    work: () => settleOnce(shard.requests, request, NO_ANSWER),
  })
}

function begin(call: CoreBegin, { executor, connections }: CallParts): Promise<TransactionId> {
  const { slot } = executor
  const { signal, caller } = call
  return executor.submit({
    kind: 'begin',
    caller,
    signal,
    work: () => {
      connections.begin()
      const onAbort = (): void => slot.abandon(transaction, aborted(signal))
      const transaction = slot.take({
        caller,
        undo: () => connections.rollback(),
        onEnd: (reason) => {
          signal?.removeEventListener('abort', onAbort)
          call.onEnd(reason)
        },
      })
      signal?.addEventListener('abort', onAbort, { once: true })
      return transaction
    },
  })
}

/** About how many bytes its parameters keep; numbers count like a word. */
function sizeOf(query: Query): number {
  let sizeBytes = 0
  for (const value of Object.values(query.parameters)) {
    if (typeof value === 'string') sizeBytes += value.length
    else if (value instanceof Uint8Array) sizeBytes += value.byteLength
    else sizeBytes += 8
  }
  return sizeBytes
}
