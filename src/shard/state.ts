/** Shard state: the one mutable record that the shard's operations share, and the small steps that more
 *  than one of them takes.  Keeps: `durable` ≤ `head` ≤ `received`; the tree stands at the last closed
 *  group, so with no flush under way it stands at `durable`. */

import { ConstelliteError, failureOf } from '../base/failure.ts'
import type { Host, Timer } from '../base/host.ts'
import type { Hlc, Position, Seq } from '../base/ids.ts'
import type { Mutex } from '../base/mutex.ts'
import { equalBytes } from '../bytes/compare.ts'
import { HLC_ZERO } from '../clock/hlc.ts'
import type { Signer } from '../crypto/signer.ts'
import { type Authority, authorityFrames, currentTerm } from '../frame/authority.ts'
import type { Frame } from '../frame/frame.ts'
import type { Seal } from '../frame/seal.ts'
import type { PageStore } from '../pages/store.ts'
import type { PageTree } from '../pages/tree.ts'
import type { Device, DeviceFile } from '../storage/device.ts'
import type { RecordPlace, StartMark } from '../wal/records.ts'
import type { Wal } from '../wal/wal.ts'
import type { ApplyOverlay } from './apply-overlay.ts'
import { evidenceOf } from './halt-evidence.ts'
import type { RequestTable } from './requests.ts'
import type { Advance, ShardRole } from './shard.ts'

/** Seal after this many frames or bytes of payload at the latest (DESIGN §2, Seals). */
export const SEAL_FRAMES_MAX = 64
export const SEAL_PAYLOAD_BYTES_MAX = 4_194_304
/** At most one seal in this time. */
export const SEAL_INTERVAL_MIN_MS = 1
/** A head that nobody waits for is sealed after this much quiet. */
export const SEAL_IDLE_MS = 50
/** A segment of this size is folded into the page file; or of half the log's cap, if that is less. */
export const CHECKPOINT_LOG_BYTES = 8_388_608

/** Pages changed by the transactions of the group that is open. */
export type OpenGroup = {
  changes: Map<number, Uint8Array>
  pageCount: number
  /** Smallest count inside the group: what shrank below and grew again is zeros where unwritten. */
  pageCountMin: number
  pageSize: number
  tables: Set<string>
  /** Some transaction could not say which tables it changed. */
  isAnyTable: boolean
  isEmpty: boolean
}

/** Frames of a transaction that has not wholly arrived, verified but neither stored nor shown. */
export type PartialTransaction = {
  readonly sizeBytes: number
  readonly frames: readonly Frame[]
  readonly seals: readonly Seal[]
  readonly overlay: ApplyOverlay
}

/** The request whose work runs now (request.ts). */
export type OpenRequest = {
  readonly id: Uint8Array
  /** Its newest frame, once it has one. */
  seq: Seq | undefined
  /** The log has been told that it has begun. */
  isBegun: boolean
}

export type Listeners = {
  readonly advance: Set<(advance: Advance) => void>
  readonly seal: Set<(seal: Seal) => void>
  readonly halt: Set<(failure: ConstelliteError) => void>
}

export type ShardState = {
  readonly id: Uint8Array
  readonly host: Host
  readonly device: Device
  readonly signer: Signer
  readonly wal: Wal
  readonly pages: PageStore
  readonly listeners: Listeners
  /** Held by whatever must not run beside another change of state: apply, install, import, checkpoint. */
  readonly mutex: Mutex
  /** Held by whoever fills the page file that is not in use; taken before `mutex`. */
  readonly slotMutex: Mutex
  /** Most bytes that the log may take. */
  readonly capBytes: number
  /** Bytes of one frame's payload at most. */
  readonly sectionBytesMax: number
  tree: PageTree
  leavesFile: DeviceFile
  pageFile: DeviceFile
  /** Which of the two page files is in use: pages-0 or pages-1. */
  slot: 0 | 1
  role: ShardRole
  authority: Authority | undefined
  /** Highest epoch of any hand-over of the owner's that this copy was shown, in the chain or not. */
  epochHeard: bigint
  /** Why this copy may not write though its chain still names it: it follows now, and has not come to the
   *  hand-over yet. */
  superseded: ConstelliteError | undefined
  /** Writing the file of frames beyond a hand-over. */
  keeping: Promise<void> | undefined
  head: Position
  /** The head without its payload: its clock, and what a snapshot shows of it. */
  headFrame: Frame | undefined
  durable: Position
  newestSeal: Seal | undefined
  installed: StartMark['installed']
  group: OpenGroup
  partial: PartialTransaction | undefined
  /** What became of the requests of the last minutes. */
  requests: RequestTable
  /** The request whose work runs now. */
  request: OpenRequest | undefined
  /** Frames with flag `continues` after the newest seal: each gets a seal of its own, so that a
   *  transaction larger than a run can travel. */
  unsealedBreaks: Position[]
  unsealedFrames: number
  unsealedBytes: number
  lastSealAtMs: number
  sealTimer: Timer | undefined
  sealing: Promise<void> | undefined
  flushing: Promise<void> | undefined
  flushNext: Promise<void> | undefined
  /** Leaves that the leaves file does not hold yet. */
  staleLeaves: Set<number>
  lastFramePlace: RecordPlace | undefined
  isCheckpointing: boolean
  isClosed: boolean
  halted: ConstelliteError | undefined
}

