/** The public face: what `open` answers, the same object in a tab, a worker and on a server.
 *  Keeps: every method waits until the database is ready, and rejects with what kept it from opening.
 *  Never: names an internal type, so that a reader needs this file, `storage-types.ts` and
 *  `options.ts` only. */

import type { ConstelliteError } from '../base/failure.ts'
import type { FileBlob, Signal } from '../base/globals.ts'
import type { SyncStatus } from '../replication/sync.ts'
import type { StorageReport, StorageStatus } from './storage-types.ts'

/** A value as SQLite keeps it.  Integers are numbers when safe, else bigint. */
export type SqlValue = null | number | bigint | string | Uint8Array
/** What may stand for a value: `true` and `false` become 1 and 0. */
export type SqlInput = SqlValue | boolean
export type SqlParameters = readonly SqlInput[] | Readonly<Record<string, SqlInput>>
export type Row = Record<string, SqlValue>

declare const fragment: unique symbol
/** A piece of SQL with its values, made by `sql`, `list` or `name`; nests in other templates. */
export type Sql = { readonly [fragment]: true }

export type CallOptions = {
  /** Takes the call out of the queue; what already runs in SQLite is finished first. */
  readonly signal?: Signal
}

/** One statement: as a tagged template, as a fragment, or as text with parameters. */
export type Statement<Result> = {
  (strings: TemplateStringsArray, ...values: readonly (SqlInput | Sql)[]): Result
  (statement: Sql, options?: CallOptions): Result
  (text: string, parameters?: SqlParameters, options?: CallOptions): Result
}

/** As `Statement`, with the type of a row. */
export type RowStatement<Many extends 'rows' | 'row' | 'watch'> = {
  <R extends object = Row>(
    strings: TemplateStringsArray,
    ...values: readonly (SqlInput | Sql)[]
  ): Shape<R>[Many]
  <R extends object = Row>(statement: Sql, options?: CallOptions): Shape<R>[Many]
  <R extends object = Row>(
    text: string,
    parameters?: SqlParameters,
    options?: CallOptions,
  ): Shape<R>[Many]
}

type Shape<R> = {
  readonly rows: Promise<R[]>
  readonly row: Promise<R | undefined>
  readonly watch: Watch<R>
}

export type RunResult = {
  /** Rows inserted, updated or deleted by the statement itself. */
  readonly changes: number
  readonly lastInsertRowid: number | bigint
  /** The newest frame when the statement was done: its own, if it wrote outside a transaction. */
  readonly seq: bigint
}

/** What a transaction and a database have in common. */
export type Queries = {
  /** One statement that writes. */
  readonly run: Statement<Promise<RunResult>>
  /** One statement; all its rows. */
  readonly all: RowStatement<'rows'>
  /** One statement; its first row. */
  readonly get: RowStatement<'row'>
  /** Any number of statements, without parameters and rows, each on its own. */
  exec(text: string, options?: CallOptions): Promise<void>
}

/** Valid until the callback of `transaction` has settled. */
export type Transaction = Queries

export type TransactionOptions = {
  /** Rolls back and rejects with ErrAborted. */
  readonly signal?: Signal
}

export type Database = Queries & {
  readonly name: string
  /** Resolves when the database can be used; rejects with what kept it from opening. */
  readonly ready: Promise<Ready>
  readonly status: Status
  /** Calls `listener` at every change of `status`; answers the way to stop. */
  onStatus(listener: (status: Status) => void): () => void
  /** Runs `work` with the writer to itself: commits when it resolves, rolls back when it throws.
   *  Inside it use `tx`; calls on the database itself are refused there. */
  transaction<T>(
    work: (tx: Transaction) => Promise<T> | T,
    options?: TransactionOptions,
  ): Promise<T>
  /** A live query: its rows now and after every change that can touch them. */
  readonly watch: RowStatement<'watch'>
  /** Resolves when everything written up to now has got that far. */
  until(stage: Stage, options?: UntilOptions): Promise<void>
  /** The database as a plain SQLite file. */
  export(): Promise<FileBlob>
  /** Writes the plain SQLite file to `path`, where there is a file system. */
  export(target: { readonly path: string }): Promise<ExportReport>
  /** What a superseded writer wrote beyond the hand-over: the `file` that the facts of ErrSuperseded name. */
  export(target: { readonly file: string }): Promise<FileBlob>
  /** Makes this copy, which follows, the writer; the one before stops with ErrSuperseded. */
  takeOver(options?: TakeOverOptions): Promise<TakeOverReport>
  /** Takes a SQLite file into a database that has nothing yet. */
  import(source: ImportSource, options?: ImportOptions): Promise<ImportReport>
  /** Recomputes the history that this copy holds. */
  verify(): Promise<VerifyReport>
  /** How much room the site and this database take, and what for. */
  storage(): Promise<StorageReport>
  /** Gives this handle back; the last one closes the database.  What was called before is done first; but where
   *  `status.owner` is or becomes 'silent', that is rejected: writes with ErrOutcomeUnknown. */
  close(): Promise<void>
}

/** What `open` answers: use it at once, or `await` it to know that opening worked. */
export type OpeningDatabase = Database & PromiseLike<Database>

