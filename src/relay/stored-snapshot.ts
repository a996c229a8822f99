/** Snapshot files of a stored shard: `snapshot-<n>.csnp`; the log's start mark names the one that counts.
 *  Keeps: a file that is being read stays until its last reader has finished; every other one is removed. */

import { ConstelliteError } from '../base/failure.ts'
import type { SnapshotFile, StoredState } from './stored-state.ts'

/** Bytes of one part that is sent; well below the limit of a message. */
export const SNAPSHOT_READ_BYTES = 524_288

export function snapshotName(number: number): string {
  return `snapshot-${number}.csnp`
}

/** The number in a snapshot's name, or undefined for any other name. */
export function snapshotNumber(name: string): number | undefined {
  const match = /^snapshot-(\d{1,15})\.csnp$/.exec(name)
  return match === null ? undefined : Number(match[1])
}

export async function* readSnapshotFile(state: StoredState): AsyncIterable<Uint8Array> {
  const { snapshot } = state
  if (snapshot === undefined) {
    throw new ConstelliteError({
      code: 'ErrUnavailable',
      message: 'The relay has no snapshot of this shard.',
      hint: 'Ask for its frames from the first one, or ask another relay.',
      retry: 'later',
    })
  }
  snapshot.readers += 1
  try {
    for (let at = 0; at < snapshot.sizeBytes; ) {
      const part = new Uint8Array(Math.min(SNAPSHOT_READ_BYTES, snapshot.sizeBytes - at))
      snapshot.file.read(at, part)
      at += part.byteLength
      yield part
    }
  } finally {
    snapshot.readers -= 1
    if (snapshot.isReplaced) await removeSnapshot(state, snapshot)
  }
}

/** The file no longer counts: gone now, or when its last reader has finished. */
export async function replaceSnapshot(state: StoredState, old: SnapshotFile): Promise<void> {
  old.isReplaced = true
  await removeSnapshot(state, old)
}

async function removeSnapshot(state: StoredState, snapshot: SnapshotFile): Promise<void> {
  if (snapshot.readers > 0) return
  snapshot.file.close()
  await state.device.remove([snapshot.name])
}
