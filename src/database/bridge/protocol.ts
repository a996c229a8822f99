/** Protocol: what a page and a worker say to each other, its own or the one of another tab, which may be of
 *  another version of the package (tabs/lobby.ts).  Statements go over a port of their own, in batches
 *  (port.ts); set-up goes over the port that both have from the start (`Control`, remote.ts).
 *  Keeps: everything is plain data; a request is answered once, under its id; events carry the id of the
 *  request that asked for them.
 *  What travels most, statements, their answers and rows, are arrays without names, because copying an
 *  object costs more than half of what a call may. */

import type { CoreTakeOver } from '../core.ts'
import type { OpenOptions } from '../options.ts'
import type { CheckedParameters } from '../parameters.ts'
import type { Query } from '../sql.ts'
import type { ImportSource, Ready, Stage } from '../types.ts'
import type { PlainFailure, PlainStatus } from './failure.ts'
import type { RowsChange } from './rows.ts'

/** To be raised with every change of what is said; another number means that one of the two is an old copy. */
export const PROTOCOL = 6

export type RequestId = number

/** Names a write of one tab, so that it happens once although it is called again: unix seconds << 20 | a
 *  counter (wal/layout.ts).  Negative: it may have run before.  0: it needs no name. */
export type RequestNumber = number

/** One statement: what `run` and `all` send. */
export type StatementRequest = readonly [
  id: RequestId,
  /** Otherwise only what changed: `RunAnswer`. */
  areRowsWanted: boolean,
  /** An `abort` may follow. */
  isAbortable: boolean,
  caller: number,
  transaction: number | undefined,
  sql: string,
  parameters: CheckedParameters,
  request: RequestNumber,
]

/** What `run` is answered with, by position: `RunResult`. */
export type RunAnswer = readonly [changes: number, lastInsertRowid: number | bigint, seq: bigint]

export type Operation =
  | {
      readonly op: 'exec'
      readonly text: string
      readonly transaction?: number | undefined
      readonly caller: number
      readonly request: RequestNumber
    }
  | { readonly op: 'begin'; readonly caller: number }
  | { readonly op: 'commit'; readonly transaction: number; readonly request: RequestNumber }
  | { readonly op: 'rollback'; readonly transaction: number }
  | { readonly op: 'until'; readonly stage: Stage; readonly holders: number }
  | { readonly op: 'export' | 'verify' | 'storage' | 'close' }
  | { readonly op: 'exportTo'; readonly path: string }
  | { readonly op: 'exportKept'; readonly file: string }
  | ({ readonly op: 'takeOver' } & CoreTakeOver)
  | { readonly op: 'import'; readonly source: ImportSource }
  | { readonly op: 'migrate'; readonly migrations: readonly string[] }
  | { readonly op: 'watch'; readonly query: Query }
  /** These two name an earlier request by their id and are not answered. */
  | { readonly op: 'unwatch' | 'abort' }

export type OperationRequest = Operation & { readonly id: RequestId }

/** The rows of this live query are shown: the next may come. */
export type ShownRequest = RequestId

export type Request = ShownRequest | StatementRequest | OperationRequest

/** The answer to a request that succeeded. */
export type ValueReply = readonly [id: RequestId, value: unknown]

export type Reply =
  | ValueReply
  | { readonly type: 'failure'; readonly id: RequestId; readonly failure: PlainFailure }
  | { readonly type: 'rows'; readonly id: RequestId; readonly change: RowsChange }
  | {
      readonly type: 'error'
      readonly id: RequestId
      readonly failure: PlainFailure
      readonly isFinal: boolean
    }
  | { readonly type: 'progress'; readonly id: RequestId; readonly fraction: number }
  /** The transaction that this request began is over. */
  | { readonly type: 'over'; readonly id: RequestId; readonly failure: PlainFailure }
  | { readonly type: 'status'; readonly status: PlainStatus }
  | { readonly type: 'ended'; readonly failure: PlainFailure }

/** Id of what belongs to no request: the progress of opening. */
export const NO_REQUEST: RequestId = 0

export type PlainOptions = Omit<OpenOptions, 'worker'>

/** What a tab tells of itself when it opens a database. */
export type TabIdentity = {
  /** 8 random bytes: the first half of the ids of its requests. */
  readonly tag: Uint8Array
  /** It is the owner, under this name, and others may come; undefined where tabs cannot meet. */
  readonly term: string | undefined
  /** It had the database before, and may have fewer migrations than those that were applied meanwhile. */
  readonly hasOpened: boolean
}

export type Opened = { readonly ready: Ready; readonly status: PlainStatus }

export type PlainResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: PlainFailure }

/** The worker's side of set-up. */
export type Control = {
  /** Takes the lock of this name, where there are locks, so that the page sees the worker die. */
  hello(lock: string): Promise<{ readonly protocol: number; readonly isLocked: boolean }>
  open(
    name: string,
    options: PlainOptions,
    tab: TabIdentity,
    port: MessagePort,
  ): Promise<PlainResult<Opened>>
  /** Deletes a closed database; false when there was none. */
  remove(name: string, kernelUrl: string | undefined): Promise<PlainResult<boolean>>
}
