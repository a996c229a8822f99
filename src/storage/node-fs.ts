/** Node device: a folder `<name>.constellite/` of plain files, read and written in the calling thread.
 *  Keeps: the first sync of a new file also syncs the folder, and a new folder its parents, since a
 *  file whose name is lost is lost; short writes are completed; no call passes 2 GiB, which Node
 *  refuses.  Ownership: node-lock.ts. */

import * as nodeFs from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Host } from '../base/host.ts'
import type { Device, DeviceFile } from './device.ts'
import { storageFailure } from './failures.ts'
import { codeOf, nodeFailure } from './node-errors.ts'
import { ownDirectory } from './node-lock.ts'
import { createOwnedDevice } from './owned.ts'

export const DIRECTORY_SUFFIX = '.constellite'

/** Far below 2 GiB, and far above where larger calls would be faster. */
const CALL_BYTES_MAX = 2 ** 28

/** The calls that a test replaces to bring about what a disk does rarely.  Written out, so that the
 *  declarations need no types of Node. */
export type NodeFileCalls = {
  openSync(path: string, flags: string | number, mode?: number): number
  closeSync(fd: number): void
  readSync(fd: number, into: Uint8Array, start: number, length: number, at: number): number
  writeSync(fd: number, bytes: Uint8Array, start: number, length: number, at: number): number
  fdatasyncSync(fd: number): void
  fsyncSync(fd: number): void
}

export type NodeDeviceOptions = {
  /** A path: the database is the folder `<name>.constellite`. */
  readonly name: string
  readonly calls?: NodeFileCalls
  /** The most bytes that one call reads or writes. */
  readonly callBytesMax?: number
}

type Place = {
  readonly host: Host
  readonly directory: string
  readonly calls: NodeFileCalls
  readonly callBytesMax: number
}

export function nodeDirectoryOf(name: string): string {
  return resolve(`${name}${DIRECTORY_SUFFIX}`)
}

export function createNodeDevice(host: Host, options: NodeDeviceOptions): Device {
  const { name, calls = nodeFs, callBytesMax = CALL_BYTES_MAX } = options
  // Resolved now, as the process may change its working directory.
  const place: Place = { host, directory: nodeDirectoryOf(name), calls, callBytesMax }
  return createOwnedDevice({
    kind: 'node-fs',
    durable: true,
    reason: '',
    async own() {
      makeDirectory(place)
      return ownDirectory(host, { name, directory: place.directory })
    },
    list: async () =>
      attempt('list the database folder', () =>
        nodeFs
          .readdirSync(place.directory, { withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => entry.name),
      ),
    sizeOf: async (file) =>
      attempt(`size ${file}`, () => nodeFs.statSync(join(place.directory, file)).size),
    openFile: async (file) => openNodeFile(place, file),
    removeFile: async (file) =>
      attempt(`remove ${file}`, () => {
        nodeFs.rmSync(join(place.directory, file), { force: true })
        syncDirectory(place, place.directory)
      }),
  })
}

function openNodeFile(place: Place, name: string): DeviceFile {
  const { calls } = place
  const { O_RDWR, O_CREAT } = nodeFs.constants
  const path = join(place.directory, name)
  const fd = attempt(`open ${name}`, () => calls.openSync(path, O_RDWR | O_CREAT, 0o644))
  // A file that was there may lack a synced name too, if its maker died before its first sync.
  let nameIsSynced = false
  return {
    size: () => attempt(`size ${name}`, () => nodeFs.fstatSync(fd).size),
    read: (at, into) => attempt(`read ${name}`, () => readFully(place, fd, at, into)),
    write: (at, bytes) => attempt(`write ${name}`, () => writeFully(place, fd, at, bytes)),
    truncate: (sizeBytes) => attempt(`truncate ${name}`, () => nodeFs.ftruncateSync(fd, sizeBytes)),
    sync: () =>
      attempt(`sync ${name}`, () => {
        calls.fdatasyncSync(fd)
        if (nameIsSynced) return
        syncDirectory(place, place.directory)
        nameIsSynced = true
      }),
    close: () => attempt(`close ${name}`, () => calls.closeSync(fd)),
  }
}

function readFully(place: Place, fd: number, at: number, into: Uint8Array): number {
  let done = 0
  while (done < into.length) {
    const length = Math.min(place.callBytesMax, into.length - done)
    const count = place.calls.readSync(fd, into, done, length, at + done)
    if (count === 0) break
    done += count
  }
  return done
}

function writeFully(place: Place, fd: number, at: number, bytes: Uint8Array): void {
  let done = 0
  while (done < bytes.length) {
    const length = Math.min(place.callBytesMax, bytes.length - done)
    const count = place.calls.writeSync(fd, bytes, done, length, at + done)
    if (count === 0) {
      throw storageFailure({
        action: 'write: the system took no byte',
        hint: 'Check the disk and its quota.',
      })
    }
    done += count
  }
}

/** Makes the folder where it is missing, and makes its name, and those of parents made, durable. */
function makeDirectory(place: Place): void {
  const { directory } = place
  attempt(`make the folder ${directory}`, () => {
    const firstMade = nodeFs.mkdirSync(directory, { recursive: true }) ?? directory
    for (let child = directory; ; child = dirname(child)) {
      syncDirectory(place, dirname(child))
      if (child === firstMade || child === dirname(child)) return
    }
  })
}

function syncDirectory(place: Place, directory: string): void {
  let fd: number
  try {
    fd = place.calls.openSync(directory, 'r')
  } catch (error) {
    // Windows does not open folders and journals names itself; elsewhere a folder that may be
    // entered but not read cannot be synced by anyone but its owner.
    const code = codeOf(error)
    if (code === 'EACCES' || (process.platform === 'win32' && /^(EISDIR|EPERM)$/.test(code))) return
    throw error
  }
  try {
    place.calls.fsyncSync(fd)
  } finally {
    place.calls.closeSync(fd)
  }
}

function attempt<T>(action: string, task: () => T): T {
  try {
    return task()
  } catch (error) {
    throw nodeFailure(action, error)
  }
}
