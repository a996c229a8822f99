/** Import: a whole foreign file enters a new database as one control frame and a page file of its own.
 *  Keeps: all or nothing (slot.ts); the frame's state root binds every byte; memory is bounded by one
 *  piece of the file and 32 bytes a page; other work of the thread goes on between its runs of pages. */

import { assert } from '../base/assert.ts'
import { ConstelliteError } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import type { Position } from '../base/ids.ts'
import { HASH_BYTES } from '../crypto/hash.ts'
import { encodeControl } from '../frame/control.ts'
import { positionOf, stubOf } from '../frame/frame.ts'
import { createSeal } from '../frame/seal.ts'
import { isPageSize, lockBytePgno, PAGE_COUNT_MAX } from '../pages/layout.ts'
import { createPageTree, leafOf } from '../pages/tree.ts'
import { chainFrames } from './commit.ts'
import { flushShard } from './flush.ts'
import type { PageImport } from './shard.ts'
import { type Slot, switchToSlot, syncSlot, withSlot } from './slot.ts'
import { assertOpen, type ShardState } from './state.ts'

/** Bytes of pages written in one go. */
const WRITE_RUN_BYTES = 1 << 20

export async function importPages(state: ShardState, source: PageImport): Promise<Position> {
  return state.slotMutex.run(() =>
    state.mutex.run(async () => {
      assertOpen(state)
      await flushShard(state)
      assertEmpty(state)
      assertTakeable(source)
      return withSlot(state, (slot) => importInto(state, slot, source))
    }),
  )
}

async function importInto(state: ShardState, slot: Slot, source: PageImport): Promise<Position> {
  const { pageSize, pageCount } = source
  const leaves = await copyPages(state.host, source, slot)
  const tree = createPageTree({ pageSize, leaves })
  await syncSlot(slot, tree)
  // Reading the file took its time.
  assertOpen(state)
  assertEmpty(state)
  const root = tree.root()
  const payload = encodeControl({ op: 'import', pageSize, pageCount, root })
  const [frame] = chainFrames(state, 'control', [payload])
  assert(frame !== undefined && state.authority !== undefined, 'an import makes one frame')
  const position = positionOf(frame)
  const seal = await createSeal(state.signer, {
    shard: state.id,
    epoch: frame.epoch,
    seq: position.seq,
    checksum: position.checksum,
    root,
  })
  await switchToSlot(
    state,
    { slot, tree, pageSize, pageCount },
    {
      authority: state.authority,
      head: position,
      headFrame: stubOf(frame),
      newestSeal: seal,
      installed: { position, root },
      requests: state.requests,
    },
  )
  return position
}

/** Answers the leaves of all pages. */
async function copyPages(host: Host, source: PageImport, slot: Slot): Promise<Uint8Array> {
  const { pageSize, pageCount } = source
  const leaves = new Uint8Array(pageCount * HASH_BYTES)
  const lockByte = lockBytePgno(pageSize)
  const pagesPerRun = Math.max(1, Math.floor(WRITE_RUN_BYTES / pageSize))
  const buffer = new Uint8Array(Math.min(pagesPerRun, pageCount) * pageSize)
  for (let first = 1; first <= pageCount; first += pagesPerRun) {
    // Reading and hashing are synchronous: without a turn no timer would fire before the last page.
    if (first > 1) await new Promise<void>((resolve) => host.defer(resolve))
    if (source.signal?.aborted) throw aborted(source.signal.reason)
    const count = Math.min(pagesPerRun, pageCount - first + 1)
    for (let index = 0; index < count; index++) {
      const pgno = first + index
      const page = buffer.subarray(index * pageSize, (index + 1) * pageSize)
      await source.readPage(pgno, page)
      // SQLite keeps nothing there, and the state root has zeros for it.
      if (pgno === lockByte) page.fill(0)
      leaves.set(leafOf(page), (pgno - 1) * HASH_BYTES)
    }
    slot.pageFile.write((first - 1) * pageSize, buffer.subarray(0, count * pageSize))
    source.onProgress?.((first - 1 + count) / pageCount)
  }
  return leaves
}

function aborted(reason: unknown): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrAborted',
    message: 'The import was aborted by its signal.',
    hint: 'Nothing of it was kept.',
    cause: reason,
  })
}

function assertEmpty(state: ShardState): void {
  if (state.role === 'writer' && state.head.seq === 1n && state.tree.pageCount === 0) return
  throw new ConstelliteError({
    code: 'ErrNotEmpty',
    message: 'A file can only be imported into a new database.',
    hint: 'Import under a new name.',
  })
}

function assertTakeable({ pageSize, pageCount }: PageImport): void {
  assert(isPageSize(pageSize) && pageCount >= 1, 'a file has pages of a size that SQLite knows')
  if (pageCount <= PAGE_COUNT_MAX) return
  throw new ConstelliteError({
    code: 'ErrTooLarge',
    message: `The file has ${pageCount} pages; at most ${PAGE_COUNT_MAX} are supported.`,
    hint: 'Split the database, or give it a larger page size by VACUUM.',
    facts: { pageCount, pageCountMax: PAGE_COUNT_MAX },
  })
}
