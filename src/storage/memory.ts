/** Memory device: files that live as long as their disk, for tests and for databases without a name
 *  to keep.  Keeps: two devices on one disk exclude each other as two processes on one folder do.
 *  Never: claims to be durable. */

import type { Host } from '../base/host.ts'
import type { Device } from './device.ts'
import { inUseFailure, type Owner } from './failures.ts'
import { createOwnedDevice, type Ownership } from './owned.ts'
import { createSparseBytes, type SparseBytes } from './sparse-bytes.ts'

/** What stays when a memory device is closed: open another on it to find the same files again. */
export type MemoryDisk = {
  readonly name: string
  readonly files: Map<string, SparseBytes>
  owner: Owner | undefined
}

export function createMemoryDisk(name = 'memory'): MemoryDisk {
  return { name, files: new Map(), owner: undefined }
}

export function createMemoryDevice(host: Host, disk: MemoryDisk = createMemoryDisk()): Device {
  return createOwnedDevice({
    kind: 'memory',
    durable: false,
    reason: 'in memory: gone when this page or process ends',
    own: async () => ownDisk(host, disk),
    list: async () => [...disk.files.keys()],
    sizeOf: async (name) => disk.files.get(name)?.size,
    async openFile(name) {
      const bytes = disk.files.get(name) ?? createSparseBytes()
      disk.files.set(name, bytes)
      return {
        size: () => bytes.size,
        read: (at, into) => bytes.read(at, into),
        write: (at, from) => bytes.write(at, from),
        truncate: (sizeBytes) => bytes.truncate(sizeBytes),
        sync() {},
        close() {},
      }
    },
    async removeFile(name) {
      disk.files.delete(name)
    },
  })
}

/** Takes ownership of anything that has a place for an owner. */
export function ownDisk(
  host: Host,
  disk: { readonly name: string; owner: Owner | undefined },
): Ownership {
  if (disk.owner !== undefined) throw inUseFailure(disk.name, disk.owner)
  disk.owner = { who: host.who, sinceMs: host.now() }
  return {
    check() {},
    async release() {
      disk.owner = undefined
    },
  }
}
