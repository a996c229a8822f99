/** Shard: one local copy of one ordered, hash-chained database: chain, log and pages as one thing.
 *  Keeps: pages, position and log advance together; nothing is sealed or served before it is flushed;
 *  a frame is applied only from a verified sealed run of the author whom the chain names.
 *  Never: talks to the network or to SQLite; sqlite's VFS commits into it, replication feeds it. */

import type { ConstelliteError } from '../base/failure.ts'
import type { Signal } from '../base/globals.ts'
import type { Hlc, Position, Seq } from '../base/ids.ts'
import type { Signer } from '../crypto/signer.ts'
import type { Frame } from '../frame/frame.ts'
import type { MayWrite, SealedRun } from '../frame/run.ts'
import type { Seal } from '../frame/seal.ts'
import type { PageChanges, PageStore } from '../pages/store.ts'
import type { RequestOutcome } from '../wal/request-entry.ts'
import type { RequestFate } from './requests.ts'

/** In bytes; `StorageReport` of the face says what each is. */
export type ShardUsage = {
  readonly log: {
    readonly sizeBytes: number
    readonly usedBytes: number
    readonly capBytes: number
    readonly holder: { readonly name: string; readonly seq: Seq } | undefined
  }
  readonly pages: { readonly sizeBytes: number; readonly freeBytes: number }
  readonly leavesBytes: number
  readonly snapshotBytes: number
  readonly keptBytes: number
  readonly otherBytes: number
  readonly memory: { readonly dirtyBytes: number; readonly stagedBytes: number }
}

export type ShardRole = 'writer' | 'follower'

/** What a change of the newest state tells those who listen. */
export type Advance = {
  readonly position: Position
  /** Tables that changed; empty means "unknown: assume all". */
  readonly tables: readonly string[]
  readonly origin: 'local' | 'applied' | 'installed'
}

/** Whether an authority list asks this copy to go back: a hand-over at or below its head that it did not
 *  know. */
export type AuthorityNews =
  | { readonly type: 'none' }
  | { readonly type: 'rewind'; readonly seq: Seq }

export type Installed = {
  /** The copy went back behind frames that a hand-over superseded. */
  readonly isRewound: boolean
}

