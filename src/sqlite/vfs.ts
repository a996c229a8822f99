/** VFS: SQLite's file system, registered under a name of its own for one database.
 *  Keeps: no exception leaves a callback; the first one is kept for the connection, which throws it
 *  with SQLite's code.  Argument counts match C's signatures, a rule of the WASM function table.
 *  Never: opens a main database that the engine did not announce, so ATTACH finds no file here. */

import { ConstelliteError, isFailure } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import {
  DEVICE_CHARACTERISTICS,
  OPEN_MAIN_DB,
  SQLITE_CANTOPEN,
  SQLITE_FULL,
  SQLITE_IOERR,
  SQLITE_IOERR_READ,
  SQLITE_IOERR_SHORT_READ,
  SQLITE_IOERR_WRITE,
  SQLITE_NOTFOUND,
  SQLITE_OK,
  SQLITE_READONLY,
} from './codes.ts'
import type { Heap } from './heap.ts'
import type { Pointer, Sqlite3, SqliteCallback } from './module.ts'
import { type BlockPool, createTransientFile } from './transient-file.ts'

/** One open file.  Numbers answered are SQLite's result codes; anything else throws. */
export type VfsFile = {
  /** Fills `into`, with zeros past the end; false when there were too few bytes. */
  read(at: number, into: Uint8Array): boolean
  write(at: number, bytes: Uint8Array): void
  truncate(sizeBytes: number): void
  size(): number
  lock(level: number): number
  unlock(level: number): void
  isReserved(): boolean
  control(operation: number): number
  close(): void
}

export type Vfs = {
  readonly name: string
  /** Runs `open`; the main database file that SQLite opens inside it is `file`. */
  opening<T>(file: VfsFile, open: () => T): T
  /** What a callback threw since the last call, and forgets it. */
  takeFailure(): unknown
  close(): void
}

type State = {
  readonly heap: Heap
  readonly host: Host
  readonly pool: BlockPool
  /** By the address of SQLite's file object; addresses are used again after a close. */
  readonly files: Map<Pointer, VfsFile>
  /** The announced main file, taken by the next open. */
  next: VfsFile | undefined
  failure: unknown
}

const SECTOR_BYTES = 4096
const PATH_BYTES_MAX = 512
/** Room for the pointer to the method table, rounded up. */
const FILE_OBJECT_BYTES = 8
const JULIAN_UNIX_EPOCH_MS = 210_866_760_000_000

export function createVfs(options: {
  readonly sqlite3: Sqlite3
  readonly heap: Heap
  readonly host: Host
  readonly pool: BlockPool
  readonly name: string
}): Vfs {
  const { sqlite3, heap, host, pool, name } = options
  const { capi } = sqlite3
  const state: State = {
    heap,
    host,
    pool,
    files: new Map(),
    next: undefined,
    failure: undefined,
  }
  const io = new capi.sqlite3_io_methods()
  const vfs = new capi.sqlite3_vfs()
  const platform = new capi.sqlite3_vfs(capi.sqlite3_vfs_find(null))
  // Version 1 of the methods has no shared memory, so SQLite cannot enter WAL mode.
  io.$iVersion = 1
  vfs.$iVersion = 2
  vfs.$szOsFile = FILE_OBJECT_BYTES
  vfs.$mxPathname = PATH_BYTES_MAX
  vfs.$xRandomness = platform['$xRandomness'] as number
  vfs.$xSleep = platform['$xSleep'] as number
  platform.dispose()
  sqlite3.vfs.installVfs({
    io: { struct: io, methods: { ...fileMethods(state), ...lockMethods(state) } },
    vfs: { struct: vfs, methods: vfsMethods(state, io.pointer), name },
  })
  return {
    name,
    opening(file, open) {
      state.next = file
      try {
        return open()
      } finally {
        state.next = undefined
      }
    },
    takeFailure() {
      const { failure } = state
      state.failure = undefined
      return failure
    },
    close() {
      capi.sqlite3_vfs_unregister(vfs.pointer)
      // The methods borrowed from the platform are not ours to uninstall.
      vfs.$xRandomness = 0
      vfs.$xSleep = 0
      vfs.dispose()
      io.dispose()
    },
  }
}

/** Result code of a failed callback; the failure itself waits in `state`. */
function caught(state: State, error: unknown, fallback: number): number {
  state.failure ??= error
  if (isFailure(error, 'ErrWalFull') || isFailure(error, 'ErrQuota')) return SQLITE_FULL
  if (isFailure(error, 'ErrReadOnly')) return SQLITE_READONLY
  return fallback
}

