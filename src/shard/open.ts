/** Open a shard: make a new one, begin an empty follower, or recover what the device holds.
 *  Keeps: the genesis is flushed before the shard is handed out; a recovered log is flushed before its
 *  unsealed tail is sealed; the device is owned by the caller before this is called. */

import { assert } from '../base/assert.ts'
import { ConstelliteError, orThrow } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import { toSeq } from '../base/ids.ts'
import { createMutex } from '../base/mutex.ts'
import { equalBytes } from '../bytes/compare.ts'
import { HLC_ZERO, tickHlc } from '../clock/hlc.ts'
import { HASH_BYTES } from '../crypto/hash.ts'
import type { Signer } from '../crypto/signer.ts'
import { readAuthority } from '../frame/authority.ts'
import { positionOf, stubOf } from '../frame/frame.ts'
import { createGenesis, type GenesisFields } from '../frame/genesis.ts'
import { GENESIS_RANDOM_BYTES } from '../frame/operations.ts'
import { PAYLOAD_SECTION_BYTES_MAX } from '../pages/layout.ts'
import { rebuildPageTree } from '../pages/rebuild.ts'
import { createPageStore } from '../pages/store.ts'
import { createPageTree, type PageTree } from '../pages/tree.ts'
import type { Device, DeviceFile } from '../storage/device.ts'
import { COMMIT_BYTES_MAX, capBytesOf } from '../wal/create.ts'
import type { StartMark } from '../wal/records.ts'
import { createWal, openWal, type WalOptions } from '../wal/wal.ts'
import { createShardFace } from './face.ts'
import { keepBeyond } from './kept.ts'
import { refuseLostLog } from './lost-log.ts'
import { notOpened, otherKey, otherShard } from './open-failures.ts'
import { checkPagesOf } from './page-check.ts'
import { pagesOf, readTree, replay } from './recover.ts'
import { type Repaired, repairShard } from './repair.ts'
import { createRequestTable, requestsMaxOf } from './requests.ts'
import type { Shard } from './shard.ts'
import { removeSlot } from './slot.ts'
import { emptyGroup, leavesFileName, pageFileName, type ShardState, slotOf } from './state.ts'
import { standingOf } from './supersede.ts'

export type OpenShardOptions = {
  readonly host: Host
  /** Acquired, not yet read. */
  readonly device: Device
  /** This copy's author key. */
  readonly signer: Signer
  readonly wal?: WalOptions
  /** Bytes of one frame's payload at most; a larger transaction takes several frames. */
  readonly sectionBytesMax?: number
  /** What to make when the device holds nothing: a shard of one's own, or a copy of this one. */
  readonly create:
    | {
        readonly type: 'genesis'
        readonly genesis: Pick<GenesisFields, 'name' | 'owner' | 'recovery'>
      }
    | { readonly type: 'follow'; readonly shard: Uint8Array }
  /** Open although something of the log that was flushed cannot be read, from what is before it. */
  readonly repair?: boolean
  /** Progress of hashing all pages, where the leaves file is missing or bad. */
  readonly onProgress?: (fraction: number) => void
}

export type OpenedShard = {
  readonly shard: Shard
  /** What `repair` did; undefined when nothing had to be. */
  readonly repaired?: Repaired
  /** Bytes of a torn tail that was erased; 0 after a clean close. */
  readonly tornBytes: number
  readonly isNew: boolean
}

/** A transaction may be as large as VACUUM makes it on a database that was imported. */
const WAL_OPTIONS: WalOptions = { commitBytesMax: COMMIT_BYTES_MAX }

const NOWHERE = { seq: toSeq(0), checksum: new Uint8Array(HASH_BYTES) }

export async function openShard(options: OpenShardOptions): Promise<OpenedShard> {
  if (options.repair !== true) return openSound(options)
  const { create: wanted, onProgress = () => undefined } = options
  const repaired = await repairShard({
    ...options,
    wal: options.wal ?? WAL_OPTIONS,
    ownAuthor: options.signer.publicKey,
    followed: wanted.type === 'follow' ? wanted.shard : undefined,
    onProgress,
  })
  const opened = await openSound(options)
  return repaired === undefined ? opened : { ...opened, repaired }
}

