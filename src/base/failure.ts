/** Failures: what can go wrong without anyone having made a programming mistake.
 *  Every failure has a `code` from a closed union, facts, a hint that says what to do next, and
 *  whether a retry can help.  Inside the package one function per format returns `Result`; at the
 *  public face the same failure is thrown.  Never: carries keys or payload bytes. */

export type FailureCode =
  // Opening and options
  | 'ErrOption' // an unknown option, or one with a value that cannot be used
  | 'ErrOptionsDiffer' // one name opened twice, in a realm or in two tabs, with different options
  | 'ErrInUse' // another process or tab owns the database
  | 'ErrClosed' // the handle was closed
  | 'ErrStorage' // the device failed: read, write, flush, permission
  | 'ErrQuota' // the device is full
  | 'ErrCleared' // the site's data was deleted, while the database was open or but for its keys
  | 'ErrNotDurable' // `durable: true` and this storage cannot promise it
  | 'ErrCorrupt' // bytes on the device are not what was written
  | 'ErrPoisoned' // an earlier write or flush failed: reopen
  | 'ErrWalFull' // the log is at its cap and a holder does not release it
  | 'ErrSnapshotTooOld' // a reader kept a snapshot past the named limit
  // SQL
  | 'ErrSql' // SQLite refused; `sqlite` has its codes
  | 'ErrParameter' // a value that SQLite cannot take
  | 'ErrRefused' // a statement that Constellite refuses, with the reason
  | 'ErrReadOnly' // a follower's own write
  | 'ErrTransaction' // misuse of a transaction: nested, finished, from outside
  | 'ErrTransactionTimeout' // idle for longer than the limit: rolled back
  | 'ErrAborted' // an AbortSignal fired
  | 'ErrOutcomeUnknown' // repeated too late: nobody knows any more whether it was written
  | 'ErrAnswerLost' // it was written, but its rows went down with whoever wrote it
  | 'ErrSchemaNewer' // the database is ahead of the code's migrations
  | 'ErrMigrationEdited' // an applied migration's text has changed
  | 'ErrMigration' // a migration failed; nothing of it was kept
  // Import
  | 'ErrNotEmpty' // import into a database that already has frames
  | 'ErrNotSqlite' // not a SQLite file
  | 'ErrEncrypted' // probably an encrypted file
  | 'ErrTruncatedFile' // shorter than its header says
  | 'ErrEncoding' // a UTF-16 database
  // Frames and identity
  | 'ErrDecode' // malformed bytes
  | 'ErrChecksum' // a checksum does not match
  | 'ErrSignature' // a signature does not verify
  | 'ErrAuthor' // an author whom the chain never named
  | 'ErrForked' // two valid frames at one position
  | 'ErrGap' // frames are missing and the deadline passed
  | 'ErrDiverged' // the state root after a frame is not the sealed one
  | 'ErrSuperseded' // a hand-over made another copy the writer
  | 'ErrIdentity' // key material that is missing, unusable or weak
  | 'ErrShardMismatch' // the name holds another shard
  | 'ErrModeMismatch' // the shard has the other mode
  // Travel
  | 'ErrAddress' // an address that does not parse
  | 'ErrHandshake' // the peer did not prove who it is
  | 'ErrProtocol' // the peer broke the protocol
  | 'ErrTooLarge' // over a named limit
  | 'ErrBackpressure' // a bounded queue is full
  | 'ErrTimeout' // a deadline passed
  | 'ErrConnection' // the connection could not be made or broke
  | 'ErrNotConfigured' // a stage that nothing can reach
  | 'ErrDenied' // the relay does not take this shard or key
  | 'ErrRelayFull' // a relay quota
  | 'ErrUnavailable' // the relay has not what was asked for
  // Service utilities
  | 'ErrCircuitOpen' // a circuit breaker keeps calls away from what has failed
  | 'ErrDecrypt' // a ciphertext, its associated data and the key do not belong together
  | 'ErrKey' // no key, or not the one that the ciphertext names
  | 'ErrPurpose' // encrypted for another purpose
  // Worker
  | 'ErrWorkerFailed' // the worker is missing, refused or dead
  // Ours
  | 'ErrInternal' // an assertion broke: a bug

/** 'now': nothing of it was done, and the same again can succeed at once. */
export type Retry = 'never' | 'now' | 'later' | 'after-repair'

export type Fact = string | number | bigint | boolean | null | Uint8Array | readonly Fact[]

export type Facts = { readonly [name: string]: Fact | undefined }

/** SQLite's own words about a failure. */
export type SqliteCodes = {
  readonly code: number
  readonly extendedCode: number
  readonly name: string
}

export type FailureInit = {
  readonly code: FailureCode
  /** One sentence: what was wrong. */
  readonly message: string
  /** What to do about it. */
  readonly hint: string
  readonly facts?: Facts
  /** Default `never`. */
  readonly retry?: Retry
  readonly sqlite?: SqliteCodes
  readonly cause?: unknown
}

const BRAND = 'constellite.failure'

/** The one error class of the public face.  Recognise it with `isFailure`, which also works across
 *  realms and the worker boundary, where `instanceof` does not. */
export class ConstelliteError extends Error {
  override readonly name = 'ConstelliteError'
  readonly brand: string = BRAND
  readonly code: FailureCode
  readonly hint: string
  readonly facts: Facts
  readonly retry: Retry
  readonly sqlite: SqliteCodes | undefined

  constructor(init: FailureInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause })
    this.code = init.code
    this.hint = init.hint
    this.facts = init.facts ?? {}
    this.retry = init.retry ?? 'never'
    this.sqlite = init.sqlite
  }
}

/** True when `error` is a Constellite failure (with this code, when one is given), in any realm. */
export function isFailure(error: unknown, code?: FailureCode): error is ConstelliteError {
  if (typeof error !== 'object' || error === null) return false
  const candidate = error as { brand?: unknown; code?: unknown }
  return candidate.brand === BRAND && (code === undefined || candidate.code === code)
}

export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: ConstelliteError }

export function succeed<T>(value: T): Result<T> {
  return { ok: true, value }
}

export function fail<T>(init: FailureInit): Result<T> {
  return { ok: false, failure: new ConstelliteError(init) }
}

/** The value of a result, or its failure thrown: for the edge where a failure must stop the caller. */
export function orThrow<T>(result: Result<T>): T {
  if (!result.ok) throw result.failure
  return result.value
}

/** Any thrown thing as a failure; what is not one already was not foreseen and becomes ErrInternal. */
export function failureOf(error: unknown): ConstelliteError {
  if (isFailure(error)) return error
  const message = error instanceof Error ? error.message : String(error)
  return new ConstelliteError({
    code: 'ErrInternal',
    message,
    hint: 'This is a bug in Constellite or in a callback of yours; the cause has the stack.',
    cause: error,
  })
}
