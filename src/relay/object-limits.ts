/** Limits of a relay in a Durable Object, which has 128 MB of memory and 10 GB of storage by its
 *  documentation: a log is read whole when its shard is opened, so logs are short and few are open. */

import type { RelayLimits } from './relay-limits.ts'

const MIB = 1024 * 1024

export const OBJECT_LIMITS: RelayLimits = {
  connectionsMax: 1024,
  // An object sees no addresses.
  connectionsPerAddressMax: 1024,
  shardsPerConnectionMax: 64,
  shardsMax: 1000,
  openShardsMax: 16,
  // Well before the platform, after about 10 s without an event, takes the object out of memory: a shard
  // that was closed in order opens again without writing.
  idleMs: 1000,
  shardBytesMax: 1024 * MIB,
  logBytesMax: 32 * MIB,
  totalBytesMax: 8 * 1024 * MIB,
}
