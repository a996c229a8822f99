/** Open a stored shard, or begin one: acquires the device, recovers the log, finds the snapshot that the
 *  start mark names and removes what no mark names.
 *  Keeps: a run whose seal was lost in a torn tail is cut, because only sealed runs are kept. */

import { ConstelliteError, orThrow } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import type { Position } from '../base/ids.ts'
import { createMutex } from '../base/mutex.ts'
import { equalBytes } from '../bytes/compare.ts'
import { type Authority, currentTerm, extendAuthority, readAuthority } from '../frame/authority.ts'
import type { Seal } from '../frame/seal.ts'
import type { Device } from '../storage/device.ts'
import { createWal, openWal, type Recovery, type Wal, type WalOptions } from '../wal/wal.ts'
import { isEvidenceName } from './evidence.ts'
import { startMarkOf } from './stored-install.ts'
import { createStoredShard, type StoredShard } from './stored-shard.ts'
import { snapshotNumber } from './stored-snapshot.ts'
import {
  corruptFailure,
  NO_SEQ,
  NOWHERE,
  RELAY_HOLDER,
  type SnapshotFile,
  type StoredState,
} from './stored-state.ts'

export type OpenStoredOptions = {
  readonly host: Host
  readonly device: Device
  readonly shard: Uint8Array
  readonly relayKey: Uint8Array
  readonly wal: WalOptions
  /** Whom to begin with when the device holds nothing; undefined refuses that with ErrUnavailable. */
  readonly authority: Authority | undefined
}

export async function openStoredShard(options: OpenStoredOptions): Promise<StoredShard> {
  const { host, device } = options
  await device.acquire()
  try {
    const opened = await openWal({ host, device, options: options.wal })
    return opened === undefined ? await begin(options) : await resume(options, opened)
  } catch (error) {
    await device.close()
    throw error
  }
}

async function begin(options: OpenStoredOptions): Promise<StoredShard> {
  const { host, device, authority } = options
  if (authority === undefined) {
    throw new ConstelliteError({
      code: 'ErrUnavailable',
      message: 'The relay does not have this shard.',
      hint: 'Wait until a writer has sent it, or check the address.',
      retry: 'later',
    })
  }
  const blank = blankState(options, authority)
  const mark = startMarkOf(blank)
  const wal = await createWal({ host, device, options: options.wal, mark })
  wal.hold(RELAY_HOLDER, NO_SEQ)
  return createStoredShard({ ...blank, wal })
}

async function resume(
  options: OpenStoredOptions,
  opened: { readonly wal: Wal; readonly recovery: Recovery },
): Promise<StoredShard> {
  const { wal, recovery } = opened
  const { mark } = recovery
  if (!equalBytes(mark.shard, options.shard))
    throw corruptFailure('The folder holds another shard.')
  const replayed = replay(recovery)
  const state: StoredState = {
    ...blankState(options, replayed.authority),
    wal,
    staged: replayed.head,
    stagedSeal: replayed.seal,
    durableSeal: replayed.seal,
    floor: mark.position.seq,
  }
  if (replayed.isUnsealed) await wal.truncateAfter(replayed.head)
  // What recovery read may still sit in a cache of the platform only.
  await wal.flush()
  await openSnapshot(state, mark.pageFile, mark.installed?.position)
  wal.hold(RELAY_HOLDER, state.snapshot?.position.seq ?? NO_SEQ)
  // A crash may have come between the mark and the release that belongs to it.
  if (state.snapshot !== undefined) await wal.release(RELAY_HOLDER, state.snapshot.position.seq)
  return createStoredShard(state)
}

type Replayed = {
  readonly authority: Authority
  readonly head: Position
  readonly seal: Seal | undefined
  readonly isUnsealed: boolean
}

function replay(recovery: Recovery): Replayed {
  const { mark, records } = recovery
  let authority = orThrow(readAuthority(mark.authority, mark.shard))
  let seal = mark.seal
  let head = mark.position
  for (const { record } of records) {
    if (record.type === 'frames') {
      const first = record.frames[0]
      if (first !== undefined && first.epoch > currentTerm(authority).epoch) {
        authority = orThrow(extendAuthority(authority, first)).authority
      }
    } else if (record.type === 'seal' && isWithin(record.seal, recovery)) {
      seal = record.seal
      head = { seq: seal.seq, checksum: seal.checksum }
    }
  }
  return { authority, head, seal, isUnsealed: recovery.position.seq > head.seq }
}

/** The start mark stands for what is before it, and what is beyond the last whole transaction is cut. */
function isWithin({ seq }: Seal, { mark, position }: Recovery): boolean {
  return seq >= mark.position.seq && seq <= position.seq
}

async function openSnapshot(
  state: StoredState,
  named: string,
  position: Position | undefined,
): Promise<void> {
  const names = await state.device.list()
  for (const name of names) {
    if (isEvidenceName(name)) await countEvidence(state, name)
    const number = snapshotNumber(name)
    if (number !== undefined) state.nextSnapshot = Math.max(state.nextSnapshot, number + 1)
  }
  const stale = names.filter((name) => snapshotNumber(name) !== undefined && name !== named)
  await state.device.remove(stale)
  if (named === '' || position === undefined) return
  if (!names.includes(named)) throw corruptFailure('The snapshot that the log names is missing.')
  const [file] = await state.device.open([named])
  if (file === undefined) throw corruptFailure('The snapshot that the log names does not open.')
  const snapshot: SnapshotFile = {
    name: named,
    file,
    position,
    sizeBytes: file.size(),
    readers: 0,
    isReplaced: false,
  }
  state.snapshot = snapshot
}

async function countEvidence(state: StoredState, name: string): Promise<void> {
  const [file] = await state.device.open([name])
  state.evidenceBytes += file?.size() ?? 0
  file?.close()
  state.evidence.add(name)
}

function blankState(options: OpenStoredOptions, authority: Authority): Omit<StoredState, 'wal'> {
  return {
    id: options.shard,
    host: options.host,
    device: options.device,
    relayKey: options.relayKey,
    mutex: createMutex(),
    listeners: new Set(),
    evidence: new Set(),
    evidenceBytes: 0,
    authority,
    staged: NOWHERE,
    floor: NO_SEQ,
    stagedSeal: undefined,
    durableSeal: undefined,
    snapshot: undefined,
    nextSnapshot: 1,
  }
}
