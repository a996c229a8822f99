/** prom-client adapter: our metrics among those of a program that collects with prom-client already.
 *  The registry is passed in, so that nobody needs prom-client who does not use it.
 *  Keeps: numbers are read when prom-client collects, never copied before. */

import type { Metric, MetricType } from './metric.ts'
import type { Metrics } from './metrics.ts'

/** A metric as prom-client's registry reads it. */
export type PromClientMetric = {
  name: string
  readonly help: string
  readonly type: MetricType
  readonly aggregator: 'sum'
  get(): Promise<{
    readonly name: string
    readonly help: string
    readonly type: MetricType
    readonly aggregator: 'sum'
    readonly values: readonly {
      readonly metricName: string
      readonly labels: Readonly<Record<string, string>>
      readonly value: number
    }[]
  }>
  reset(): void
}

/** What is used of prom-client's `Registry`. */
export type PromClientRegistry<M> = { registerMetric(metric: M): void }

/** Registers every metric declared so far. */
export function registerInPromClient<M>(metrics: Metrics, registry: PromClientRegistry<M>): void {
  for (const metric of metrics.list()) {
    // The type of prom-client asks for its own classes; its registry reads only these members.
    registry.registerMetric(adapted(metrics, metric) as unknown as M)
  }
}

function adapted(metrics: Metrics, metric: Metric): PromClientMetric {
  const { help, type } = metric
  const self: PromClientMetric = {
    // Not read-only: for OpenMetrics prom-client takes `_total` off here and puts it on the samples.
    name: metric.name,
    help,
    type,
    aggregator: 'sum',
    async get() {
      metrics.collect()
      return { name: self.name, help, type, aggregator: 'sum', values: valuesOf(self.name, metric) }
    },
    reset() {},
  }
  return self
}

function valuesOf(name: string, metric: Metric) {
  return metric.samples().map(({ suffix, labels, value }) => ({
    metricName: `${name}${suffix}`,
    labels: Object.fromEntries(labels),
    value,
  }))
}
