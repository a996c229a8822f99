/** One file of a faulty disk: what a reader sees now, what power loss cannot take any more, and every
 *  change in between, sector by sector.
 *  Keeps: `afterCrash` over any subset of changes is a state that the fault model of device.ts allows,
 *  and nothing covered by a successful sync is ever missing from it.
 *  Never: decides what survives; the test does. */

import { createSparseBytes, type SparseBytes } from './sparse-bytes.ts'

export const SECTOR_BYTES = 512

type FileChange =
  | { readonly id: number; readonly kind: 'bytes'; readonly at: number; readonly bytes: Uint8Array }
  /** `grows`: the size follows from a write, and never makes the file shorter. */
  | {
      readonly id: number
      readonly kind: 'size'
      readonly sizeBytes: number
      readonly grows: boolean
    }

/** A change whose sync failed: a later sync does not cover it, as the platform forgot that it is
 *  unwritten. */
type Pending = { readonly change: FileChange; isDoubtful: boolean }

export type FaultyFile = {
  readonly current: SparseBytes
  readonly pending: readonly Pending[]
  write(at: number, bytes: Uint8Array): void
  truncate(sizeBytes: number): void
  /** A sync that covers the changes up to `id` succeeded. */
  settle(id: number): void
  /** A sync that covers the changes up to `id` failed. */
  doubt(id: number): void
  afterCrash(isKept: (change: FileChange) => boolean): SparseBytes
}

/** `nextId` numbers the changes of all files of a disk in one order. */
export function createFaultyFile(nextId: () => number, content?: SparseBytes): FaultyFile {
  const stable = content ?? createSparseBytes()
  const current = stable.clone()
  let pending: Pending[] = []
  const add = (change: FileChange): void => {
    pending.push({ change, isDoubtful: false })
  }
  return {
    current,
    get pending() {
      return pending
    },
    write(at, bytes) {
      const sizeBytes = at + bytes.length
      if (sizeBytes > current.size) add({ id: nextId(), kind: 'size', sizeBytes, grows: true })
      for (const part of partsBySector(at, bytes)) add({ id: nextId(), kind: 'bytes', ...part })
      current.write(at, bytes)
    },
    truncate(sizeBytes) {
      add({ id: nextId(), kind: 'size', sizeBytes, grows: false })
      current.truncate(sizeBytes)
    },
    settle(id) {
      let doubtful: Pending[] = []
      const later: Pending[] = []
      for (const one of pending) {
        if (one.isDoubtful) doubtful.push(one)
        else if (one.change.id > id) later.push(one)
        else {
          applyChange(stable, one.change)
          doubtful = doubtful.flatMap((older) => withoutOverwritten(older, one.change))
        }
      }
      pending = [...doubtful, ...later]
    },
    doubt(id) {
      for (const one of pending) if (one.change.id <= id) one.isDoubtful = true
    },
    afterCrash(isKept) {
      const survivor = stable.clone()
      for (const { change } of pending) if (isKept(change)) applyChange(survivor, change)
      return survivor
    },
  }
}

function partsBySector(at: number, bytes: Uint8Array): { at: number; bytes: Uint8Array }[] {
  const parts: { at: number; bytes: Uint8Array }[] = []
  for (let offset = 0; offset < bytes.length; ) {
    const count = Math.min(SECTOR_BYTES - ((at + offset) % SECTOR_BYTES), bytes.length - offset)
    parts.push({ at: at + offset, bytes: bytes.slice(offset, offset + count) })
    offset += count
  }
  return parts
}

function applyChange(target: SparseBytes, change: FileChange): void {
  if (change.kind === 'bytes') target.write(change.at, change.bytes)
  else if (!change.grows || change.sizeBytes > target.size) target.truncate(change.sizeBytes)
}

/** What is left of a doubtful change once `newer` is known to be on the disk. */
function withoutOverwritten(older: Pending, newer: FileChange): Pending[] {
  const { change } = older
  if (change.kind === 'size') return newer.kind === 'size' ? [] : [older]
  if (newer.kind === 'size') {
    return newer.grows ? [older] : cut(change, newer.sizeBytes, Number.POSITIVE_INFINITY)
  }
  return cut(change, newer.at, newer.at + newer.bytes.length)
}

/** The parts of a change of bytes outside [start, end). */
function cut(change: FileChange & { kind: 'bytes' }, start: number, end: number): Pending[] {
  const { at, bytes } = change
  const before = bytes.subarray(0, Math.max(0, start - at))
  const after = bytes.subarray(Math.min(bytes.length, Math.max(0, end - at)))
  const parts = [
    { ...change, bytes: before },
    { ...change, at: at + bytes.length - after.length, bytes: after },
  ]
  return parts
    .filter((part) => part.bytes.length > 0)
    .map((part) => ({ change: part, isDoubtful: true }))
}
