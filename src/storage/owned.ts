/** What every Device does alike, around what its platform does: the order of its life, the names of
 *  its files, and refusing what was closed.
 *  Keeps: no file is touched before ownership is taken nor after it is given back; a file has at most
 *  one handle; an `open` that fails half-way leaves no handle behind.
 *  Never: touches a platform API. */

import { assert } from '../base/assert.ts'
import { createMutex } from '../base/mutex.ts'
import type { Device, DeviceFile, StorageKind } from './device.ts'
import { closedFailure } from './failures.ts'

export type Ownership = {
  /** Throws when ownership was lost.  Called before every change, so it has to be cheap. */
  check(): void
  release(): Promise<void>
}

/** The platform's part of a Device.  Calls never overlap, and file names have been checked. */
export type DeviceBackend = {
  readonly kind: StorageKind
  readonly durable: boolean
  readonly reason: string
  own(): Promise<Ownership>
  list(): Promise<readonly string[]>
  /** Bytes of a file that is there and not open; undefined when it has gone. */
  sizeOf(name: string): Promise<number | undefined>
  openFile(name: string): Promise<DeviceFile>
  removeFile(name: string): Promise<void>
}

/** The device's own files have this name, or begin with it and a hyphen; they are never listed. */
export const OWNER_FILE = 'owner'

/** Lower case only, because some disks cannot tell `A` from `a`. */
const FILE_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/

type State = {
  stage: 'idle' | 'owned' | 'closed'
  ownership: Ownership | undefined
  readonly openFiles: Map<string, DeviceFile>
}

export function createOwnedDevice(backend: DeviceBackend): Device {
  const mutex = createMutex()
  const state: State = { stage: 'idle', ownership: undefined, openFiles: new Map() }
  const owned = <T>(task: () => Promise<T>): Promise<T> =>
    mutex.run(() => {
      if (state.stage === 'closed') throw closedFailure('The device')
      assert(state.stage === 'owned', 'a device is acquired before it is used')
      return task()
    })
  return {
    kind: backend.kind,
    durable: backend.durable,
    reason: backend.reason,
    acquire: () =>
      mutex.run(async () => {
        if (state.stage === 'closed') throw closedFailure('The device')
        assert(state.stage === 'idle', 'a device is acquired once')
        state.ownership = await backend.own()
        state.stage = 'owned'
      }),
    list: () => owned(() => listFiles(backend)),
    sizes: () => owned(() => findSizes(backend, state)),
    open: (names) => owned(() => openAll(backend, state, names)),
    remove: (names) =>
      owned(async () => {
        for (const name of names) {
          assertFileName(name)
          assert(!state.openFiles.has(name), `the file ${name} is closed before it is removed`)
        }
        for (const name of names) {
          state.ownership?.check()
          await backend.removeFile(name)
        }
      }),
    close: () =>
      mutex.run(async () => {
        const { ownership } = state
        state.stage = 'closed'
        state.ownership = undefined
        try {
          closeAll([...state.openFiles.values()])
        } finally {
          await ownership?.release()
        }
      }),
  }
}

async function listFiles(backend: DeviceBackend): Promise<readonly string[]> {
  const names = await backend.list()
  return names.filter((name) => !isOwnerFile(name)).sort()
}

async function findSizes(
  backend: DeviceBackend,
  { openFiles }: State,
): Promise<() => ReadonlyMap<string, number>> {
  const found = new Map<string, number>()
  for (const name of await listFiles(backend)) {
    const sizeBytes = openFiles.has(name) ? undefined : await backend.sizeOf(name)
    if (sizeBytes !== undefined) found.set(name, sizeBytes)
  }
  return () => {
    const sizes = new Map(found)
    for (const [name, file] of openFiles) sizes.set(name, file.size())
    return sizes
  }
}

async function openAll(
  backend: DeviceBackend,
  state: State,
  names: readonly string[],
): Promise<readonly DeviceFile[]> {
  for (const [index, name] of names.entries()) {
    assertFileName(name)
    assert(names.indexOf(name) === index, `the file ${name} is named once`)
    assert(!state.openFiles.has(name), `the file ${name} is not open already`)
  }
  const opened: DeviceFile[] = []
  try {
    for (const name of names) {
      state.ownership?.check()
      opened.push(guardFile(await backend.openFile(name), name, state))
    }
  } catch (error) {
    closeAll(opened)
    throw error
  }
  return opened
}

/** Closes every file even when closing one fails, then reports the first failure. */
function closeAll(files: readonly DeviceFile[]): void {
  const failures: unknown[] = []
  for (const file of files) {
    try {
      file.close()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}

/** `file` behind the checks that do not depend on the platform. */
function guardFile(file: DeviceFile, name: string, state: State): DeviceFile {
  let open = true
  const assertOpen = (): void => {
    if (!open) throw closedFailure(`The file ${name}`)
  }
  const assertChangeable = (): void => {
    assertOpen()
    state.ownership?.check()
  }
  const guarded: DeviceFile = {
    size() {
      assertOpen()
      return file.size()
    },
    read(at, into) {
      assertOpen()
      assertOffset(at)
      return into.length === 0 ? 0 : file.read(at, into)
    },
    write(at, bytes) {
      assertChangeable()
      assertOffset(at)
      if (bytes.length > 0) file.write(at, bytes)
    },
    truncate(sizeBytes) {
      assertChangeable()
      assertOffset(sizeBytes)
      file.truncate(sizeBytes)
    },
    sync() {
      assertChangeable()
      return file.sync()
    },
    close() {
      if (!open) return
      open = false
      state.openFiles.delete(name)
      file.close()
    },
  }
  state.openFiles.set(name, guarded)
  return guarded
}

function assertFileName(name: string): void {
  assert(
    FILE_NAME.test(name) && !isOwnerFile(name),
    `${JSON.stringify(name)} can name a file of a device`,
  )
}

export function isOwnerFile(name: string): boolean {
  return name === OWNER_FILE || name.startsWith(`${OWNER_FILE}-`)
}

function assertOffset(at: number): void {
  assert(Number.isSafeInteger(at) && at >= 0, 'an offset is a whole number from 0')
}
