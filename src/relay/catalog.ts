/** Catalog: which shards a relay has, opened while somebody uses them and closed when idle.
 *  Keeps: one opening at a time of each shard; at most `openShardsMax` open; bytes of every shard are
 *  counted, open or not, so that a quota is refused before anything is written.
 *  Never: deletes a shard. */

import { isFailure } from '../base/failure.ts'
import type { Host, Timer } from '../base/host.ts'
import { formatHex } from '../bytes/text.ts'
import type { Authority } from '../frame/authority.ts'
import type { WalOptions } from '../wal/wal.ts'
import { createForkNews, type ForkNews } from './fork-news.ts'
import { closedFailure, fullFailure, openFailure, shardsFailure } from './refusals.ts'
import type { RelayLimits } from './relay-limits.ts'
import type { RelayStore } from './store.ts'
import { openStoredShard } from './stored-open.ts'
import type { StoredShard } from './stored-shard.ts'

export type Lease = {
  readonly stored: StoredShard
  /** Refuses with ErrRelayFull when `sizeBytes` more would pass a quota. */
  checkRoom(sizeBytes: number): void
  /** Like `checkRoom` for all shards together, counting an upload until it is given back. */
  reserve(sizeBytes: number): void
  unreserve(sizeBytes: number): void
  /** The shard may be closed once every lease was released. */
  release(): void
}

export type Catalog = {
  /** A shard that is stored, else undefined.  Rejects with ErrBackpressure (too many are open), or what
   *  made its files unusable. */
  lease(shard: Uint8Array): Promise<Lease | undefined>
  /** The same, made when missing; ErrRelayFull when there are too many. */
  leaseNew(shard: Uint8Array, authority: Authority): Promise<Lease>
  /** Calls `listener` after every change of the durable head of a shard, also of one that is stored only
   *  later, and whether or not anybody leases it now.  Answers the way to stop. */
  watch(shard: Uint8Array, listener: () => void): () => void
  readonly forks: ForkNews
  readonly shards: number
  readonly openShards: number
  readonly totalBytes: number
  /** Closes every shard; nothing can be leased afterwards. */
  close(): Promise<void>
}

type Entry = {
  readonly key: string
  readonly shard: Uint8Array
  /** Bytes when it was last closed or listed. */
  closedBytes: number
  opened: Promise<StoredShard> | undefined
  stored: StoredShard | undefined
  closing: Promise<void> | undefined
  leases: number
  idle: Timer | undefined
  idleSinceMs: number
  reservedBytes: number
}

export type CatalogOptions = {
  readonly host: Host
  readonly store: RelayStore
  readonly relayKey: Uint8Array
  readonly limits: RelayLimits
  readonly wal: WalOptions
}

export async function createCatalog(options: CatalogOptions): Promise<Catalog> {
  const entries = new Map<string, Entry>()
  for (const { shard, sizeBytes } of await options.store.list()) {
    entries.set(formatHex(shard), createEntry(shard, sizeBytes))
  }
  const context: Context = {
    options,
    entries,
    listeners: new Map(),
    isClosed: false,
    opening: Promise.resolve(),
  }
  return {
    async lease(shard) {
      const entry = entries.get(formatHex(shard))
      if (entry === undefined) return undefined
      return leaseEntry(context, entry, undefined).catch((error: unknown) => {
        // A folder whose making was cut short holds nothing.
        if (isFailure(error, 'ErrUnavailable')) return undefined
        throw error
      })
    },
    async leaseNew(shard, authority) {
      const key = formatHex(shard)
      let entry = entries.get(key)
      if (entry === undefined) {
        if (entries.size >= options.limits.shardsMax) throw shardsFailure(options.limits)
        entry = createEntry(shard, 0)
        entries.set(key, entry)
      }
      return leaseEntry(context, entry, authority)
    },
    forks: createForkNews(),
    watch: (shard, listener) => listen(context, formatHex(shard), listener),
    get shards() {
      return entries.size
    },
    get openShards() {
      return countOpen(context)
    },
    get totalBytes() {
      return totalBytes(context)
    },
    async close() {
      context.isClosed = true
      await Promise.all([...entries.values()].map((entry) => closeEntry(entry)))
    },
  }
}

type Context = {
  readonly options: CatalogOptions
  readonly entries: Map<string, Entry>
  /** Who wants to hear of a shard, by its id in hex. */
  readonly listeners: Map<string, Set<() => void>>
  isClosed: boolean
  /** Settles when the newest opening has. */
  opening: Promise<unknown>
}

function listen({ listeners }: Context, key: string, listener: () => void): () => void {
  const known = listeners.get(key) ?? new Set()
  listeners.set(key, known.add(listener))
  return () => {
    known.delete(listener)
    if (known.size === 0 && listeners.get(key) === known) listeners.delete(key)
  }
}

