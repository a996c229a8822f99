/** Metric: one counter, gauge or histogram, with its series by label values.
 *  Keeps: a counter never falls; at most `seriesMax` series, writes to further ones are dropped and
 *  counted; `writes` says how often it was written; adding 0
 *  makes a series without being a write.
 *  Never: reads a clock. */

import { assert } from '../base/assert.ts'

export type MetricType = 'counter' | 'gauge' | 'histogram'

export type MetricInit<Label extends string = string> = {
  readonly name: string
  /** One sentence: what it counts or measures, with its unit. */
  readonly help: string
  readonly labels?: readonly Label[]
}

/** Nothing for a metric without labels, a value for each of its labels otherwise. */
export type LabelValues<Label extends string> = [Label] extends [never]
  ? []
  : [labels: Readonly<Record<Label, string>>]

export type Counter<Label extends string = never> = {
  add(value: number, ...labels: LabelValues<Label>): void
  /** What it stands at; 0 before anything was added. */
  value(...labels: LabelValues<Label>): number
}

export type Gauge<Label extends string = never> = {
  set(value: number, ...labels: LabelValues<Label>): void
  add(value: number, ...labels: LabelValues<Label>): void
  /** What it stands at; 0 before it was set. */
  value(...labels: LabelValues<Label>): number
}

export type Histogram<Label extends string = never> = {
  observe(value: number, ...labels: LabelValues<Label>): void
}

export type Sample = {
  readonly suffix: '' | '_bucket' | '_sum' | '_count'
  readonly labels: readonly (readonly [name: string, value: string])[]
  readonly value: number
}

type Series = {
  readonly labels: Sample['labels']
  value: number
  /** Of a histogram: observations at or below each bound, not cumulated. */
  readonly counts: number[]
  count: number
}

export type MetricOptions = MetricInit & {
  readonly type: MetricType
  /** Upper bounds of a histogram, growing; the one for everything is implied. */
  readonly buckets?: readonly number[]
  readonly seriesMax: number
}

export class Metric {
  readonly name: string
  readonly help: string
  readonly type: MetricType
  readonly labelNames: readonly string[]
  readonly buckets: readonly number[]
  readonly #seriesMax: number
  readonly #series: Map<string, Series> = new Map()
  #writes = 0
  #dropped = 0

  constructor(options: MetricOptions) {
    this.name = options.name
    this.help = options.help
    this.type = options.type
    this.labelNames = options.labels ?? []
    this.buckets = options.buckets ?? []
    this.#seriesMax = options.seriesMax
    // Without labels there is one series, and it exists from the start: a counter of nothing is 0.
    if (this.labelNames.length === 0) this.#seriesOf({})
  }

  get writes(): number {
    return this.#writes
  }

  /** Writes to series beyond the limit. */
  get dropped(): number {
    return this.#dropped
  }

  add(value: number, labels: Readonly<Record<string, string>> = {}): void {
    assert(this.type === 'gauge' || value >= 0, `${this.name} only grows`)
    this.#write(value, labels, (series) => {
      series.value += value
    })
  }

  set(value: number, labels: Readonly<Record<string, string>> = {}): void {
    this.#write(value, labels, (series) => {
      series.value = value
    })
  }

  observe(value: number, labels: Readonly<Record<string, string>> = {}): void {
    this.#write(value, labels, (series) => {
      const at = this.buckets.findIndex((bound) => value <= bound)
      if (at >= 0) series.counts[at] = (series.counts[at] as number) + 1
      series.value += value
      series.count += 1
    })
  }

  value(labels: Readonly<Record<string, string>> = {}): number {
    return this.#series.get(this.#keyOf(labels))?.value ?? 0
  }

  samples(): Sample[] {
    return [...this.#series.values()].flatMap((series) => this.#samplesOf(series))
  }

  #write(
    value: number,
    labels: Readonly<Record<string, string>>,
    change: (series: Series) => void,
  ): void {
    assert(!Number.isNaN(value), `${this.name} takes numbers`)
    const series = this.#seriesOf(labels)
    if (series === undefined) {
      this.#dropped += 1
      return
    }
    const before = series.value
    change(series)
    if (this.type !== 'counter' || series.value !== before) this.#writes += 1
  }

  #seriesOf(labels: Readonly<Record<string, string>>): Series | undefined {
    const key = this.#keyOf(labels)
    const known = this.#series.get(key)
    if (known !== undefined || this.#series.size >= this.#seriesMax) return known
    const pairs = this.labelNames.map((name) => [name, labels[name] ?? ''] as const)
    const series = { labels: pairs, value: 0, counts: this.buckets.map(() => 0), count: 0 }
    this.#series.set(key, series)
    return series
  }

  #keyOf(labels: Readonly<Record<string, string>>): string {
    const [only, ...others] = this.labelNames
    if (only === undefined) return ''
    if (others.length === 0) return labels[only] ?? ''
    return JSON.stringify(this.labelNames.map((name) => labels[name] ?? ''))
  }

  #samplesOf({ labels, value, counts, count }: Series): Sample[] {
    if (this.type !== 'histogram') return [{ suffix: '', labels, value }]
    let below = 0
    const buckets: Sample[] = this.buckets.map((bound, at) => {
      below += counts[at] as number
      return { suffix: '_bucket', labels: [...labels, ['le', `${bound}`]], value: below }
    })
    return [
      ...buckets,
      { suffix: '_bucket', labels: [...labels, ['le', '+Inf']], value: count },
      { suffix: '_sum', labels, value },
      { suffix: '_count', labels, value: count },
    ]
  }
}
