/** Prometheus text: metrics in the exposition format 0.0.4, one block a metric. */

import type { Metric, Sample } from './metric.ts'

export function formatMetrics(metrics: readonly Metric[]): string {
  return metrics.map(formatMetric).join('')
}

function formatMetric(metric: Metric): string {
  const lines = [
    `# HELP ${metric.name} ${escaped(metric.help)}`,
    `# TYPE ${metric.name} ${metric.type}`,
    ...metric.samples().map((sample) => formatSample(metric.name, sample)),
  ]
  return `${lines.join('\n')}\n`
}

function formatSample(name: string, { suffix, labels, value }: Sample): string {
  const pairs = labels.map(([label, text]) => `${label}="${escaped(text).replace(/"/g, '\\"')}"`)
  const braces = pairs.length === 0 ? '' : `{${pairs.join(',')}}`
  return `${name}${suffix}${braces} ${formatNumber(value)}`
}

function formatNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return String(value)
}

function escaped(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')
}