async function openSound(options: OpenShardOptions): Promise<OpenedShard> {
  const { host, device } = options
  const opened = await openWal({ host, device, options: options.wal ?? WAL_OPTIONS })
  if (opened === undefined) return create(options)
  const { wal, recovery } = opened
  const { mark } = recovery
  const { create: wanted } = options
  if (wanted.type === 'follow' && !equalBytes(wanted.shard, mark.shard)) throw otherShard()
  if (!equalBytes(mark.ownAuthor, options.signer.publicKey)) throw otherKey()
  const slot = slotOf(mark)
  const files = await openFiles(device, slot)
  const pages = pagesOf(mark, files.pageFile)
  const replayed = replay(recovery, pages)
  let tree = readTree(files.leavesFile, mark, replayed, pages)
  const staleLeaves = new Set([...replayed.changed, ...replayed.leafImages.keys()])
  if (tree === undefined) {
    const pageCount = pages.pageCount(pages.version)
    tree = await rebuildPageTree({
      pageCount,
      pageSize: pages.pageSize,
      readPage: (pgno, target) => pages.read(pgno, pages.version, target, 0),
      onProgress: (done, count) => options.onProgress?.(done / count),
      host,
    })
    for (let pgno = 1; pgno <= pageCount; pgno++) staleLeaves.add(pgno)
    checkRoot(tree, replayed)
  }
  const state: ShardState = {
    ...blankState(options, { id: mark.shard, wal, pages, slot, files }),
    tree,
    staleLeaves,
    ...standingOf(replayed, { signer: options.signer, isToFollow: wanted.type === 'follow' }),
    authority: replayed.authority,
    head: replayed.head,
    headFrame: replayed.headFrame,
    durable: replayed.head,
    newestSeal: replayed.newestSeal,
    installed: replayed.installed,
    lastFramePlace: replayed.lastFramePlace,
    unsealedFrames: replayed.unsealedFrames,
    unsealedBreaks: replayed.unsealedBreaks,
    group: emptyGroup(pages.pageCount(pages.version), pages.pageSize),
  }
  // What the log says of frames that did not come did not happen.
  for (const entry of replayed.requests) if (entry.seq <= state.head.seq) state.requests.add(entry)
  // What recovery read may still sit in a cache of the platform only.
  await wal.flush()
  const ended = state.superseded ?? state.halted
  if (ended !== undefined) await keepBeyond(state, ended)
  // What an install that a crash cut short, or the one before it, has left.
  await removeSlot(device, slot === 0 ? 1 : 0)
  checkPagesOf(state)
  return { shard: createShardFace(state), tornBytes: recovery.tornBytes, isNew: false }
}

async function create(options: OpenShardOptions): Promise<OpenedShard> {
  const { host, device, signer } = options
  const genesis =
    options.create.type === 'genesis'
      ? createGenesis({
          ...options.create.genesis,
          mode: 'ordered',
          author: signer.publicKey,
          hlc: tickHlc(host.now(), HLC_ZERO),
          random: host.random(GENESIS_RANDOM_BYTES),
        })
      : undefined
  const id = options.create.type === 'follow' ? options.create.shard : genesis?.shard
  assert(id !== undefined, 'a shard is either made or followed')
  await refuseLostLog(device)
  const files = await openFiles(device, 0)
  for (const file of [files.pageFile, files.leavesFile]) {
    file.truncate(0)
    await file.sync()
  }
  const pages = createPageStore({ file: files.pageFile, pageSize: 0, pageCount: 0 })
  const mark = emptyMark(id, signer.publicKey)
  const wal = await createWal({
    host,
    device,
    options: options.wal ?? WAL_OPTIONS,
    mark,
    // One step: a log without its genesis would be a follower of a shard that nobody has.
    ...(genesis === undefined ? {} : { frames: [genesis.frame] }),
  })
  const state = blankState(options, { id, wal, pages, slot: 0, files })
  if (genesis !== undefined) {
    state.role = 'writer'
    state.authority = orThrow(readAuthority([genesis.frame], id))
    state.lastFramePlace = { group: 1n, index: 0 }
    state.head = positionOf(genesis.frame)
    state.headFrame = stubOf(genesis.frame)
    state.unsealedFrames = 1
    state.durable = state.head
  }
  checkPagesOf(state)
  return { shard: createShardFace(state), tornBytes: 0, isNew: true }
}