async function leaseEntry(
  context: Context,
  entry: Entry,
  authority: Authority | undefined,
): Promise<Lease> {
  if (context.isClosed) throw closedFailure()
  entry.leases += 1
  entry.idle?.cancel()
  entry.idle = undefined
  try {
    await entry.closing
    // A log that failed stays refused until its shard was closed and recovered.
    if (entry.stored?.failed !== undefined) await closeEntry(entry)
    entry.opened ??= openEntry(context, entry, authority)
    const stored = await entry.opened
    return createLease(context, entry, stored)
  } catch (error) {
    release(context, entry)
    if (entry.stored === undefined && entry.closedBytes === 0 && entry.leases === 0) {
      context.entries.delete(entry.key)
    }
    throw error
  }
}

async function openEntry(
  context: Context,
  entry: Entry,
  authority: Authority | undefined,
): Promise<StoredShard> {
  const { host, store, relayKey, limits, wal } = context.options
  try {
    if (countOpen(context) >= limits.openShardsMax) await closeIdlest(context)
    await store.prepare?.()
    const device = store.device(entry.shard)
    const open = (): Promise<StoredShard> =>
      openStoredShard({ host, device, shard: entry.shard, relayKey, wal, authority })
    const opening = limits.opensTogether ? open() : context.opening.then(open)
    // Its failure is for whoever leases it.
    context.opening = opening.catch(() => undefined)
    const stored = await opening
    entry.stored = stored
    const tellAll = (): void => {
      for (const listener of [...(context.listeners.get(entry.key) ?? [])]) listener()
    }
    stored.onAdvance(tellAll)
    // What an earlier flush failed to confirm may have been recovered: news to whoever waits.
    if (stored.head !== undefined) context.options.host.defer(tellAll)
    return stored
  } catch (error) {
    entry.opened = undefined
    throw error
  }
}

function createLease(context: Context, entry: Entry, stored: StoredShard): Lease {
  const { limits } = context.options
  let isReleased = false
  return {
    stored,
    checkRoom(sizeBytes) {
      if (stored.sizeBytes + sizeBytes > limits.shardBytesMax) {
        throw fullFailure('this shard', limits.shardBytesMax)
      }
      if (totalBytes(context) + sizeBytes > limits.totalBytesMax) {
        throw fullFailure('all shards together', limits.totalBytesMax)
      }
    },
    reserve(sizeBytes) {
      // What the upload stands for is dropped when it counts, so the shard's own bytes do not count twice.
      if (totalBytes(context) - stored.sizeBytes + sizeBytes > limits.totalBytesMax) {
        throw fullFailure('all shards together', limits.totalBytesMax)
      }
      entry.reservedBytes += sizeBytes
    },
    unreserve(sizeBytes) {
      entry.reservedBytes -= sizeBytes
    },
    release() {
      if (isReleased) return
      isReleased = true
      release(context, entry)
    },
  }
}

function release(context: Context, entry: Entry): void {
  const { host, limits } = context.options
  entry.leases -= 1
  if (entry.leases > 0 || entry.stored === undefined) return
  entry.idleSinceMs = host.monotonicNow()
  entry.idle = host.setTimer(limits.idleMs, () => {
    // Its failure to close is met again, and told, by whoever opens it next.
    closeEntry(entry).catch(() => undefined)
  })
}

/** Makes room for one more; all in use is a refusal that passes. */
async function closeIdlest(context: Context): Promise<void> {
  const idle = [...context.entries.values()].filter(
    (entry) => entry.stored !== undefined && entry.leases === 0,
  )
  idle.sort((left, right) => left.idleSinceMs - right.idleSinceMs)
  const [first] = idle
  if (first === undefined) {
    throw openFailure(context.options.limits)
  }
  await closeEntry(first)
}

function closeEntry(entry: Entry): Promise<void> {
  entry.idle?.cancel()
  entry.idle = undefined
  const { opened } = entry
  if (opened === undefined) return entry.closing ?? Promise.resolve()
  entry.opened = undefined
  const close = async (): Promise<void> => {
    try {
      const stored = await opened
      entry.closedBytes = stored.sizeBytes
      entry.stored = undefined
      await stored.close()
    } finally {
      entry.closing = undefined
    }
  }
  entry.closing = close()
  return entry.closing
}

function createEntry(shard: Uint8Array, closedBytes: number): Entry {
  return {
    key: formatHex(shard),
    shard,
    closedBytes,
    opened: undefined,
    stored: undefined,
    closing: undefined,
    leases: 0,
    idle: undefined,
    idleSinceMs: 0,
    reservedBytes: 0,
  }
}

function countOpen(context: Context): number {
  let count = 0
  for (const entry of context.entries.values()) if (entry.opened !== undefined) count += 1
  return count
}

function totalBytes(context: Context): number {
  let total = 0
  for (const entry of context.entries.values()) {
    total += (entry.stored?.sizeBytes ?? entry.closedBytes) + entry.reservedBytes
  }
  return total
}
