/** OPFS device: files under `constellite/<name>/` of the origin's private file system, through
 *  exclusive synchronous access handles (File System standard §2.6), in a dedicated worker.
 *  Keeps: every handle is opened before the first synchronous call; short writes are completed; what a
 *  site's clearing deletes under it is noticed (opfs-presence.ts).
 *  Weakness: browsers do not say whether a new file's name survives power loss when it is flushed.
 *  Ownership: opfs-owner.ts. */

import { assert } from '../base/assert.ts'
import type { Host } from '../base/host.ts'
import { attempt, browserFailure, isMissing } from './browser-errors.ts'
import type { Device, DeviceFile } from './device.ts'
import { inUseFailure, quotaFailure } from './failures.ts'
import { type OpfsDirectory, openFolder, openHandle, type SyncHandle } from './opfs-handles.ts'
import { nameToFolder } from './opfs-name.ts'
import { ownFolder } from './opfs-owner.ts'
import { createPresence, type Presence } from './opfs-presence.ts'
import { createOwnedDevice } from './owned.ts'

export function createOpfsDevice(host: Host, name: string): Device {
  const folder = nameToFolder(name)
  let directory: OpfsDirectory | undefined
  const opened = (): OpfsDirectory => {
    assert(directory !== undefined, 'the folder is opened with ownership')
    return directory
  }
  const presence = createPresence({ host, name, folder, directory: opened })
  return createOwnedDevice({
    kind: 'opfs',
    durable: true,
    reason: '',
    own: () =>
      attempt(`open the database ${JSON.stringify(name)}`, async () => {
        directory = await openFolder(folder)
        const { close } = presence
        const { release } = await ownFolder(host, { name, folder, directory, close })
        return { check: presence.check, release }
      }),
    list: () =>
      attempt('list the files of the database', async () => {
        const names: string[] = []
        for await (const [file, { kind }] of opened().entries())
          if (kind === 'file') names.push(file)
        return names
      }),
    sizeOf: (file) =>
      attempt(`size ${file}`, async () => {
        const handle = await opened().getFileHandle(file, { create: false })
        return (await handle.getFile()).size
      }),
    openFile: (file) =>
      attempt(`open ${file}`, async () => {
        await presence.closed()
        const handle = await openHandle(host, opened(), file)
        // We hold the fence, so this is a terminated owner that takes unusually long to go.
        if (handle === undefined) throw inUseFailure(name, undefined)
        return fileOf(file, handle, presence)
      }),
    removeFile: (file) =>
      attempt(`remove ${file}`, async () => {
        await presence.closed()
        try {
          await opened().removeEntry(file)
        } catch (error) {
          if (!isMissing(error)) throw error
        }
      }),
  })
}

function fileOf(name: string, handle: SyncHandle, presence: Presence): DeviceFile {
  const attemptNow = <T>(action: string, task: () => T): T => {
    try {
      return task()
    } catch (error) {
      throw browserFailure(`${action} ${name}`, error)
    }
  }
  return {
    size: () => attemptNow('size', () => handle.getSize()),
    read: (at, into) => attemptNow('read', () => readFully(handle, at, into)),
    write: (at, bytes) => attemptNow('write', () => writeFully(handle, at, bytes, name)),
    truncate: (sizeBytes) => attemptNow('truncate', () => handle.truncate(sizeBytes)),
    sync: () => {
      attemptNow('sync', () => handle.flush())
      return presence.isDue() ? presence.look(name) : undefined
    },
    close: () => presence.closeLater(name, handle),
  }
}

function readFully(handle: SyncHandle, at: number, into: Uint8Array): number {
  let done = handle.read(into, { at })
  while (done > 0 && done < into.length) {
    const count = handle.read(into.subarray(done), { at: at + done })
    if (count === 0) break
    done += count
  }
  return done
}

function writeFully(handle: SyncHandle, at: number, bytes: Uint8Array, name: string): void {
  let done = handle.write(bytes, { at })
  while (done < bytes.length) {
    const count = handle.write(bytes.subarray(done), { at: at + done })
    // Firefox's way to say that the site's storage is full, where the standard wants an exception.
    if (count === 0) throw quotaFailure(name)
    done += count
  }
}
