/** Counters of a relay, kept as metrics of a registry that may be the caller's; each series carries the
 *  relay's name, so that several relays can share one.
 *  Keeps: what `values` shows and what the registry's page shows is one number. */

import type { Metrics } from '../telemetry/metrics.ts'

const COUNTED = {
  connections: {
    name: 'constellite_relay_connections_total',
    help: 'Connections taken.',
  },
  connectionsRefused: {
    name: 'constellite_relay_connections_refused_total',
    help: 'Connections turned away because there were too many.',
  },
  connectionsResumed: {
    name: 'constellite_relay_connections_resumed_total',
    help: 'Connections gone on with after a sleep.',
  },
  connectionsCutShort: {
    name: 'constellite_relay_connections_cut_short_total',
    help: 'Connections that a sleep ended, because something was under way.',
  },
  handshakesFailed: {
    name: 'constellite_relay_handshakes_failed_total',
    help: 'Connections that ended before the far end had proved who it is.',
  },
  runsStored: {
    name: 'constellite_relay_runs_stored_total',
    help: 'Sealed runs stored.',
  },
  framesStored: {
    name: 'constellite_relay_frames_stored_total',
    help: 'Frames stored.',
  },
  bytesStored: {
    name: 'constellite_relay_stored_bytes_total',
    help: 'Bytes of the runs stored.',
  },
  runsRepeated: {
    name: 'constellite_relay_runs_repeated_total',
    help: 'Sealed runs that were stored before.',
  },
  runsServed: {
    name: 'constellite_relay_runs_served_total',
    help: 'Sealed runs sent to who asked.',
  },
  forks: {
    name: 'constellite_relay_forks_total',
    help: 'Forks found, with the evidence kept.',
  },
  snapshotsStored: {
    name: 'constellite_relay_snapshots_stored_total',
    help: 'Snapshots stored.',
  },
  snapshotsServed: {
    name: 'constellite_relay_snapshots_served_total',
    help: 'Snapshots sent to who asked.',
  },
  receiptsSent: {
    name: 'constellite_relay_receipts_sent_total',
    help: 'Receipts signed and sent.',
  },
  receiptsTaken: {
    name: 'constellite_relay_receipts_taken_total',
    help: 'Receipts that others sent.',
  },
  refused: {
    name: 'constellite_relay_refused_total',
    help: 'Requests refused without ending the connection.',
  },
} as const

export type CounterName = keyof typeof COUNTED

export type CounterValues = { readonly [Name in CounterName | 'connectionsOpen']: number }

export type RelayStatus = {
  readonly shards: number
  readonly openShards: number
  readonly totalBytes: number
}

export type Counters = {
  readonly values: CounterValues
  count(name: CounterName, by?: number): void
  /** One connection more, or with -1 one less. */
  countOpen(by: 1 | -1): void
  /** The registry asks no more for the gauges. */
  stop(): void
}

/** `relay` names it among others: the beginning of its key. */
export function createCounters(
  metrics: Metrics,
  relay: string,
  statusOf: () => RelayStatus,
): Counters {
  const labels = { relay }
  const metricOf = (init: { readonly name: string; readonly help: string }) =>
    metrics.counter({ ...init, labels: ['relay'] })
  const counted = new Map(
    // The keys of a constant table are its names.
    (Object.keys(COUNTED) as CounterName[]).map((name) => [name, metricOf(COUNTED[name])]),
  )
  const open = metrics.gauge({
    name: 'constellite_relay_connections_open',
    help: 'Connections open now.',
    labels: ['relay'],
  })
  const values = {}
  const define = (name: keyof CounterValues, get: () => number): void => {
    Object.defineProperty(values, name, { enumerable: true, get })
  }
  define('connectionsOpen', () => open.value(labels))
  for (const [name, metric] of counted) {
    // From the start on the page, so that a rate has something to begin with.
    metric.add(0, labels)
    define(name, () => metric.value(labels))
  }
  return {
    // Every name of the table was defined above.
    values: values as CounterValues,
    count: (name, by = 1) => counted.get(name)?.add(by, labels),
    countOpen: (by) => open.add(by, labels),
    stop: collectStatus(metrics, relay, statusOf),
  }
}

function collectStatus(metrics: Metrics, relay: string, statusOf: () => RelayStatus): () => void {
  const labels = ['relay'] as const
  const shards = metrics.gauge({
    name: 'constellite_relay_shards',
    help: 'Shards stored.',
    labels,
  })
  const openShards = metrics.gauge({
    name: 'constellite_relay_shards_open',
    help: 'Shards whose files are open.',
    labels,
  })
  const totalBytes = metrics.gauge({
    name: 'constellite_relay_storage_bytes',
    help: 'Bytes that all shards take.',
    labels,
  })
  return metrics.onCollect(() => {
    const status = statusOf()
    shards.set(status.shards, { relay })
    openShards.set(status.openShards, { relay })
    totalBytes.set(status.totalBytes, { relay })
  })
}
