/** Bounded memory: what a process keeps stays under named limits, whatever the others do: timers, deferred
 *  callbacks, bytes under way to one peer, the log, shards that a relay has open, connections that it has.
 *  Looked at between events, as often as the run asks. */

import type { Relay } from '../../src/relay/relay.ts'
import type { RelayLimits } from '../../src/relay/relay-limits.ts'
import type { Shard } from '../../src/shard/shard.ts'
import type { Network } from './network.ts'
import type { Report } from './observer.ts'
import type { SimProcess } from './process.ts'

/** Per connection a heartbeat, a deadline or two and a poll; a few for the shard; a margin. */
const TIMERS_PER_CONNECTION = 8
const TIMERS_MAX = 24
const DEFERRED_MAX = 256
/** The window of the transport, and what the socket may hold. */
const IN_FLIGHT_BYTES_MAX = 6_291_456
/** Images, seals and marks pass the log's cap, because they are what makes it smaller. */
const LOG_FACTOR_MAX = 3

export type MemoryCheck = {
  process(process: SimProcess, connections: number): void
  copy(name: string, shard: Shard): void
  relay(name: string, relay: Relay, limits: RelayLimits): void
  network(network: Network): void
}

export function createMemoryCheck(report: Report): MemoryCheck {
  const within = (who: string, what: string, count: number, countMax: number): void => {
    if (count > countMax) report('memory', `${who} has ${count} ${what}, over ${countMax}.`)
  }
  return {
    process({ name, timerCount, deferredCount }, connections) {
      within(name, 'timers', timerCount, TIMERS_MAX + connections * TIMERS_PER_CONNECTION)
      within(name, 'deferred callbacks', deferredCount, DEFERRED_MAX)
    },
    copy(name, shard) {
      const { sizeBytes, capBytes } = shard.logUse
      within(name, 'bytes of log', sizeBytes, capBytes * LOG_FACTOR_MAX)
      within(name, 'bytes of dirty pages', shard.pages.dirtyBytes, capBytes * LOG_FACTOR_MAX)
    },
    relay(name, { status }, limits) {
      within(name, 'connections', status.connections, limits.connectionsMax)
      within(name, 'open shards', status.openShards, limits.openShardsMax)
      within(name, 'shards', status.shards, limits.shardsMax)
    },
    network({ bufferedBytesMax }) {
      within('a connection', 'bytes under way', bufferedBytesMax, IN_FLIGHT_BYTES_MAX)
    },
  }
}