type Files = { readonly pageFile: DeviceFile; readonly leavesFile: DeviceFile }

async function openFiles(device: Device, slot: 0 | 1): Promise<Files> {
  const [pageFile, leavesFile] = await device.open([pageFileName(slot), leavesFileName(slot)])
  if (pageFile === undefined || leavesFile === undefined) throw notOpened('the page file')
  return { pageFile, leavesFile }
}

function blankState(
  options: OpenShardOptions,
  parts: {
    readonly id: Uint8Array
    readonly wal: ShardState['wal']
    readonly pages: ShardState['pages']
    readonly slot: 0 | 1
    readonly files: Files
  },
): ShardState {
  return {
    id: parts.id,
    host: options.host,
    device: options.device,
    signer: options.signer,
    wal: parts.wal,
    pages: parts.pages,
    listeners: { advance: new Set(), seal: new Set(), halt: new Set() },
    mutex: createMutex(),
    slotMutex: createMutex(),
    capBytes: capBytesOf(options.wal),
    sectionBytesMax: options.sectionBytesMax ?? PAYLOAD_SECTION_BYTES_MAX,
    tree: createPageTree(),
    leavesFile: parts.files.leavesFile,
    pageFile: parts.files.pageFile,
    slot: parts.slot,
    role: 'follower',
    authority: undefined,
    epochHeard: 0n,
    superseded: undefined,
    keeping: undefined,
    head: NOWHERE,
    headFrame: undefined,
    durable: NOWHERE,
    newestSeal: undefined,
    installed: undefined,
    group: emptyGroup(0, 0),
    partial: undefined,
    requests: createRequestTable(requestsMaxOf(capBytesOf(options.wal))),
    request: undefined,
    unsealedBreaks: [],
    unsealedFrames: 0,
    unsealedBytes: 0,
    lastSealAtMs: Number.NEGATIVE_INFINITY,
    sealTimer: undefined,
    sealing: undefined,
    flushing: undefined,
    flushNext: undefined,
    staleLeaves: new Set(),
    lastFramePlace: undefined,
    isCheckpointing: false,
    isClosed: false,
    halted: undefined,
  }
}

function emptyMark(shard: Uint8Array, ownAuthor: Uint8Array): StartMark {
  return {
    shard,
    mode: 'ordered',
    ownAuthor,
    owner: 0,
    position: NOWHERE,
    head: undefined,
    epoch: 0n,
    pageSize: 0,
    pageCount: 0,
    autoVacuum: 0,
    seal: undefined,
    authority: [],
    installed: undefined,
    requests: [],
    holders: [],
    pageFile: pageFileName(0),
  }
}

/** Pages that were hashed just now must be the ones that the newest seal signs. */
function checkRoot(
  tree: PageTree,
  { newestSeal, head }: Pick<ShardState, 'newestSeal' | 'head'>,
): void {
  if (newestSeal === undefined || newestSeal.seq !== head.seq) return
  const root = tree.root()
  if (equalBytes(root, newestSeal.root)) return
  throw new ConstelliteError({
    code: 'ErrCorrupt',
    message: 'The pages on this device are not the ones that were sealed.',
    hint: 'Its storage was damaged.  Discard this copy and follow again, or restore it.',
    facts: { seq: head.seq, sealed: newestSeal.root, here: root },
  })
}
