/** Recover: the page file, with the log replayed over it, is the database.
 *  Records are replayed in the order of the state that they hold: an image counts at its as-of, wherever it
 *  stands in the log, so a torn in-place write is repaired by the image that was logged before it.
 *  Keeps: replay of frames of this copy's own log trusts their checksums; signatures were checked before
 *  they were logged. */

import { assert } from '../base/assert.ts'
import { orThrow } from '../base/failure.ts'
import { equalBytes } from '../bytes/compare.ts'
import { HASH_BYTES } from '../crypto/hash.ts'
import { type Authority, currentTerm, extendAuthority, readAuthority } from '../frame/authority.ts'
import { type Frame, positionOf, stubOf } from '../frame/frame.ts'
import { PAGE_COUNT_MAX } from '../pages/layout.ts'
import { createPageStore, type PageStore } from '../pages/store.ts'
import { createPageTree, type PageTree } from '../pages/tree.ts'
import type { DeviceFile } from '../storage/device.ts'
import { damage } from '../wal/damage.ts'
import type { RecordPlace, RequestEntry, WalRecord } from '../wal/records.ts'
import type { Recovery } from '../wal/wal.ts'
import { failureOfEvidence } from './halt-evidence.ts'
import type { ShardState } from './state.ts'
import { addPagesFrame, type OpenTransaction } from './transaction.ts'

type Placed = { readonly place: RecordPlace; readonly record: WalRecord }

/** What replay found beyond the pages, to be copied into the shard's state. */
export type Replayed = Pick<
  ShardState,
  'authority' | 'head' | 'headFrame' | 'newestSeal' | 'installed' | 'lastFramePlace' | 'halted'
> & {
  /** In their order; some may be of frames that did not come. */
  readonly requests: readonly RequestEntry[]
  readonly unsealedFrames: number
  readonly unsealedBreaks: ShardState['unsealedBreaks']
  /** Pages that changed since the leaves file was written, and leaves logged for it. */
  readonly changed: ReadonlySet<number>
  readonly leafImages: ReadonlyMap<number, Uint8Array>
}

/** The pages as the page file has them, before the log is replayed over them. */
export function pagesOf({ pageSize, pageCount }: Recovery['mark'], file: DeviceFile): PageStore {
  if (pageCount > PAGE_COUNT_MAX || (pageCount > 0 && pageSize === 0)) {
    throw damage(`it begins with ${pageCount} pages of ${pageSize} bytes`)
  }
  return createPageStore({ file, pageSize, pageCount })
}

export function replay(recovery: Recovery, pages: PageStore): Replayed {
  const { mark } = recovery
  if (mark.position.seq > 0n && mark.head === undefined) throw damage('its beginning has no head')
  let authority = mark.authority.length === 0 ? undefined : readAll(mark.authority, mark.shard)
  let head = mark.position
  let headFrame = mark.head
  let newestSeal = mark.seal
  let lastFramePlace: RecordPlace | undefined
  let halted: ShardState['halted']
  let unsealed: Frame[] = []
  const changed = new Set<number>()
  const leafImages = new Map<number, Uint8Array>()
  const requests = [...mark.requests]
  const records = inStateOrder(recovery.records)
  const repairedAt = placesOfImages(records)
  for (const { place, record } of records) {
    if (record.type === 'frames') {
      const controls = record.frames.filter((frame) => frame.kind === 'control')
      for (const frame of controls) authority = replayControl(authority, frame, mark.shard)
      const framed = record.frames.filter((frame) => frame.kind === 'pages')
      replayTransactions(pages, framed, { place, repairedAt, changed })
      const last = record.frames[record.frames.length - 1] as Frame
      head = positionOf(last)
      headFrame = stubOf(last)
      lastFramePlace = place
      unsealed.push(...record.frames)
    } else if (record.type === 'seal') {
      newestSeal = record.seal
      unsealed = unsealed.filter((frame) => frame.seq > record.seal.seq)
    } else if (record.type === 'requests') {
      requests.push(...record.requests)
    } else if (record.type === 'halt') {
      // A copy that followed after it was superseded may have been stopped again.
      if (halted?.code !== 'ErrForked') halted = failureOfEvidence(record.halt)
    } else if (record.type === 'images') {
      if (record.file === 'pages') replayImages(pages, record.pages, changed)
      else for (const { pgno, bytes } of record.pages) leafImages.set(pgno, bytes)
    }
  }
  return {
    authority,
    head,
    headFrame,
    newestSeal,
    installed: mark.installed,
    requests,
    lastFramePlace,
    halted,
    unsealedFrames: unsealed.length,
    unsealedBreaks: unsealed.filter((frame) => frame.flags.continues).map(positionOf),
    changed,
    leafImages,
  }
}