export type Shard = {
  readonly id: Uint8Array
  readonly role: ShardRole
  /** This copy's author key. */
  readonly ownAuthor: Uint8Array
  /** Who may append now, and since which epoch: what the chain says.  Undefined before the genesis. */
  readonly author: { readonly key: Uint8Array; readonly epoch: bigint } | undefined
  /** The right of a run's author, for `decodeRun`. */
  readonly mayWrite: MayWrite
  /** Newest appended frame; seq 0 before the genesis. */
  readonly head: Position
  /** Like `head`, and past the frames of a transaction that has not wholly arrived: the next run begins
   *  after it.  Such frames live in memory only. */
  readonly received: Position
  readonly headHlc: Hlc
  /** Newest frame covered by a flush. */
  readonly durable: Position
  readonly newestSeal: Seal | undefined
  /** Genesis and every hand-over, oldest first. */
  readonly authority: readonly Frame[]
  readonly pages: PageStore
  /** Why the shard stopped: ErrForked, ErrDiverged, ErrSuperseded, ErrPoisoned…  Reads go on where
   *  they can. */
  readonly halted: ConstelliteError | undefined

  /** One transaction's changed pages become one frame (several when larger than 16 MiB), staged, and
   *  the newest version.  Synchronous, called from SQLite's commit.  Throws ErrWalFull, ErrReadOnly,
   *  or what halted the shard, with nothing changed. */
  commit(transaction: {
    readonly changes: PageChanges
    readonly pageCount: number
    readonly pageSize: number
    readonly tables: readonly string[]
  }): Position
  /** What became of requests: each has an id that its client gave it (wal/request-id.ts). */
  readonly requests: {
    find(id: Uint8Array): RequestFate
    /** Every commit from here to `end` is of this request, and its entry becomes durable with them.  Nothing
     *  is awaited in between. */
    begin(id: Uint8Array): void
    /** Its outcome; none where its work failed. */
    end(outcome: RequestOutcome | undefined): void
  }
  /** Makes everything staged durable; then seals when it is time. */
  flush(): Promise<void>
  /** Seals the newest flushed head if it is not sealed; resolves with the newest seal. */
  seal(): Promise<Seal | undefined>

  /** Takes the genesis and hand-overs that a peer tells.  A copy that holds nothing begins with them; any
   *  other learns whether it has to go back, by a snapshot at or past `seq`.  Halts a writer that was
   *  superseded (ErrSuperseded), and whoever sees two hand-overs of one epoch (ErrForked). */
  adoptAuthority(frames: readonly Frame[]): AuthorityNews
  /** Makes this follower the writer, by a hand-over at its head; durable when it resolves.  What it has not
   *  applied yet is cut off.  Rejects with ErrRefused (it is the writer), ErrUnavailable (nothing is here),
   *  ErrIdentity (a key that may not), or what halted it. */
  takeOver(owner: Signer): Promise<void>
  /** A file of frames that a hand-over cut off (kept.ts), in pieces.  Throws ErrUnavailable. */
  readKept(file: string): AsyncIterable<Uint8Array>
  /** Applies a run that `decodeRun` verified and that reaches past `received`, in one durable step.
   *  'duplicate' when everything in it was already here.  Rejects, with nothing changed: ErrAuthor,
   *  ErrGap (it begins too late), ErrProtocol; and halts the shard with ErrForked, ErrDiverged,
   *  ErrSuperseded (this copy was the writer).  ErrUnavailable: an import stands here, install a
   *  snapshot at or past it. */
  applyRun(run: SealedRun): Promise<'applied' | 'duplicate'>
  /** Sealed, flushed frames from `from` on, for those who ask; undefined when the log has them no longer
   *  or not yet. */
  readRun(from: Seq, sizeBytesMax: number): SealedRun | undefined
  /** The sealed head alone, without its payload, which cannot be applied; undefined while it has no seal. */
  headRun(): SealedRun | undefined
  readFrame(seq: Seq): Frame | undefined
  /** Lowest and highest seq that `readFrame` can answer. */
  range(): { readonly first: Seq; readonly last: Seq } | undefined

  /** A snapshot at the newest seal, as an iterable of parts; pages are pinned until it ends. */
  snapshot(): Promise<AsyncIterable<Uint8Array>>
  /** Replaces this copy's state by a snapshot, atomically, after verifying it against its seal and
   *  authority.  Runs are applied beside it until its last page is here. */
  install(
    parts: AsyncIterable<Uint8Array>,
    onProgress?: (fraction: number) => void,
  ): Promise<Installed>
  /** Takes a whole foreign database file, page by page, into a copy that has nothing but its genesis
   *  (else ErrNotEmpty), as one control frame and a new page file; atomic. */
  importPages(source: PageImport): Promise<Position>
  /** Recomputes the state root from the page file, and the chain and seals of the frames still held. */
  verify(onProgress?: (fraction: number) => void): Promise<VerifyReport>

  /** Someone needs frames above `seq`; they stay in the log until released.  A name that holds already
   *  keeps what it has released. */
  hold(holder: string, seq: Seq): void
  /** Up to where a holder has released; undefined for a name that holds nothing. */
  heldAbove(holder: string): Seq | undefined
  /** Drops every holder but these. */
  keepHolders(names: readonly string[]): Promise<void>
  readonly logUse: { readonly sizeBytes: number; readonly capBytes: number }
  /** What its files and its memory take.  Waits for nothing but the device's answer. */
  usage(): Promise<ShardUsage>
  release(holder: string, seq: Seq): Promise<void>

  /** Calls `listener` after every change of the newest state; answers the way to stop. */
  onAdvance(listener: (advance: Advance) => void): () => void
  /** Calls `listener` for every new seal, own or applied. */
  onSeal(listener: (seal: Seal) => void): () => void
  /** Calls `listener` once, when the shard halts. */
  onHalt(listener: (failure: ConstelliteError) => void): () => void
  /** Stops the shard for good: its history is contradicted by evidence found outside. */
  halt(failure: ConstelliteError): void
  /** Writes final pages to the page file and begins a new log segment. */
  checkpoint(): Promise<void>
  /** Flushes, seals, checkpoints and closes log and files; not the device. */
  close(): Promise<void>
}

export type PageImport = {
  readonly pageSize: number
  readonly pageCount: number
  /** Fills `into` with page `pgno`; called in ascending order. */
  readPage(pgno: number, into: Uint8Array): void | Promise<void>
  readonly onProgress?: (fraction: number) => void
  readonly signal?: Signal
}

export type VerifyReport = {
  /** The recomputed root is the one that the newest seal signs (or the tree's, when nothing is sealed). */
  readonly pages: 'match' | 'differ'
  readonly root: Uint8Array
  /** Frames whose checksums were recomputed and found chained up to a seal that verifies; what is older is
   *  covered by the newest seal. */
  readonly chain: { readonly first: Seq; readonly last: Seq; readonly broken: Seq | undefined }
  /** Seals that the log still holds: checked is how many verify under the author whom the chain names
   *  there; broken is the seq of the first that does not. */
  readonly seals: { readonly checked: number; readonly broken: Seq | undefined }
  readonly sealed: Seq
  /** Frames after the newest seal. */
  readonly unsealed: number
}
