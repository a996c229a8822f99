/** IndexedDB device: files of one database as chunks in records, for browsers and windows that give no
 *  synchronous access to files.  All bytes of open files are in memory, where reads and writes happen.
 *  Keeps: a sync writes what its file has changed in one transaction and resolves when that is complete, with
 *  strict durability; transactions follow one another in the order of the syncs; one that fails changes
 *  nothing, and its changes wait for the next sync.
 *  Ownership: a Web Lock is the queue; the fence is a number in the records, which each transaction compares:
 *  an owner that slept while another took over cannot write.  Where there are no Web Locks the newest opening
 *  wins, and the one before is told at its next sync. */

import type { Host } from '../base/host.ts'
import { createMutex } from '../base/mutex.ts'
import type { Device, DeviceFile } from './device.ts'
import { quotaFailure } from './failures.ts'
import { createImage, type Image } from './indexeddb-image.ts'
import { databaseOf, type FileChanges, type FileRecord } from './indexeddb-layout.ts'
import { type IndexedDbRecords, openRecords } from './indexeddb-records.ts'
import { nameToFolder } from './opfs-name.ts'
import { createOwnedDevice, type Ownership } from './owned.ts'
import { hasWebLocks, holdOwnerLocks } from './web-locks.ts'

/** 1 GiB: of all open files of one database, since they are in memory. */
const IMAGES_BYTES_MAX = 2 ** 30

export type IndexedDbDeviceOptions = {
  readonly name: string
  /** Says who owns it, and since when. */
  readonly host: Host
  /** Why it is IndexedDB. */
  readonly reason: string
  /** False where what is kept may go with the window. */
  readonly isKept: boolean
}

type Opened = { readonly file: FileRecord; readonly image: Image }

type State = {
  readonly records: IndexedDbRecords
  readonly opened: Map<string, Opened>
  /** One transaction at a time, in order. */
  readonly queue: ReturnType<typeof createMutex>
  hasFailed: boolean
}

export function createIndexedDbDevice(options: IndexedDbDeviceOptions): Device {
  const { host, name, isKept } = options
  const folder = nameToFolder(name)
  const isStrict = 'durability' in IDBTransaction.prototype
  let state: State
  return createOwnedDevice({
    kind: 'indexeddb',
    durable: isKept && isStrict,
    reason: [
      options.reason,
      ...(isStrict ? [] : ['this browser knows no strict durability']),
      ...(hasWebLocks() ? [] : ['without Web Locks here, a newer opening takes it over unasked']),
    ].join('; '),
    own: async () => {
      const locks = await holdOwnerLocks(host, { name, folder })
      try {
        const records = await openRecords({ host, name, database: databaseOf(folder) })
        state = { records, opened: new Map(), queue: createMutex(), hasFailed: false }
        return ownershipOf(state, async () => locks?.release())
      } catch (error) {
        await locks?.release()
        throw error
      }
    },
    list: () => state.records.list(),
    // An image that was closed may be ahead of its record.
    sizeOf: async (file) =>
      state.opened.get(file)?.image.sizeBytes ?? (await state.records.sizeOf(file)),
    openFile: (file) => openFile(state, file),
    removeFile: (file) =>
      state.queue.run(async () => {
        await state.records.removeFile(file)
        state.opened.delete(file)
      }),
  })
}

function ownershipOf(state: State, releaseLocks: () => Promise<void>): Ownership {
  const { records, opened, queue } = state
  return {
    check() {
      if (records.lost !== undefined) throw records.lost
    },
    async release() {
      try {
        // As with a file that is closed elsewhere: what was not synced is there for whoever opens it next.
        // After a failure nobody can rely on it, and the last state that was synced is to be found.
        const isWanted = !state.hasFailed && records.lost === undefined
        if (isWanted) await queue.run(() => writeOut(state, [...opened.keys()]))
      } finally {
        records.close()
        await releaseLocks()
      }
    },
  }
}

async function openFile(state: State, name: string): Promise<DeviceFile> {
  const { records, opened, queue } = state
  const one = opened.get(name) ?? (await load(records, name))
  opened.set(name, one)
  const { image } = one
  return {
    size: () => image.sizeBytes,
    read: (at, into) => image.read(at, into),
    write: (at, bytes) => {
      checkRoom(state, name, at + bytes.length - image.sizeBytes)
      image.write(at, bytes)
    },
    truncate: (sizeBytes) => {
      checkRoom(state, name, sizeBytes - image.sizeBytes)
      image.truncate(sizeBytes)
    },
    sync: () => queue.run(() => writeOut(state, [name])),
    // The image stays: what was not synced is there when it is opened again.
    close: () => undefined,
  }
}

async function load(records: IndexedDbRecords, name: string): Promise<Opened> {
  const { file, image } = await records.openFile(name)
  return { file, image: createImage(file.chunkBytes, image) }
}

function checkRoom({ opened }: State, name: string, addedBytes: number): void {
  if (addedBytes <= 0) return
  let sizeBytes = addedBytes
  for (const { image } of opened.values()) sizeBytes += image.sizeBytes
  if (sizeBytes > IMAGES_BYTES_MAX) throw quotaFailure(`${name} in memory`)
}

/** All of these files or nothing. */
async function writeOut(state: State, names: readonly string[]): Promise<void> {
  const all: (FileChanges & Opened)[] = []
  for (const name of names) {
    const one = state.opened.get(name)
    const changes = one?.image.take()
    if (one !== undefined && changes !== undefined) all.push({ name, changes, ...one })
  }
  if (all.length === 0) return
  try {
    await state.records.writeOut(all)
    for (const { image } of all) image.written()
  } catch (error) {
    state.hasFailed = true
    for (const { image, changes } of all) image.giveBack(changes)
    throw error
  }
}
