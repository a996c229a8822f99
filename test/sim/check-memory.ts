/** Bounded memory: what a process keeps stays under named limits, whatever the others do: timers, deferred
 *  callbacks, bytes under way from one end of a connection, bytes that came to one end and that it has not
 *  said to have taken (messages unread, parts not joined, envelopes that wait), the log, dirty pages, frames
 *  of half a transaction, connections of a relay, its open shards and what it stores.
 *  The limits are those of the workload, not of the product, which it never comes near.
 *  Looked at between events, as often as the run asks. */

import { SERVED_RUN_BYTES } from '../../src/relay/downlink.ts'
import type { Relay } from '../../src/relay/relay.ts'
import type { RelayLimits } from '../../src/relay/relay-limits.ts'
import type { Running } from './copy.ts'
import type { NetworkUse } from './network.ts'
import type { Report } from './observer.ts'
import type { SimProcess } from './process.ts'
import type { Scenario } from './scenario.ts'
import { PAGE_SIZE } from './workload.ts'

/** A heartbeat, a deadline, a poll of the socket each; for the process itself a step on each of three disks, a
 *  fold, a seal, and a redial to each of two relays. */
const TIMERS_PER_CONNECTION = 3
const TIMERS_MAX = 8
/** A step of the link, a check for rest, what the far end's close sets off; for the process, news to those
 *  who listen. */
const DEFERRED_PER_CONNECTION = 4
const DEFERRED_MAX = 16
/** A transaction of the workload is 1.5 kB, an image 15 kB, and a log that begins anew is sent in a few
 *  hundred of them: what is more than this under way is sent more than once. */
const UNDER_WAY_BYTES_MAX = 262_144
/** As much as one served run may have: what comes while one is handled, and what was taken and not yet
 *  reported, which the transport does at a quarter of its window or when it is asked. */
const UNTAKEN_BYTES_MAX: number = SERVED_RUN_BYTES
/** Images, seals and marks pass the log's cap, because they are what makes it smaller. */
const LOG_FACTOR_MAX = 1.5
/** Three changed pages of 512 bytes and their growth, in sections of 700 bytes. */
const FRAMES_WAITING_MAX = 8

export type MemoryCheck = {
  process(process: SimProcess, use: NetworkUse): void
  copy(name: string, running: Running, scenario: Scenario): void
  relay(name: string, relay: Relay, limits: RelayLimits): void
}

export function createMemoryCheck(report: Report): MemoryCheck {
  const within = (who: string, what: string, count: number, countMax: number): void => {
    if (count > countMax) report('memory', `${who} has ${count} ${what}, over ${countMax}.`)
  }
  return {
    process({ name, timerCount, deferredCount }, use) {
      const timersMax = TIMERS_MAX + use.connections * TIMERS_PER_CONNECTION
      within(name, 'timers', timerCount, timersMax)
      const deferredMax = DEFERRED_MAX + use.connections * DEFERRED_PER_CONNECTION
      within(name, 'deferred callbacks', deferredCount, deferredMax)
      within(name, 'bytes under way', use.bufferedBytesMax, UNDER_WAY_BYTES_MAX)
      within(name, 'bytes that it did not take', use.untakenBytesMax, UNTAKEN_BYTES_MAX)
    },
    copy(name, { shard }, { pagesMax }) {
      const { sizeBytes, capBytes } = shard.logUse
      within(name, 'bytes of log', sizeBytes, capBytes * LOG_FACTOR_MAX)
      within(name, 'bytes of dirty pages', shard.pages.dirtyBytes, pagesMax * PAGE_SIZE)
      const waiting = Number(shard.received.seq - shard.head.seq)
      within(name, 'frames of half a transaction', waiting, FRAMES_WAITING_MAX)
    },
    relay(name, { status }, limits) {
      within(name, 'connections', status.connections, limits.connectionsMax)
      within(name, 'open shards', status.openShards, limits.openShardsMax)
      within(name, 'shards', status.shards, limits.shardsMax)
      const bytesMax = status.shards * limits.shardBytesMax
      within(name, 'bytes stored', status.totalBytes, bytesMax)
    },
  }
}
