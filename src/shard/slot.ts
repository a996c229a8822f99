/** Slot: the page file that is not in use, filled and then made the database.
 *  The one step that makes it so is the flush of a new log segment that names it.  Keeps: before that
 *  step a crash or a failure leaves the old state, in memory and on the device; after it the new one.
 *  Files of the slot that lost are removed, at once or at the next open. */

import { authorityFrames, currentTerm } from '../frame/authority.ts'
import type { PageTree } from '../pages/tree.ts'
import type { Device, DeviceFile } from '../storage/device.ts'
import type { StartMark } from '../wal/records.ts'
import { notOpened } from './open-failures.ts'
import {
  assertOpen,
  autoVacuumIn,
  emptyGroup,
  halt,
  leavesFileName,
  pageFileName,
  type ShardState,
  startMarkOf,
} from './state.ts'

export type Slot = {
  readonly slot: 0 | 1
  readonly pageFile: DeviceFile
  readonly leavesFile: DeviceFile
}

/** A filled and synced slot. */
export type NewPages = {
  readonly slot: Slot
  readonly tree: PageTree
  readonly pageSize: number
  readonly pageCount: number
}

/** What changes together with the pages. */
export type NewState = Pick<
  ShardState,
  'head' | 'headFrame' | 'newestSeal' | 'installed' | 'requests'
> & {
  readonly authority: NonNullable<ShardState['authority']>
}

/** Fills the slot that is not in use; when that fails, nothing of it stays. */
export async function withSlot<T>(state: ShardState, fill: (slot: Slot) => Promise<T>): Promise<T> {
  const slot = await openSlot(state)
  try {
    return await fill(slot)
  } catch (error) {
    if (state.slot === slot.slot) throw error
    slot.pageFile.close()
    slot.leavesFile.close()
    // A log that failed in the very step may have kept the segment that names this slot.
    if (state.wal.poisoned === undefined) await removeSlot(state.device, slot.slot)
    throw error
  }
}

async function openSlot(state: ShardState): Promise<Slot> {
  const slot = state.slot === 0 ? 1 : 0
  await removeSlot(state.device, slot)
  const [pageFile, leavesFile] = await state.device.open([pageFileName(slot), leavesFileName(slot)])
  if (pageFile === undefined || leavesFile === undefined) throw notOpened('the second page file')
  return { slot, pageFile, leavesFile }
}

export function removeSlot(device: Device, slot: 0 | 1): Promise<void> {
  return device.remove([pageFileName(slot), leavesFileName(slot)])
}

export async function syncSlot(slot: Slot, tree: PageTree): Promise<void> {
  // Their sizes too are what they should be when the file was there before in spite of its removal.
  slot.pageFile.truncate(tree.pageCount * tree.pageSize)
  await slot.pageFile.sync()
  slot.leavesFile.truncate(0)
  slot.leavesFile.write(0, tree.leaves())
  await slot.leavesFile.sync()
}

/** The new segment names the filled slot; from then on it is the database.  The caller holds the mutex. */
export async function switchToSlot(
  state: ShardState,
  pages: NewPages,
  next: NewState,
): Promise<void> {
  assertOpen(state)
  try {
    await state.wal.beginSegment(markOf(state, pages, next))
  } catch (error) {
    if (state.wal.poisoned === undefined) throw error
    throw halt(state, error)
  }
  const old = { pageFile: state.pageFile, leavesFile: state.leavesFile, slot: state.slot }
  adopt(state, pages, next)
  old.pageFile.close()
  old.leavesFile.close()
  await removeSlot(state.device, old.slot)
  for (const listener of state.listeners.advance) {
    listener({ position: state.head, tables: [], origin: 'installed' })
  }
  const seal = state.newestSeal
  if (seal !== undefined) for (const listener of state.listeners.seal) listener(seal)
}

function markOf(state: ShardState, pages: NewPages, next: NewState): StartMark {
  const { pageSize, pageCount, slot } = pages
  const first = new Uint8Array(pageSize)
  if (pageCount > 0) slot.pageFile.read(0, first)
  return {
    ...startMarkOf(state),
    position: next.head,
    head: next.headFrame,
    epoch: currentTerm(next.authority).epoch,
    pageSize,
    pageCount,
    autoVacuum: pageCount === 0 ? 0 : autoVacuumIn(first),
    seal: next.newestSeal,
    authority: authorityFrames(next.authority),
    installed: next.installed,
    requests: next.requests.entries(),
    pageFile: pageFileName(slot.slot),
  }
}

function adopt(state: ShardState, pages: NewPages, next: NewState): void {
  const { slot, tree, pageSize, pageCount } = pages
  Object.assign(state, next)
  state.durable = next.head
  state.partial = undefined
  state.slot = slot.slot
  state.pageFile = slot.pageFile
  state.leavesFile = slot.leavesFile
  state.tree = tree
  state.staleLeaves.clear()
  state.lastFramePlace = undefined
  state.unsealedFrames = 0
  state.unsealedBytes = 0
  state.unsealedBreaks = []
  state.group = emptyGroup(pageCount, pageSize)
  state.pages.replace(slot.pageFile, pageSize, pageCount)
}
