/** Install: a whole page image replaces the pages of this copy: a snapshot of the same shard, or a foreign
 *  file that enters as one control frame.
 *  Order: into the page file that is not in use, verified, synced; then named by a new log segment, which
 *  is the one step that makes it true.  Keeps: before that step a crash leaves the old state, after it
 *  the new one; a bad image changes nothing. */

import { ConstelliteError, type FailureInit, orThrow } from '../base/failure.ts'
import { nextSeq, type Position } from '../base/ids.ts'
import { equalBytes } from '../bytes/compare.ts'
import { HASH_BYTES } from '../crypto/hash.ts'
import { type Authority, checkRight, currentTerm, readAuthority } from '../frame/authority.ts'
import { encodeControl } from '../frame/control.ts'
import { createSeal, verifySeal } from '../frame/seal.ts'
import { readSnapshot, type SnapshotHeader } from '../pages/snapshot.ts'
import { createPageTree, leafOf, type PageTree } from '../pages/tree.ts'
import type { DeviceFile } from '../storage/device.ts'
import { chainFrames } from './commit.ts'
import { flushShard } from './flush.ts'
import type { PageImport } from './shard.ts'
import {
  assertOpen,
  emptyGroup,
  epochOf,
  halt,
  leavesFileName,
  pageFileName,
  type ShardState,
  startMarkOf,
} from './state.ts'

/** Bytes of pages written in one go. */
const WRITE_RUN_BYTES = 1 << 20

/** The page file that is not in use, being filled. */
type Slot = {
  readonly slot: 0 | 1
  readonly pageFile: DeviceFile
  readonly leavesFile: DeviceFile
}

export async function installSnapshot(
  state: ShardState,
  parts: AsyncIterable<Uint8Array>,
  onProgress: (fraction: number) => void = () => {},
): Promise<void> {
  assertOpen(state)
  await withSlot(state, (slot) => installInto(state, slot, parts, onProgress))
}

async function installInto(
  state: ShardState,
  slot: Slot,
  parts: AsyncIterable<Uint8Array>,
  onProgress: (fraction: number) => void,
): Promise<void> {
  let authority: Authority | undefined
  let pageSize = 0
  let pageCount = 0
  const result = await readSnapshot(parts, {
    header(header) {
      authority = checkHeader(state, header)
      pageSize = header.pageSize
      pageCount = header.pageCount
    },
    pages(firstPgno, bytes) {
      slot.pageFile.write((firstPgno - 1) * pageSize, bytes)
      onProgress((firstPgno - 1 + bytes.byteLength / pageSize) / pageCount)
    },
  })
  const header = orThrow(result)
  const { tree } = header
  await syncSlot(slot, tree)
  state.partial = undefined
  state.authority = authority
  state.head = { seq: header.seal.seq, checksum: header.seal.checksum }
  state.headHlc = header.hlc
  state.newestSeal = header.seal
  state.installed = { position: state.head, root: header.seal.root }
  await switchTo(state, slot, { tree, pageSize, pageCount })
}

/** What must hold before a single page is taken. */
function checkHeader(state: ShardState, header: SnapshotHeader): Authority {
  const { seal } = header
  const authority = orThrow(readAuthority(header.authority, state.id))
  if (!equalBytes(seal.shard, state.id)) {
    throw refusal('ErrShardMismatch', 'The snapshot belongs to another shard.')
  }
  orThrow(checkRight(authority, { ...seal, firstSeq: seal.seq, lastSeq: seal.seq }))
  if (!verifySeal(seal)) {
    throw refusal('ErrSignature', 'The signature of the snapshot’s seal does not verify.')
  }
  const isRewind = currentTerm(authority).epoch > epochOf(state) && state.head.seq > 0n
  if (seal.seq < state.head.seq && !isRewind) {
    throw refusal('ErrProtocol', 'The snapshot is older than this copy.')
  }
  return authority
}

export async function importPages(state: ShardState, source: PageImport): Promise<Position> {
  assertOpen(state)
  await flushShard(state)
  if (state.role !== 'writer' || state.head.seq !== 1n || state.tree.pageCount !== 0) {
    throw new ConstelliteError({
      code: 'ErrNotEmpty',
      message: 'A file can only be imported into a new database.',
      hint: 'Import under a new name.',
    })
  }
  return withSlot(state, (slot) => importInto(state, slot, source))
}

