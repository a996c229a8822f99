/** Relay store: where a relay keeps its shards, one device each.  Node's is store-node.ts; a test's may be
 *  in memory. */

import type { Device } from '../storage/device.ts'

export type StoredSize = { readonly shard: Uint8Array; readonly sizeBytes: number }

export type RelayStore = {
  /** Every shard that has a device, with the bytes that its files take. */
  list(): Promise<readonly StoredSize[]>
  /** Resolves when the first shard may be stored, and rejects where it may not: before a device is acquired. */
  prepare?(): Promise<void>
  /** The device of a shard, made when missing; not yet acquired. */
  device(shard: Uint8Array): Device
}