export type Ready = {
  readonly name: string
  /** What a follower needs: paste it into `follow(address)`. */
  readonly address: string
  readonly role: 'writer' | 'follower'
  /** What the option `import` took in at this opening; undefined where there was none. */
  readonly import: ImportReport | undefined
  /** What the option `repair` did at this opening; undefined where nothing had to be repaired. */
  readonly repaired: RepairReport | undefined
  /** Bytes of unfinished writes that a crash left behind and this opening cut off; 0 after a clean close.
   *  Nothing that was answered is among them. */
  readonly tornBytes: number
}

export type RepairReport = {
  /** The newest frame before the damage; 0 where a copy that follows began anew. */
  readonly seq: bigint
  /** How many frames beyond it the damaged log was seen to name: what this copy gave up. */
  readonly frames: number
  /** The file in the database's folder that keeps the damaged log, whole. */
  readonly file: string
}

/** How far a write got. */
export type Stage = 'durable' | 'final' | 'shared' | 'archived'

export type UntilOptions = {
  /** For 'shared': how many others must hold it; 1 by default. */
  readonly holders?: number
  readonly signal?: Signal
  /** Rejects with ErrTimeout after this many milliseconds. */
  readonly timeoutMs?: number
}

export type Watch<R> = AsyncIterable<R[]> & {
  /** The newest rows, or undefined before the first. */
  readonly current: R[] | undefined
  /** Calls `onRows` now and after every change of the rows; answers the way to stop. */
  subscribe(onRows: (rows: R[]) => void, onError: (error: ConstelliteError) => void): () => void
}

export type ImportSource = string | FileBlob | Uint8Array

export type ImportOptions = {
  /** Called with 0…1. */
  readonly onProgress?: (fraction: number) => void
  readonly signal?: Signal
}

export type ImportReport = {
  readonly pageSize: number
  readonly pageCount: number
  readonly sizeBytes: number
  readonly seq: bigint
  /** What the owner of the file should know; empty when there is nothing. */
  readonly warnings: readonly string[]
}

export type TakeOverOptions = {
  /** The owner's or the recovery key's seed, or what `createIdentity()` gave.  Not needed where the owner key
   *  is kept beside this copy, or was given as `identity`. */
  readonly key?: Uint8Array | { readonly seed: Uint8Array }
  /** Go on from what is here even where no relay can be asked, or has more: the rest is cut off. */
  readonly lossy?: boolean
}

export type TakeOverReport = {
  /** The hand-over's own frame: what is written from here on comes after it. */
  readonly seq: bigint
  /** Frames that relays said they have and that were not here: 0 unless `lossy`. */
  readonly cutOff: number
}

export type ExportReport = { readonly path: string; readonly sizeBytes: number }

export type VerifyReport = {
  /** True when nothing that was checked is wrong. */
  readonly ok: boolean
  /** The state root recomputed over all pages is the one that was signed. */
  readonly pages: 'match' | 'differ'
  /** The recomputed state root, hex. */
  readonly root: string
  /** Frames that this copy still holds, each recomputed; `broken` is the first that does not fit. */
  readonly frames: {
    /** Undefined when it holds none: after an import or a snapshot, until the next write. */
    readonly first: bigint | undefined
    readonly last: bigint | undefined
    readonly broken: bigint | undefined
  }
  /** Newest frame that a signature covers. */
  readonly sealedSeq: bigint
  /** Frames after it, which nobody has signed yet. */
  readonly unsealed: number
  /** Newest frame that somebody else signed for, and what stands on this copy's word alone. */
  readonly anchoredSeq: bigint | undefined
  readonly unanchored: string
}

export type KernelStatus = {
  /** What hashes and verifies: WASM, or plain JavaScript, which is many times slower. */
  readonly kind: 'wasm' | 'plain'
  /** Why it is plain. */
  readonly reason: string | undefined
}

export type IdentityStatus = {
  /** This copy's author key. */
  readonly publicKey: Uint8Array
  /** Where the secret is kept: 'indexeddb', 'file', 'durable-object', 'memory'. */
  readonly stored: string
  /** True when `identity` or `recovery` was given, so that losing this copy does not lose the name. */
  readonly recoverable: boolean
}

export type { StorageReport, StorageStatus, SyncStatus }

export type Status = {
  readonly state: 'idle' | 'opening' | 'open' | 'failed' | 'closed'
  /** 0…1 of an import or a verification at opening. */
  readonly progress: number | undefined
  readonly role: 'writer' | 'follower' | undefined
  readonly storage: StorageStatus | undefined
  readonly identity: IdentityStatus | undefined
  readonly kernel: KernelStatus | undefined
  readonly sync: SyncStatus
  /** Newest frame. */
  readonly seq: bigint
  /** In a browser: which tab of the origin runs the database.  'changing': it changes hands, and calls wait.
   *  'silent': the tab that runs it has not answered for seconds, because it is busy or the system has stopped
   *  it; calls wait until it goes on or is closed.  Undefined before that is known, and everywhere else. */
  readonly owner: 'here' | 'elsewhere' | 'changing' | 'silent' | undefined
  /** What stopped the database, if anything did. */
  readonly failure: ConstelliteError | undefined
}
