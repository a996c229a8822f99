/** Install of an uploaded snapshot: into a file of its own, verified while it streams, flushed, then named
 *  by a new log segment; only then are the frames that it stands for dropped.
 *  Keeps: before the new segment a crash leaves the old state, after it the new one; the root is
 *  recomputed from the pages and must be the sealed one; a bad or too large snapshot changes nothing. */

import { ConstelliteError, orThrow } from '../base/failure.ts'
import { equalBytes } from '../bytes/compare.ts'
import { HASH_BYTES } from '../crypto/hash.ts'
import {
  type Authority,
  authorityFrames,
  checkRight,
  currentTerm,
  readAuthority,
} from '../frame/authority.ts'
import { encodeSeal, type Seal, verifySeal } from '../frame/seal.ts'
import { PAGE_COUNT_MAX } from '../pages/layout.ts'
import { readSnapshot, type SnapshotHeader } from '../pages/snapshot.ts'
import { mergeAuthority } from '../shard/authority.ts'
import type { DeviceFile } from '../storage/device.ts'
import type { StartMark } from '../wal/records.ts'
import { keepEvidence } from './evidence.ts'
import { replaceSnapshot, snapshotName } from './stored-snapshot.ts'
import {
  checksumAt,
  flushStored,
  RELAY_HOLDER,
  type SnapshotFile,
  type StoredState,
} from './stored-state.ts'

export type InstallLimits = {
  readonly sizeBytesMax: number
  /** Called before each part is written, for quotas over all shards. */
  reserve(sizeBytes: number): void
}

/** `fork`: it is sealed beside a stored frame; nothing was taken but the evidence. */
export type Installed =
  | { readonly type: 'installed' }
  | { readonly type: 'fork'; readonly seal: Seal }

export async function installSnapshot(
  state: StoredState,
  parts: AsyncIterable<Uint8Array>,
  limits: InstallLimits,
): Promise<Installed> {
  const name = snapshotName(state.nextSnapshot++)
  const [file] = await state.device.open([name])
  if (file === undefined) throw storageFailure()
  try {
    const written = { sizeBytes: 0 }
    let authority = state.authority
    const header = orThrow(
      await readSnapshot(
        writeThrough(parts, file, written, limits),
        {
          header(found) {
            authority = checkHeader(state, found)
          },
          pages: () => undefined,
        },
        { pageCountMax: Math.min(PAGE_COUNT_MAX, Math.floor(limits.sizeBytesMax / HASH_BYTES)) },
      ),
    )
    await file.sync()
    const position = { seq: header.seal.seq, checksum: header.seal.checksum }
    const snapshot: SnapshotFile = {
      name,
      file,
      position,
      sizeBytes: written.sizeBytes,
      readers: 0,
      isReplaced: false,
    }
    return await state.mutex.run(() => adopt(state, { snapshot, header, authority }))
  } finally {
    if (state.snapshot?.file !== file) {
      file.close()
      // After a failed flush the segment that names it may be there all the same; who opens the shard knows.
      if (state.wal.poisoned === undefined) await state.device.remove([name])
    }
  }
}

async function* writeThrough(
  parts: AsyncIterable<Uint8Array>,
  file: DeviceFile,
  written: { sizeBytes: number },
  limits: InstallLimits,
): AsyncIterable<Uint8Array> {
  file.truncate(0)
  for await (const part of parts) {
    if (written.sizeBytes + part.byteLength > limits.sizeBytesMax) throw fullFailure(limits)
    limits.reserve(part.byteLength)
    file.write(written.sizeBytes, part)
    written.sizeBytes += part.byteLength
    yield part
  }
}

/** What must hold before the pages are read; answers the authority that follows. */
function checkHeader(state: StoredState, header: SnapshotHeader): Authority {
  const { seal } = header
  const theirs = orThrow(readAuthority(header.authority, state.id))
  const merged = mergeAuthority(state.authority, theirs)
  orThrow(checkRight(merged, { ...seal, firstSeq: seal.seq, lastSeq: seal.seq }))
  if (!verifySeal(seal)) {
    throw new ConstelliteError({
      code: 'ErrSignature',
      message: 'The seal of the snapshot does not verify.',
      hint: 'Make the snapshot anew: its bytes were changed on the way, or by its sender.',
    })
  }
  return merged
}

type Verified = {
  readonly snapshot: SnapshotFile
  readonly header: SnapshotHeader
  readonly authority: Authority
}

/** Under the mutex: places the snapshot beside the chain and makes it count. */
async function adopt(state: StoredState, verified: Verified): Promise<Installed> {
  const { snapshot, header, authority } = verified
  const { seq, checksum } = snapshot.position
  // The log takes a snapshot only between groups.
  await flushStored(state)
  const old = state.snapshot
  if (old !== undefined && old.position.seq >= seq && !isNewer(state, authority)) {
    throw new ConstelliteError({
      code: 'ErrProtocol',
      message: 'The relay has a newer snapshot of this shard.',
      hint: 'Nothing is lost: send what comes after the newer one.',
      facts: { stored: old.position.seq, offered: seq },
    })
  }
  // A newer author went on below our head: what is above is superseded.
  const isRewind = isNewer(state, authority) && seq <= state.staged.seq
  const isJump = isRewind || seq > state.staged.seq
  const known = checksumAt(state, seq)
  if (!isJump && known !== undefined && !equalBytes(known, checksum)) {
    await keepEvidence(state, { seq, firstSeq: seq, second: encodeSeal(header.seal) })
    return { type: 'fork', seal: header.seal }
  }
  const next = {
    authority,
    snapshot,
    staged: isJump ? snapshot.position : state.staged,
    stagedSeal: isJump ? header.seal : state.stagedSeal,
  }
  // On a full disk this throws with the log as it was; then nothing here may have changed either.
  await state.wal.beginSegment(startMarkOf({ ...state, ...next }))
  Object.assign(state, next)
  state.durableSeal = state.stagedSeal
  state.floor = state.staged.seq
  await state.wal.release(RELAY_HOLDER, seq)
  if (old !== undefined) await replaceSnapshot(state, old)
  for (const listener of state.listeners) listener()
  return { type: 'installed' }
}

function isNewer(state: StoredState, authority: Authority): boolean {
  return currentTerm(authority).epoch > currentTerm(state.authority).epoch
}

/** Everything that an open needs, as the first record of a segment. */
export function startMarkOf(state: Omit<StoredState, 'wal'>): StartMark {
  const { snapshot, stagedSeal } = state
  return {
    shard: state.id,
    mode: state.authority.genesis.mode,
    ownAuthor: state.relayKey,
    owner: 0,
    position: state.staged,
    head: undefined,
    epoch: currentTerm(state.authority).epoch,
    pageSize: 0,
    pageCount: 0,
    autoVacuum: 0,
    seal: stagedSeal,
    authority: authorityFrames(state.authority),
    installed:
      snapshot === undefined
        ? undefined
        : { position: snapshot.position, root: new Uint8Array(HASH_BYTES) },
    requests: [],
    holders: [],
    pageFile: snapshot?.name ?? '',
  }
}

function fullFailure(limits: InstallLimits): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrRelayFull',
    message: 'The snapshot is larger than this relay keeps of one shard.',
    hint: 'Raise the relay’s quota of a shard, or use another relay.',
    facts: { sizeBytesMax: limits.sizeBytesMax },
    retry: 'after-repair',
  })
}

function storageFailure(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrStorage',
    message: 'The device did not open a file for the snapshot.',
    hint: 'Look at the relay’s storage: its folder must be there and writable.',
    retry: 'later',
  })
}
