/** Core: one open database as the face sees it, in this thread (local-core.ts) or behind a worker
 *  (bridge/client.ts).  Keeps: both answer alike; nothing is answered before the flush that covers what
 *  it saw.  Never: takes templates or callbacks of SQL; the face has parsed them. */

import type { ConstelliteError } from '../base/failure.ts'
import type { FileBlob, Signal } from '../base/globals.ts'
import type { Query } from './sql.ts'
import type {
  ExportReport,
  ImportReport,
  ImportSource,
  Ready,
  Row,
  RunResult,
  Stage,
  Status,
  StorageReport,
  TakeOverReport,
  VerifyReport,
} from './types.ts'

/** Numbers an open transaction of one core. */
export type TransactionId = number

/** Names one request of one client, so that it can be repeated when nobody knows whether it ran: it runs
 *  once, and its repetition is answered from the log (shard/requests.ts). */
export type CoreRequest = {
  /** 16 bytes: what they mean, wal/layout.ts. */
  readonly id: Uint8Array
  /** It may have run before: what became of it is looked up first. */
  readonly isRepeated: boolean
}

export type CoreCall = {
  /** Inside this transaction; undefined: on its own. */
  readonly transaction?: TransactionId | undefined
  /** Which handle calls: a transaction that hangs takes down what its own handle queued behind it. */
  readonly caller: number
  readonly signal?: Signal | undefined
  /** Outside a transaction only; one inside is named by its `commit`. */
  readonly request?: CoreRequest | undefined
}

export type CoreBegin = Pick<CoreCall, 'caller' | 'signal'> & {
  /** The transaction is over: committed, rolled back, or taken away for this reason. */
  onEnd(reason: ConstelliteError): void
}

export type CoreUntil = {
  readonly holders: number
  readonly signal?: Signal | undefined
}

export type CoreImport = {
  readonly onProgress?: ((fraction: number) => void) | undefined
  readonly signal?: Signal | undefined
}

export type CoreTakeOver = {
  /** The caller's, who wipes it. */
  readonly key: Uint8Array | undefined
  readonly isLossy: boolean
}

export type LiveListener = {
  onRows(rows: Row[]): void
  /** `isFinal`: nothing follows. */
  onError(failure: ConstelliteError, isFinal: boolean): void
}

export type Core = {
  readonly ready: Ready
  readonly status: Status
  onStatus(listener: (status: Status) => void): () => void
  run(query: Query, call: CoreCall): Promise<RunResult>
  all(query: Query, call: CoreCall): Promise<Row[]>
  exec(text: string, call: CoreCall): Promise<void>
  begin(call: CoreBegin): Promise<TransactionId>
  commit(transaction: TransactionId, request?: CoreRequest): Promise<void>
  rollback(transaction: TransactionId): Promise<void>
  watch(query: Query, listener: LiveListener): () => void
  until(stage: Stage, options: CoreUntil): Promise<void>
  exportFile(): Promise<FileBlob>
  exportTo(path: string): Promise<ExportReport>
  importFile(source: ImportSource, options: CoreImport): Promise<ImportReport>
  /** Applies what is missing of this list, which begins with those that were applied. */
  migrate(migrations: readonly string[]): Promise<void>
  /** A file of frames that a hand-over cut off. */
  exportKept(file: string): Promise<FileBlob>
  takeOver(options: CoreTakeOver): Promise<TakeOverReport>
  verify(): Promise<VerifyReport>
  storage(): Promise<StorageReport>
  /** Resolves, once, when the core stopped by itself: a poisoned log, a dead worker. */
  readonly ended: Promise<ConstelliteError>
  close(): Promise<void>
}
