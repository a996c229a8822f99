/** Metrics: a registry of counters, gauges and histograms, and their text for Prometheus (exposition format
 *  0.0.4).  Whoever wants numbers makes one and passes it in.
 *  Keeps: names and labels that Prometheus takes; a name declared again in the same way is the same metric,
 *  so that several relays may share one registry, and in another way is refused.
 *  Never: exists globally. */

import { ConstelliteError } from '../base/failure.ts'
import { wholeSetting } from '../flow/settings.ts'
import {
  type Counter,
  type Gauge,
  type Histogram,
  Metric,
  type MetricInit,
  type MetricOptions,
} from './metric.ts'
import { formatMetrics } from './prometheus-text.ts'

export const METRIC_SERIES_MAX = 10_000
/** Seconds: what prom-client and the Go client take by default. */
export const METRIC_BUCKETS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export type MetricsOptions = {
  /** Series of one metric.  Default 10 000. */
  readonly seriesMax?: number
}

export class Metrics {
  readonly #seriesMax: number
  readonly #metrics: Map<string, Metric> = new Map()
  readonly #updates: Set<() => void> = new Set()

  constructor(options: MetricsOptions = {}) {
    const value = options.seriesMax ?? METRIC_SERIES_MAX
    this.#seriesMax = wholeSetting({ name: 'seriesMax', value, min: 1 })
  }

  /** The name must end in `_total`. */
  counter<const Label extends string = never>(init: MetricInit<Label>): Counter<Label> {
    if (!init.name.endsWith('_total'))
      throw refused(init.name, 'the name of a counter ends in _total')
    return this.#declare({ ...init, type: 'counter', seriesMax: this.#seriesMax })
  }

  gauge<const Label extends string = never>(init: MetricInit<Label>): Gauge<Label> {
    return this.#declare({ ...init, type: 'gauge', seriesMax: this.#seriesMax })
  }

  histogram<const Label extends string = never>(
    init: MetricInit<Label> & { readonly buckets?: readonly number[] },
  ): Histogram<Label> {
    const buckets = init.buckets ?? METRIC_BUCKETS
    const isGrowing = buckets.every(
      (it, at) => Number.isFinite(it) && it > (buckets[at - 1] ?? -Infinity),
    )
    if (!isGrowing) throw refused(init.name, 'buckets are finite and grow')
    if (init.labels?.some((it) => it === 'le'))
      throw refused(init.name, 'le is the label of buckets')
    return this.#declare({ ...init, buckets, type: 'histogram', seriesMax: this.#seriesMax })
  }

  /** Calls `update` before the numbers are read, for gauges of what is counted elsewhere; answers how to
   *  stop that. */
  onCollect(update: () => void): () => void {
    this.#updates.add(update)
    return () => void this.#updates.delete(update)
  }

  /** Brings such gauges up to date; `text` does so by itself. */
  collect(): void {
    for (const update of this.#updates) update()
  }

  /** Every declared metric, in the order of declaration. */
  list(): readonly Metric[] {
    return [...this.#metrics.values()]
  }

  /** The page that Prometheus reads, of type `METRICS_CONTENT_TYPE`. */
  text(): string {
    this.collect()
    return formatMetrics(this.list())
  }

  #declare(options: MetricOptions): Metric {
    checkNames(options)
    const known = this.#metrics.get(options.name)
    const made = new Metric(options)
    if (known === undefined) {
      this.#metrics.set(options.name, made)
      return made
    }
    if (shapeOf(known) !== shapeOf(made))
      throw refused(options.name, 'it is declared otherwise already')
    return known
  }
}

function shapeOf({ type, labelNames, buckets }: Metric): string {
  return JSON.stringify([type, labelNames, buckets])
}

function checkNames({ name, labels = [] }: MetricInit): void {
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name))
    throw refused(name, 'a name is letters, digits, _ and :')
  for (const label of labels) {
    if (!/^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/.test(label)) {
      throw refused(
        name,
        `${JSON.stringify(label)} is no label: letters, digits and _, but not __ first`,
      )
    }
  }
  if (new Set(labels).size !== labels.length) throw refused(name, 'a label is named once')
}

function refused(name: string, reason: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrOption',
    message: `The metric ${JSON.stringify(name)} cannot be declared: ${reason}.`,
    hint: 'Mend the declaration; Prometheus would refuse or misread it.',
    facts: { name },
  })
}
