/** State of a stored shard, and what its files share: the newest staged and durable heads, the checksum
 *  of a stored frame, the flush.
 *  Keeps: `durableSeal` names only flushed frames; listeners hear of every change of it. */

import { ConstelliteError } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import type { Position, Seq } from '../base/ids.ts'
import type { Mutex } from '../base/mutex.ts'
import { HASH_BYTES } from '../crypto/hash.ts'
import type { Authority } from '../frame/authority.ts'
import type { Seal } from '../frame/seal.ts'
import type { Device, DeviceFile } from '../storage/device.ts'
import type { Wal } from '../wal/wal.ts'

/** Name under which the relay itself holds frames in its log. */
export const RELAY_HOLDER = 'relay'

export const NO_SEQ: Seq = 0n as Seq

/** Before the first frame. */
export const NOWHERE: Position = { seq: NO_SEQ, checksum: new Uint8Array(HASH_BYTES) }

export type SnapshotFile = {
  readonly name: string
  readonly file: DeviceFile
  readonly position: Position
  readonly sizeBytes: number
  readers: number
  /** A newer one counts; the last reader removes it. */
  isReplaced: boolean
}

export type StoredState = {
  readonly id: Uint8Array
  readonly host: Host
  readonly device: Device
  readonly wal: Wal
  readonly relayKey: Uint8Array
  readonly mutex: Mutex
  readonly listeners: Set<() => void>
  /** Names of evidence files. */
  readonly evidence: Set<string>
  evidenceBytes: number
  authority: Authority
  /** Newest staged frame; seq 0 and zeros when there is none. */
  staged: Position
  stagedSeal: Seal | undefined
  /** Position of the newest start mark: nothing at or below it is cut. */
  floor: Seq
  durableSeal: Seal | undefined
  snapshot: SnapshotFile | undefined
  /** Number in the name of the next snapshot file. */
  nextSnapshot: number
}

export async function flushStored(state: StoredState): Promise<void> {
  const seal = state.stagedSeal
  await state.wal.flush()
  if (seal === undefined || seal === state.durableSeal) return
  // A later flush or a rewind may have overtaken this one.
  const known = state.durableSeal
  if (known !== undefined && known.epoch === seal.epoch && known.seq >= seal.seq) return
  if (known !== undefined && known.epoch > seal.epoch) return
  state.durableSeal = seal
  for (const listener of state.listeners) listener()
}

export function checksumAt(state: StoredState, seq: Seq): Uint8Array | undefined {
  if (seq === NO_SEQ) return NOWHERE.checksum
  if (seq === state.staged.seq) return state.staged.checksum
  if (seq === state.snapshot?.position.seq) return state.snapshot.position.checksum
  return state.wal.readFrame(seq)?.checksum
}

export function corruptFailure(message: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrCorrupt',
    message,
    hint: 'Move the folder of this shard away; its writer uploads it again.',
  })
}
