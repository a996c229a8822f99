/** Metrics sink: counts log lines by service and level, so that an alert can watch for errors. */

import type { LogSink } from './log-line.ts'
import type { Metrics } from './metrics.ts'

export function createMetricsSink(metrics: Metrics): LogSink {
  const lines = metrics.counter({
    name: 'constellite_log_lines_total',
    help: 'Log lines written, by service and level.',
    labels: ['service', 'level'],
  })
  return { write: ({ service, level }) => lines.add(1, { service, level }) }
}
