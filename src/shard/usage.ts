/** Usage: how many bytes a shard takes, by what its files are for.
 *  Keeps: every file of the device is counted once; the open files and what is in memory are of one moment.
 *  Never: waits for a commit, a flush or a checkpoint, or holds one up. */

import { isLogFile } from '../wal/pool.ts'
import { isKeptName } from './halt-evidence.ts'
import { isDamagedName } from './repair.ts'
import type { ShardUsage } from './shard.ts'
import { assertNotClosed, leavesFileName, pageFileName, type ShardState } from './state.ts'

/** SQLite's header, offset 36: how many pages are free (file format, §1.3.10). */
const FREE_PAGES_AT = 36

export async function measureShard(state: ShardState): Promise<ShardUsage> {
  assertNotClosed(state)
  const measure = await state.device.sizes()
  assertNotClosed(state)
  const { wal, pages, capBytes, slot } = state
  const sizes = [...measure()]
  const sum = (isCounted: (name: string) => boolean): number =>
    sizes.reduce((total, [name, bytes]) => (isCounted(name) ? total + bytes : total), 0)
  const other = slot === 0 ? 1 : 0
  const installed = [pageFileName(other), leavesFileName(other)]
  const known = {
    log: sum(isLogFile),
    pages: sum((name) => name === pageFileName(slot)),
    leavesBytes: sum((name) => name === leavesFileName(slot)),
    snapshotBytes: sum((name) => installed.includes(name)),
    keptBytes: sum((name) => isKeptName(name) || isDamagedName(name)),
  }
  const counted = Object.values(known).reduce((total, bytes) => total + bytes, 0)
  return {
    log: { sizeBytes: known.log, usedBytes: wal.logBytes, capBytes, holder: wal.holdingBack },
    pages: { sizeBytes: known.pages, freeBytes: freeBytesOf(state) },
    leavesBytes: known.leavesBytes,
    snapshotBytes: known.snapshotBytes,
    keptBytes: known.keptBytes,
    otherBytes: sum(() => true) - counted,
    memory: { dirtyBytes: pages.dirtyBytes, stagedBytes: wal.stagedBytes },
  }
}

function freeBytesOf({ pages }: ShardState): number {
  const count = new Uint8Array(4)
  if (!pages.read(1, pages.version, count, FREE_PAGES_AT)) return 0
  return new DataView(count.buffer).getUint32(0) * pages.pageSize
}
