/** Limits of a relay in a Durable Object, which has 128 MB of memory and 10 GB of storage by its documentation: a
 *  log is read whole when its shard is opened, so logs are short, few are open and one is opened at a time; and
 *  what messages take is counted over all connections.
 *  Weakness: what the platform keeps for sockets whose far ends read slowly is not seen here. */

import { PEER_LIMITS, type PeerLimits } from '../transport/limits.ts'
import type { RelayLimits } from './relay-limits.ts'

const KIB = 1024
const MIB = 1024 * KIB

export const OBJECT_MEMORY_BYTES = 128_000_000

export const OBJECT_LIMITS: RelayLimits = {
  connectionsMax: 512,
  // An object sees no addresses.
  connectionsPerAddressMax: 512,
  shardsPerConnectionMax: 64,
  shardsMax: 1000,
  openShardsMax: 4,
  // Well before the platform, after about 10 s without an event, takes the object out of memory: a shard
  // that was closed in order opens again without writing.
  idleMs: 1000,
  shardBytesMax: 1024 * MIB,
  logBytesMax: 8 * MIB,
  totalBytesMax: 8 * 1024 * MIB,
  heldBytesMax: 32 * MIB,
  opensTogether: false,
}

export const OBJECT_PEER_LIMITS: PeerLimits = {
  ...PEER_LIMITS,
  sendQueueBytes: 64 * KIB,
  // The largest run, and what waits behind it.
  sendQueueBytesMax: 28 * MIB,
  unreadBytesMax: 4 * MIB,
}
