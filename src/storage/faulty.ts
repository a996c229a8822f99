/** Faulty disk: a memory disk that can lose power, fail, tear and fill up, for crash tests.
 *  The fault model is the one of device.ts: `crash` answers the disk after power loss, on which the
 *  test chose what persisted of everything not synced: sectors of 512 bytes in any subset, sizes
 *  without their bytes, new names, removals.  After a failed sync what it covered stays unsynced for
 *  ever, even though later syncs succeed.  Bytes outside a written range are never harmed. */

import { assert } from '../base/assert.ts'
import type { ConstelliteError } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import type { Device, DeviceFile } from './device.ts'
import { type Owner, quotaFailure, storageFailure } from './failures.ts'
import { createFaultyFile, type FaultyFile, SECTOR_BYTES } from './faulty-file.ts'
import { ownDisk } from './memory.ts'
import { createOwnedDevice } from './owned.ts'

export type UnsyncedChange =
  /** Written bytes within sector `sector` (of 512 bytes) of the file. */
  | { readonly kind: 'bytes'; readonly file: string; readonly sector: number }
  | { readonly kind: 'size'; readonly file: string; readonly sizeBytes: number }
  /** The file was made, or removed. */
  | { readonly kind: 'name'; readonly file: string; readonly exists: boolean }

export type FaultyDiskOptions = {
  readonly name?: string
  /** Syncs return a promise and take this long; without it they are done when they return. */
  readonly syncDelayMs?: number
}

export type FaultyDisk = {
  /** A device on this disk; it says that it is durable. */
  device(host: Host): Device
  /** The disk after power loss: what was synced, and of the rest what `keep` answers true for.
   *  Asked once for each change, in the order of the changes.  This disk stays as it is. */
  crash(keep: (change: UnsyncedChange) => boolean): FaultyDisk
  readonly unsynced: readonly UnsyncedChange[]
  /** The process that owned it was killed: another may own it, and what was not synced stays so. */
  abandon(): void
  /** Bytes of all files together. */
  readonly sizeBytes: number
  /** Makes the `nth` write from now (1 is the next) fail after `keptBytes` of it. */
  failWrite(nth: number, keptBytes?: number): void
  /** Makes the `nth` sync from now (1 is the next) fail. */
  failSync(nth: number): void
  /** Room for all files together; a write beyond it does what fits, then throws ErrQuota. */
  limitBytes(capacityBytes: number): void
  readonly writeCount: number
  readonly syncCount: number
}

type NameChange = {
  readonly id: number
  readonly file: string
  readonly to: FaultyFile | undefined
}

type DiskState = {
  readonly name: string
  readonly syncDelayMs: number | undefined
  owner: Owner | undefined
  readonly entries: Map<string, FaultyFile>
  readonly stableEntries: Map<string, FaultyFile>
  nameChanges: NameChange[]
  lastId: number
  capacityBytes: number
  writeCount: number
  syncCount: number
  writeFault: { readonly at: number; readonly keptBytes: number } | undefined
  syncFaultAt: number | undefined
}

export function createFaultyDisk(options: FaultyDiskOptions = {}): FaultyDisk {
  return diskOf(createState(options))
}

function createState(options: FaultyDiskOptions): DiskState {
  return {
    name: options.name ?? 'faulty',
    syncDelayMs: options.syncDelayMs,
    owner: undefined,
    entries: new Map(),
    stableEntries: new Map(),
    nameChanges: [],
    lastId: 0,
    capacityBytes: Number.POSITIVE_INFINITY,
    writeCount: 0,
    syncCount: 0,
    writeFault: undefined,
    syncFaultAt: undefined,
  }
}

function diskOf(state: DiskState): FaultyDisk {
  return {
    device: (host) => createFaultyDevice(state, host),
    crash: (keep) => crashDisk(state, keep),
    get unsynced() {
      return unsyncedOf(state).map(({ change }) => change)
    },
    abandon() {
      state.owner = undefined
    },
    get sizeBytes() {
      return roomTaken(state)
    },
    failWrite(nth, keptBytes = 0) {
      assert(nth >= 1, 'faults lie ahead')
      state.writeFault = { at: state.writeCount + nth, keptBytes }
    },
    failSync(nth) {
      assert(nth >= 1, 'faults lie ahead')
      state.syncFaultAt = state.syncCount + nth
    },
    limitBytes(capacityBytes) {
      state.capacityBytes = capacityBytes
    },
    get writeCount() {
      return state.writeCount
    },
    get syncCount() {
      return state.syncCount
    },
  }
}

function createFaultyDevice(state: DiskState, host: Host): Device {
  return createOwnedDevice({
    kind: 'memory',
    durable: true,
    reason: 'a simulated disk',
    own: async () => ownDisk(host, state),
    list: async () => [...state.entries.keys()],
    sizeOf: async (name) => state.entries.get(name)?.current.size,
    async openFile(name) {
      let file = state.entries.get(name)
      if (file === undefined) {
        file = createFaultyFile(() => nextId(state))
        changeName(state, name, file)
      }
      return handleOf(state, host, name, file)
    },
    async removeFile(name) {
      if (state.entries.has(name)) changeName(state, name, undefined)
    },
  })
}