function fileMethods(state: State): Record<string, SqliteCallback> {
  const { heap, files } = state
  // SQLite calls these only with files that xOpen has put into the map.
  const fileOf = (pointer: Pointer): VfsFile => files.get(pointer) as VfsFile
  return {
    xClose: (pointer: Pointer) => {
      try {
        fileOf(pointer).close()
        files.delete(pointer)
        return SQLITE_OK
      } catch (error) {
        return caught(state, error, SQLITE_IOERR)
      }
    },
    xRead: (pointer: Pointer, buffer: Pointer, sizeBytes: number, at: bigint) => {
      try {
        const into = heap.bytes().subarray(buffer, buffer + sizeBytes)
        return fileOf(pointer).read(Number(at), into) ? SQLITE_OK : SQLITE_IOERR_SHORT_READ
      } catch (error) {
        return caught(state, error, SQLITE_IOERR_READ)
      }
    },
    xWrite: (pointer: Pointer, buffer: Pointer, sizeBytes: number, at: bigint) => {
      try {
        const bytes = heap.bytes().subarray(buffer, buffer + sizeBytes)
        fileOf(pointer).write(Number(at), bytes)
        return SQLITE_OK
      } catch (error) {
        return caught(state, error, SQLITE_IOERR_WRITE)
      }
    },
    xTruncate: (pointer: Pointer, sizeBytes: bigint) => {
      try {
        fileOf(pointer).truncate(Number(sizeBytes))
        return SQLITE_OK
      } catch (error) {
        return caught(state, error, SQLITE_IOERR)
      }
    },
    // What is durable is the log's business: the group that holds the commit is flushed once.
    xSync: (_pointer: Pointer, _flags: number) => SQLITE_OK,
    xFileSize: (pointer: Pointer, result: Pointer) => {
      heap.view().setBigInt64(result, BigInt(fileOf(pointer).size()), true)
      return SQLITE_OK
    },
    xSectorSize: (_pointer: Pointer) => SECTOR_BYTES,
    xDeviceCharacteristics: (_pointer: Pointer) => DEVICE_CHARACTERISTICS,
  }
}

function lockMethods(state: State): Record<string, SqliteCallback> {
  const { heap, files } = state
  // As in `fileMethods`.
  const fileOf = (pointer: Pointer): VfsFile => files.get(pointer) as VfsFile
  return {
    xLock: (pointer: Pointer, level: number) => {
      try {
        return fileOf(pointer).lock(level)
      } catch (error) {
        return caught(state, error, SQLITE_IOERR)
      }
    },
    xUnlock: (pointer: Pointer, level: number) => {
      try {
        fileOf(pointer).unlock(level)
        return SQLITE_OK
      } catch (error) {
        return caught(state, error, SQLITE_IOERR)
      }
    },
    xCheckReservedLock: (pointer: Pointer, result: Pointer) => {
      heap.view().setInt32(result, fileOf(pointer).isReserved() ? 1 : 0, true)
      return SQLITE_OK
    },
    xFileControl: (pointer: Pointer, operation: number, _argument: Pointer) => {
      try {
        return fileOf(pointer).control(operation)
      } catch (error) {
        return caught(state, error, SQLITE_IOERR)
      }
    },
  }
}

function vfsMethods(state: State, methods: Pointer): Record<string, SqliteCallback> {
  const { heap, host } = state
  return {
    xOpen: (_vfs: Pointer, _path: Pointer, file: Pointer, flags: number, result: Pointer) => {
      try {
        heap.view().setUint32(file, 0, true)
        state.files.set(file, openFile(state, flags))
        heap.view().setUint32(file, methods, true)
        if (result !== 0) heap.view().setInt32(result, flags, true)
        return SQLITE_OK
      } catch (error) {
        return caught(state, error, SQLITE_CANTOPEN)
      }
    },
    xDelete: (_vfs: Pointer, _path: Pointer, _syncDirectory: number) => SQLITE_OK,
    // Asked only about journals left behind.  There are none: nothing uncommitted survives.
    xAccess: (_vfs: Pointer, _path: Pointer, _flags: number, result: Pointer) => {
      heap.view().setInt32(result, 0, true)
      return SQLITE_OK
    },
    xFullPathname: (_vfs: Pointer, path: Pointer, sizeBytesMax: number, result: Pointer) => {
      const bytes = heap.bytes()
      const end = bytes.indexOf(0, path) + 1
      if (end - path > sizeBytesMax) return SQLITE_CANTOPEN
      bytes.copyWithin(result, path, end)
      return SQLITE_OK
    },
    xGetLastError: (_vfs: Pointer, _sizeBytes: number, _result: Pointer) => SQLITE_OK,
    xCurrentTime: (_vfs: Pointer, result: Pointer) => {
      heap.view().setFloat64(result, (JULIAN_UNIX_EPOCH_MS + host.now()) / 86_400_000, true)
      return SQLITE_OK
    },
    xCurrentTimeInt64: (_vfs: Pointer, result: Pointer) => {
      heap.view().setBigInt64(result, BigInt(JULIAN_UNIX_EPOCH_MS + Math.floor(host.now())), true)
      return SQLITE_OK
    },
  }
}

function openFile(state: State, flags: number): VfsFile {
  if ((flags & OPEN_MAIN_DB) === 0) return transientVfsFile(state.pool)
  const file = state.next
  state.next = undefined
  if (file !== undefined) return file
  throw new ConstelliteError({
    code: 'ErrRefused',
    message: 'Another database file cannot be opened beside this one.',
    hint: 'Open it with a handle of its own.',
  })
}

/** Private to its connection, so it has no locks. */
function transientVfsFile(pool: BlockPool): VfsFile {
  const file = createTransientFile(pool)
  return {
    read: file.read,
    write: file.write,
    truncate: file.truncate,
    size: () => file.sizeBytes,
    lock: () => SQLITE_OK,
    unlock: () => undefined,
    isReserved: () => false,
    control: () => SQLITE_NOTFOUND,
    close: file.close,
  }
}