export function emptyGroup(pageCount: number, pageSize: number): OpenGroup {
  return {
    changes: new Map(),
    pageCount,
    pageCountMin: pageCount,
    pageSize,
    tables: new Set(),
    isAnyTable: false,
    isEmpty: true,
  }
}

/** The clock above which the next frame stands. */
export function headHlcOf({ headFrame }: Pick<ShardState, 'headFrame'>): Hlc {
  return headFrame?.hlc ?? HLC_ZERO
}

/** Stops the shard for good, loudly, once; answers the failure to throw.  What signatures prove goes into
 *  the log, so that the next open finds it. */
export function halt(state: ShardState, error: unknown): ConstelliteError {
  const failure = failureOf(error)
  if (state.halted === undefined) {
    state.halted = failure
    state.sealTimer?.cancel()
    logHalt(state, failure)
    for (const listener of state.listeners.halt) listener(failure)
  }
  return failure
}

function logHalt({ wal }: ShardState, failure: ConstelliteError): void {
  const halt = evidenceOf(failure)
  if (halt === undefined || wal.poisoned !== undefined) return
  try {
    wal.stage({ type: 'halt', halt })
  } catch {
    // A full device: the copy is halted all the same, and the next comparison of heads finds the proof.
    return
  }
  // It fails only when the log does, which the next operation tells.
  wal.flush().catch(() => undefined)
}

export function assertOpen(state: ShardState): void {
  if (state.halted !== undefined) throw state.halted
  assertNotClosed(state)
}

export function assertNotClosed(state: ShardState): void {
  if (state.isClosed) {
    throw new ConstelliteError({
      code: 'ErrClosed',
      message: 'The shard is closed.',
      hint: 'Open the database again.',
    })
  }
}

export function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
  }
}

/** What a new segment begins with: everything that a start needs (FORMATS §10, type 6). */
export function startMarkOf(state: ShardState): StartMark {
  return {
    shard: state.id,
    mode: 'ordered',
    ownAuthor: state.signer.publicKey,
    // The log numbers its owners itself and replaces this.
    owner: 0,
    position: state.head,
    head: state.headFrame,
    epoch: epochOf(state),
    pageSize: state.pages.pageSize,
    pageCount: state.pages.pageCount(state.pages.version),
    autoVacuum: autoVacuumOf(state.pages),
    seal: state.newestSeal,
    authority: authorityOf(state),
    installed: state.installed,
    requests: state.requests.entries(),
    holders: state.wal.holders,
    pageFile: pageFileName(state.slot),
  }
}

/** Genesis and hand-overs; none before the genesis is known. */
export function authorityOf(state: ShardState): readonly Frame[] {
  return state.authority === undefined ? [] : authorityFrames(state.authority)
}

/** Whether this authority names this copy as the writer. */
export function isOwnTerm(state: Pick<ShardState, 'signer'>, authority: Authority): boolean {
  return equalBytes(currentTerm(authority).author, state.signer.publicKey)
}

/** Whether the hand-over that ended this copy's term is still to come in its own chain. */
export function isAwaitingHandOver(state: ShardState): boolean {
  const epoch = state.superseded?.facts['epoch']
  return typeof epoch === 'bigint' && epoch > epochOf(state)
}

/** The epoch in force at the newest seq. */
export function epochOf(state: ShardState): bigint {
  return state.authority === undefined ? 0n : currentTerm(state.authority).epoch
}

export function pageFileName(slot: 0 | 1): string {
  return `pages-${slot}`
}

/** The slot that a start mark names. */
export function slotOf({ pageFile }: Pick<StartMark, 'pageFile'>): 0 | 1 {
  return pageFile === pageFileName(1) ? 1 : 0
}

export function leavesFileName(slot: 0 | 1): string {
  return `leaves-${slot}`
}

function autoVacuumOf(pages: PageStore): number {
  if (pages.pageSize === 0 || pages.pageCount(pages.version) === 0) return 0
  return autoVacuumIn(pages.image(1))
}

/** SQLite's header, offset 52: the largest root b-tree page, non-zero in the auto-vacuum modes; offset
 *  64: non-zero for incremental (file format, §1.3.12).  0 none, 1 full, 2 incremental. */
export function autoVacuumIn(header: Uint8Array): number {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength)
  if (view.getUint32(52) === 0) return 0
  return view.getUint32(64) === 0 ? 1 : 2
}