function handleOf(state: DiskState, host: Host, name: string, file: FaultyFile): DeviceFile {
  return {
    size: () => file.current.size,
    read: (at, into) => file.current.read(at, into),
    write: (at, bytes) => writeFaulty(state, name, file, { at, bytes }),
    truncate(sizeBytes) {
      if (roomFor(state, file) < sizeBytes) throw quotaFailure(name)
      file.truncate(sizeBytes)
    },
    sync() {
      const id = state.lastId
      const { syncDelayMs } = state
      if (syncDelayMs === undefined) return endSync(state, name, file, id)
      return new Promise((resolve, reject) => {
        host.setTimer(syncDelayMs, () => {
          try {
            resolve(endSync(state, name, file, id))
          } catch (error) {
            reject(error)
          }
        })
      })
    },
    close() {},
  }
}

type Write = { readonly at: number; readonly bytes: Uint8Array }

function writeFaulty(state: DiskState, name: string, file: FaultyFile, write: Write): void {
  const { at, bytes } = write
  state.writeCount += 1
  const fault = state.writeFault
  if (fault?.at === state.writeCount) {
    const kept = bytes.subarray(0, fault.keptBytes)
    if (kept.length > 0) file.write(at, kept)
    throw injectedFailure(`write ${name}`)
  }
  const fitting = Math.max(0, Math.min(bytes.length, roomFor(state, file) - at))
  if (fitting > 0) file.write(at, bytes.subarray(0, fitting))
  if (fitting < bytes.length) throw quotaFailure(name)
}

/** Ends a sync that covers the changes up to `id`. */
function endSync(state: DiskState, name: string, file: FaultyFile, id: number): void {
  state.syncCount += 1
  if (state.syncFaultAt === state.syncCount) {
    file.doubt(id)
    throw injectedFailure(`sync ${name}`)
  }
  file.settle(id)
  // The name too is safe now, unless the file was removed meanwhile.
  if (state.entries.get(name) !== file) return
  state.stableEntries.set(name, file)
  state.nameChanges = state.nameChanges.filter((change) => change.file !== name)
}

function injectedFailure(action: string): ConstelliteError {
  return storageFailure({
    action,
    hint: 'The test asked for this fault.',
    platformCode: 'EIO',
  })
}

/** The size that this file may grow to. */
function roomFor(state: DiskState, file: FaultyFile): number {
  return state.capacityBytes - roomTaken(state) + file.current.size
}

function roomTaken(state: DiskState): number {
  let taken = 0
  for (const file of state.entries.values()) taken += file.current.size
  return taken
}

function changeName(state: DiskState, file: string, to: FaultyFile | undefined): void {
  state.nameChanges.push({ id: nextId(state), file, to })
  if (to === undefined) state.entries.delete(file)
  else state.entries.set(file, to)
}

function nextId(state: DiskState): number {
  state.lastId += 1
  return state.lastId
}

/** Every unsynced change with its number, in order. */
function unsyncedOf(state: DiskState): { id: number; change: UnsyncedChange }[] {
  const found: { id: number; change: UnsyncedChange }[] = []
  const names = new Map<FaultyFile, string>()
  for (const [name, file] of state.stableEntries) names.set(file, name)
  for (const { id, file, to } of state.nameChanges) {
    found.push({ id, change: { kind: 'name', file, exists: to !== undefined } })
    if (to !== undefined) names.set(to, file)
  }
  for (const [file, name] of names) {
    for (const { change } of file.pending) {
      const { id } = change
      if (change.kind === 'size') {
        found.push({ id, change: { kind: 'size', file: name, sizeBytes: change.sizeBytes } })
      } else {
        const sector = Math.floor(change.at / SECTOR_BYTES)
        found.push({ id, change: { kind: 'bytes', file: name, sector } })
      }
    }
  }
  return found.sort((left, right) => left.id - right.id)
}

function crashDisk(state: DiskState, keep: (change: UnsyncedChange) => boolean): FaultyDisk {
  const kept = new Map(unsyncedOf(state).map(({ id, change }) => [id, keep(change)]))
  const isKept = ({ id }: { readonly id: number }): boolean => kept.get(id) ?? false
  const entries = new Map(state.stableEntries)
  for (const change of state.nameChanges) {
    if (!isKept(change)) continue
    if (change.to === undefined) entries.delete(change.file)
    else entries.set(change.file, change.to)
  }
  const after = createState({
    name: state.name,
    ...(state.syncDelayMs === undefined ? {} : { syncDelayMs: state.syncDelayMs }),
  })
  after.capacityBytes = state.capacityBytes
  for (const [name, file] of entries) {
    const survivor = createFaultyFile(() => nextId(after), file.afterCrash(isKept))
    after.entries.set(name, survivor)
    after.stableEntries.set(name, survivor)
  }
  return diskOf(after)
}