async function importInto(state: ShardState, slot: Slot, source: PageImport): Promise<Position> {
  const { pageSize, pageCount } = source
  const leaves = await copyPages(source, slot)
  const tree = createPageTree({ pageSize, leaves: joinLeaves(leaves) })
  await syncSlot(slot, tree)
  const root = tree.root()
  const payload = encodeControl({ op: 'import', pageSize, pageCount, root })
  const [frame] = chainFrames(state, 'control', [payload])
  if (frame === undefined) throw refusal('ErrInternal', 'An import makes one frame.')
  const position = { seq: nextSeq(state.head.seq), checksum: frame.checksum }
  const seal = await createSeal(state.signer, {
    shard: state.id,
    epoch: frame.epoch,
    seq: position.seq,
    checksum: position.checksum,
    root,
  })
  state.head = position
  state.headHlc = frame.hlc
  state.newestSeal = seal
  state.installed = { position, root }
  await switchTo(state, slot, { tree, pageSize, pageCount })
  return position
}

async function copyPages(source: PageImport, slot: Slot): Promise<Uint8Array[]> {
  const { pageSize, pageCount } = source
  const leaves: Uint8Array[] = []
  const pagesPerRun = Math.max(1, Math.floor(WRITE_RUN_BYTES / pageSize))
  const buffer = new Uint8Array(pagesPerRun * pageSize)
  for (let first = 1; first <= pageCount; first += pagesPerRun) {
    source.signal?.throwIfAborted()
    const count = Math.min(pagesPerRun, pageCount - first + 1)
    for (let index = 0; index < count; index++) {
      const page = buffer.subarray(index * pageSize, (index + 1) * pageSize)
      await source.readPage(first + index, page)
      leaves.push(leafOf(page))
    }
    slot.pageFile.write((first - 1) * pageSize, buffer.subarray(0, count * pageSize))
    source.onProgress?.((first - 1 + count) / pageCount)
  }
  return leaves
}

/** Fills the slot that is not in use; when that fails, nothing of it stays. */
async function withSlot<T>(state: ShardState, fill: (slot: Slot) => Promise<T>): Promise<T> {
  const slot = await openSlot(state)
  try {
    return await fill(slot)
  } catch (error) {
    if (state.slot !== slot.slot) throw error
    slot.pageFile.close()
    slot.leavesFile.close()
    await state.device.remove([pageFileName(slot.slot), leavesFileName(slot.slot)])
    throw error
  }
}

async function openSlot(state: ShardState): Promise<Slot> {
  const slot = state.slot === 0 ? 1 : 0
  const names = [pageFileName(slot), leavesFileName(slot)]
  await state.device.remove(names)
  const [pageFile, leavesFile] = await state.device.open(names)
  if (pageFile === undefined || leavesFile === undefined) {
    throw refusal('ErrStorage', 'The device did not open the second page file.')
  }
  return { slot, pageFile, leavesFile }
}

async function syncSlot(slot: Slot, tree: PageTree): Promise<void> {
  await slot.pageFile.sync()
  slot.leavesFile.write(0, tree.leaves())
  await slot.leavesFile.sync()
}

/** The new segment names the filled slot; from then on it is the database. */
async function switchTo(
  state: ShardState,
  slot: Slot,
  pages: { readonly tree: PageTree; readonly pageSize: number; readonly pageCount: number },
): Promise<void> {
  const old = { pageFile: state.pageFile, leavesFile: state.leavesFile, slot: state.slot }
  state.slot = slot.slot
  state.pageFile = slot.pageFile
  state.leavesFile = slot.leavesFile
  state.tree = pages.tree
  state.staleLeaves.clear()
  state.durable = state.head
  state.lastFramePlace = undefined
  state.unsealedFrames = 0
  state.unsealedBreaks = []
  state.group = emptyGroup(pages.pageCount, pages.pageSize)
  state.pages.replace(slot.pageFile, pages.pageSize, pages.pageCount)
  try {
    await state.wal.beginSegment(startMarkOf(state))
  } catch (error) {
    throw halt(state, error)
  }
  old.pageFile.close()
  old.leavesFile.close()
  await state.device.remove([pageFileName(old.slot), leavesFileName(old.slot)])
  for (const listener of state.listeners.advance) {
    listener({ position: state.head, tables: [], origin: 'installed' })
  }
  const seal = state.newestSeal
  if (seal !== undefined) for (const listener of state.listeners.seal) listener(seal)
}

function joinLeaves(leaves: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(leaves.length * HASH_BYTES)
  for (const [index, leaf] of leaves.entries()) bytes.set(leaf, index * HASH_BYTES)
  return bytes
}

function refusal(code: FailureInit['code'], message: string): ConstelliteError {
  return new ConstelliteError({
    code,
    message,
    hint: 'Nothing of it was taken.  Ask another peer, or the relay’s operator.',
  })
}