function readAll(frames: readonly Frame[], shard: Uint8Array): Authority {
  return orThrow(readAuthority(frames, shard))
}

function replayControl(
  authority: Authority | undefined,
  frame: Frame,
  shard: Uint8Array,
): Authority {
  if (authority === undefined) return readAll([frame], shard)
  if (frame.epoch <= currentTerm(authority).epoch) return authority
  return orThrow(extendAuthority(authority, frame)).authority
}

function comparePlaces(left: RecordPlace, right: RecordPlace): number {
  if (left.group !== right.group) return left.group < right.group ? -1 : 1
  return left.index - right.index
}

/** Image records move to just behind the record that they are as of. */
function inStateOrder(records: readonly Placed[]): Placed[] {
  const effective = (placed: Placed): RecordPlace =>
    placed.record.type === 'images' ? placed.record.asOf : placed.place
  return [...records].sort((left, right) => {
    const order = comparePlaces(effective(left), effective(right))
    return order === 0 ? comparePlaces(left.place, right.place) : order
  })
}

/** For each imaged page the newest as-of: what the log says of it before that need not be applied, and
 *  could not be, on a page that a crash tore. */
function placesOfImages(records: readonly Placed[]): Map<number, RecordPlace> {
  const places = new Map<number, RecordPlace>()
  for (const { record } of records) {
    if (record.type !== 'images' || record.file !== 'pages') continue
    for (const { pgno } of record.pages) places.set(pgno, record.asOf)
  }
  return places
}

/** One record may hold several transactions: a sealed run that was applied in one step. */
function replayTransactions(
  pages: PageStore,
  frames: readonly Frame[],
  context: {
    readonly place: RecordPlace
    readonly repairedAt: ReadonlyMap<number, RecordPlace>
    readonly changed: Set<number>
  },
): void {
  const { place, repairedAt, changed } = context
  let open: OpenTransaction | undefined
  for (const frame of frames) {
    const countBefore = pages.pageCount(pages.version)
    open = addPagesFrame(open, frame, {
      pageSize: pages.pageSize,
      pageCount: countBefore,
      image: (pgno) => pages.image(pgno),
    })
    if (frame.flags.continues) continue
    const { changes, pageCount, pageSize } = open
    open = undefined
    for (const pgno of changes.keys()) {
      changed.add(pgno)
      const repaired = repairedAt.get(pgno)
      if (repaired !== undefined && comparePlaces(place, repaired) <= 0) changes.delete(pgno)
    }
    for (let pgno = countBefore + 1; pgno <= pageCount; pgno++) changed.add(pgno)
    pages.commit(changes, pageCount, pageSize)
  }
  assert(open === undefined, 'the log replays whole transactions')
}

function replayImages(
  pages: PageStore,
  images: readonly { readonly pgno: number; readonly bytes: Uint8Array }[],
  changed: Set<number>,
): void {
  const changes = new Map<number, Uint8Array>()
  const pageCount = pages.pageCount(pages.version)
  for (const { pgno, bytes } of images) {
    if (pgno > pageCount) continue
    changes.set(pgno, bytes)
    changed.add(pgno)
  }
  pages.commit(changes, pageCount, pages.pageSize)
}

/** The tree from the leaves file, brought up to the replayed pages; undefined when the file does not fit
 *  what the newest seal signs, so that it must be rebuilt by hashing. */
export function readTree(
  leavesFile: DeviceFile,
  mark: Recovery['mark'],
  replayed: Replayed,
  pages: PageStore,
): PageTree | undefined {
  const sizeBytes = mark.pageCount * HASH_BYTES
  if (leavesFile.size() < sizeBytes) return undefined
  const leaves = new Uint8Array(sizeBytes)
  if (leavesFile.read(0, leaves) < sizeBytes) return undefined
  const tree = createPageTree({ pageSize: mark.pageSize, leaves })
  const pageCount = pages.pageCount(pages.version)
  const changes = new Map<number, Uint8Array>()
  for (const pgno of replayed.changed) {
    if (pgno <= pageCount) changes.set(pgno, pages.image(pgno))
  }
  for (const pgno of replayed.leafImages.keys()) {
    // A leaf may have been torn in place though its page was not; hashing the page again settles it.
    if (pgno <= pageCount) changes.set(pgno, pages.image(pgno))
  }
  if (changes.size > 0 || pageCount !== mark.pageCount) {
    tree.advance(changes, pageCount, pages.pageSize)
  }
  const seal = replayed.newestSeal
  if (seal !== undefined && seal.seq === replayed.head.seq && !equalBytes(tree.root(), seal.root)) {
    return undefined
  }
  return tree
}
