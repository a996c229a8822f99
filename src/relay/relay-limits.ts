/** Limits of a relay: connections, shards and bytes.  Each has a default that suits a small server. */

export type RelayLimits = {
  readonly connectionsMax: number
  /** Of one network address, where the server sees addresses; loopback is not counted. */
  readonly connectionsPerAddressMax: number
  /** Shards that one connection may name. */
  readonly shardsPerConnectionMax: number
  /** Shards stored at all. */
  readonly shardsMax: number
  /** Shards whose files are open at once; idle ones are closed first. */
  readonly openShardsMax: number
  /** A shard that nobody has asked for this long is closed. */
  readonly idleMs: number
  /** Bytes of log, snapshot and evidence of one shard, and of all. */
  readonly shardBytesMax: number
  /** Bytes of the log alone, which is read whole when its shard is opened.  A writer that meets this limit
   *  sends a snapshot, which makes room. */
  readonly logBytesMax: number
  readonly totalBytesMax: number
  /** Memory for the messages of all connections; beyond it those that hold most are ended. */
  readonly heldBytesMax: number
  /** Shards whose logs are read at the same time. */
  readonly opensTogether: boolean
}

export const RELAY_LIMITS: RelayLimits = {
  connectionsMax: 1024,
  connectionsPerAddressMax: 128,
  shardsPerConnectionMax: 64,
  shardsMax: 10_000,
  openShardsMax: 256,
  idleMs: 60_000,
  shardBytesMax: 1024 * 1024 * 1024,
  logBytesMax: 1024 * 1024 * 1024,
  totalBytesMax: 16 * 1024 * 1024 * 1024,
  heldBytesMax: 1024 * 1024 * 1024,
  opensTogether: true,
}
