/** Durable Object device: files as rows in the SQLite storage of one object, for Cloudflare Workers and
 *  workerd.  Several databases share an object, each under its own name.
 *  Keeps: what a sync covers goes out in one `transactionSync`, each touched chunk as one row, and the sync
 *  resolves when the platform has confirmed it; a full object refuses the write that would grow a file.
 *  Ownership: an object is one instance in one thread, so two openings can only meet in its own memory;
 *  what ends the object frees them.  Copies of this package in one bundle see each other's.
 *  Never: sees a limit of the platform before it is there: workerd on one's own machine enforces none, and
 *  what is said here of production's (2 MB a row, 10 GB an object, rows billed) is its documentation's word. */

import { assert } from '../base/assert.ts'
import type { Host } from '../base/host.ts'
import type { Device, DeviceFile } from './device.ts'
import { openChunkFile } from './durable-object-file.ts'
import {
  createObjectTables,
  type ObjectStorage,
  type ObjectTables,
  type RowMeter,
} from './durable-object-tables.ts'
import type { Owner } from './failures.ts'
import { ownDisk } from './memory.ts'
import { createOwnedDevice, type Ownership } from './owned.ts'

export type DurableObjectDeviceOptions = {
  /** Of the database, within its object. */
  readonly name: string
  /** Says who owns it, and since when. */
  readonly host: Host
  /** Counts the rows that this device writes. */
  readonly meter?: RowMeter
  /** Of the object's whole database. */
  readonly capacityBytes?: number
}

/** What the platform lets one object keep; a little is left for SQLite itself. */
const CAPACITY_BYTES = 10_000_000_000 - 16_777_216

type Disk = { readonly name: string; owner: Owner | undefined }

type DisksByStorage = WeakMap<ObjectStorage, Map<string, Disk>>

/** Names what every copy of this package in an isolate shares: a bundle may hold two. */
const SHARED = Symbol.for('constellite.durable-object.owners')

/** `storage` is `ctx.storage` of an object whose class is named under `new_sqlite_classes`. */
export function createDurableObjectDevice(
  storage: ObjectStorage,
  options: DurableObjectDeviceOptions,
): Device {
  const { name, host, meter = { rowsWritten: 0 }, capacityBytes = CAPACITY_BYTES } = options
  assert(name.length > 0, 'a database has a name')
  const tables = createObjectTables(storage, meter)
  return {
    ...createOwnedDevice({
      kind: 'durable-object',
      durable: true,
      reason: '',
      own: async () => own(storage, tables, { host, name }),
      list: async () => tables.listFiles(name),
      sizeOf: async (file) => tables.sizeOf(name, file),
      openFile: async (file) => openFile(tables, { database: name, file, capacityBytes }),
      removeFile: async (file) => {
        tables.removeFile(name, file)
        await tables.sync()
      },
    }),
    get rowsWritten() {
      return meter.rowsWritten
    },
  }
}

function own(
  storage: ObjectStorage,
  tables: ObjectTables,
  { host, name }: { readonly host: Host; readonly name: string },
): Ownership {
  // The symbol is the package's own.
  const shared = globalThis as { [SHARED]?: DisksByStorage }
  shared[SHARED] ??= new WeakMap()
  const disks = shared[SHARED].get(storage) ?? new Map<string, Disk>()
  shared[SHARED].set(storage, disks)
  const disk = disks.get(name) ?? { name, owner: undefined }
  disks.set(name, disk)
  const ownership = ownDisk(host, disk)
  try {
    tables.create()
    return ownership
  } catch (error) {
    disk.owner = undefined
    throw error
  }
}

function openFile(
  tables: ObjectTables,
  options: {
    readonly database: string
    readonly file: string
    readonly capacityBytes: number
  },
): DeviceFile {
  const { database, file: name, capacityBytes } = options
  const file = openChunkFile({ tables, file: tables.openFile(database, name), capacityBytes })
  return {
    size: file.size,
    read: file.read,
    write: file.write,
    truncate: file.truncate,
    sync: () => {
      file.writeOut()
      return tables.sync()
    },
    // As a file that is closed elsewhere: what was not synced is there for whoever opens it next.
    close: file.writeOut,
  }
}
