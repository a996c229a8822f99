/** Metrics come out as Prometheus reads them, by a parser that is not ours and through prom-client, and no
 *  registry is shared unless it is passed. */

import fc from 'fast-check'
import parse from 'parse-prometheus-text-format'
import { Histogram, type OpenMetricsContentType, Registry } from 'prom-client'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { AssertionError } from '../../src/base/assert.ts'
import type { Counter } from '../../src/telemetry/metric.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { registerInPromClient } from '../../src/telemetry/prom-client.ts'

const OBSERVED = [0.1, 0.2, 1, 5, 50]
const NASTY = 'C:\\DIR\\"file"\nnext {line}'

function filled(): Metrics {
  const metrics = new Metrics()
  const requests = metrics.counter({
    name: 'requests_total',
    help: 'Requests, by \\ method\nand code.',
    labels: ['method', 'path'],
  })
  requests.add(2, { method: 'get', path: NASTY })
  requests.add(0.5, { method: 'get', path: NASTY })
  requests.add(1, { method: 'put', path: '' })
  const open = metrics.gauge({ name: 'open', help: 'Open now.' })
  open.set(5)
  open.add(-7)
  metrics.gauge({ name: 'limit', help: 'None.' }).set(Number.POSITIVE_INFINITY)
  metrics.counter({ name: 'untouched_total', help: 'Never.' })
  const seconds = metrics.histogram({
    name: 'duration_seconds',
    help: 'How long.',
    buckets: [0.1, 1, 10],
  })
  for (const value of OBSERVED) seconds.observe(value)
  return metrics
}

describe('the text', () => {
  test('a parser that is not ours reads every value, label and bucket', () => {
    const families = new Map(parse(filled().text()).map((it) => [it.name, it]))
    expect(families.get('requests_total')).toMatchObject({
      type: 'COUNTER',
      help: 'Requests, by \\ method\nand code.',
      metrics: [
        { value: '2.5', labels: { method: 'get', path: NASTY } },
        { value: '1', labels: { method: 'put', path: '' } },
      ],
    })
    expect(families.get('open')).toMatchObject({ type: 'GAUGE', metrics: [{ value: '-2' }] })
    expect(families.get('limit')?.metrics).toEqual([{ value: '+Inf' }])
    expect(families.get('untouched_total')?.metrics).toEqual([{ value: '0' }])
    expect(families.get('duration_seconds')).toMatchObject({
      type: 'HISTOGRAM',
      metrics: [
        {
          buckets: { '0.1': '1', '1': '3', '10': '4', '+Inf': '5' },
          count: '5',
          sum: '56.3',
        },
      ],
    })
  })

  test('any text in a label and any number, reads back as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.double({ noNaN: true }), (text, number) => {
        const metrics = new Metrics()
        metrics.gauge({ name: 'a', help: 'Any.', labels: ['x'] }).set(number, { x: text })
        const [family] = parse(metrics.text())
        const [sample] = family?.metrics ?? []
        expect(sample?.labels?.['x']).toBe(text)
        expect(Number(sample?.value?.replace('Inf', 'Infinity'))).toBe(
          // Zero has no sign here.
          number === 0 ? 0 : number,
        )
      }),
      { numRuns: 200 },
    )
  })

  test('a histogram with labels reads as that of prom-client does', async () => {
    const metrics = new Metrics()
    const registry = new Registry()
    const init = { name: 'seconds', help: 'How long.', labels: ['a', 'b'], buckets: [0.1, 1, 10] }
    const ours = metrics.histogram(init)
    const theirs = new Histogram({ ...init, labelNames: init.labels, registers: [registry] })
    for (const value of OBSERVED) {
      for (const labels of [
        { a: 'x', b: NASTY },
        { a: 'y', b: '' },
      ]) {
        ours.observe(value, labels)
        theirs.observe(labels, value)
      }
    }
    expect(samplesOf(metrics.text())).toEqual(samplesOf(await registry.metrics()))
  })

  test('each metric has one HELP, one TYPE and then its samples, and the page ends in a newline', () => {
    const text = filled().text()
    expect(text.endsWith('\n')).toBe(true)
    expect(text.split('\n').filter((it) => it.startsWith('# TYPE')).length).toBe(5)
    expect(new Metrics().text()).toBe('')
  })
})

describe('prom-client', () => {
  test('its registry serves our metrics beside its own, read when it collects', async () => {
    const metrics = filled()
    const registry = new Registry()
    registerInPromClient(metrics, registry)
    metrics.gauge({ name: 'open', help: 'Open now.' }).set(9)
    const families = new Map(parse(await registry.metrics()).map((it) => [it.name, it]))
    const ours = new Map(parse(metrics.text()).map((it) => [it.name, it]))
    expect(families).toEqual(ours)
    expect(families.get('open')?.metrics).toEqual([{ value: '9' }])
  })

  test('for OpenMetrics counters end in _total once', async () => {
    const registry = new Registry<OpenMetricsContentType>()
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
    registerInPromClient(filled(), registry)
    const text = await registry.metrics()
    expect(text).toContain('\nuntouched_total 0\n')
    expect(text).not.toContain('_total_total')
  })
})

describe('what is counted elsewhere', () => {
  test('it is asked for before the page is made, and before prom-client collects, until it stops', async () => {
    const metrics = new Metrics()
    const size = metrics.gauge({ name: 'size', help: 'Of a queue.', labels: ['of'] })
    let count = 1
    const stop = metrics.onCollect(() => size.set(count, { of: 'a' }))
    expect(metrics.text()).toContain('size{of="a"} 1')
    count = 2
    const registry = new Registry()
    registerInPromClient(metrics, registry)
    expect(await registry.metrics()).toContain('size{of="a"} 2')
    stop()
    count = 3
    expect(metrics.text()).toContain('size{of="a"} 2')
    expect([size.value({ of: 'a' }), size.value({ of: 'b' })]).toEqual([2, 0])
  })

  test('adding nothing makes a series, but is not a write', () => {
    const metrics = new Metrics()
    const counter = metrics.counter({ name: 'a_total', help: '', labels: ['who'] })
    counter.add(0, { who: 'x' })
    const [metric] = metrics.list()
    expect([metric?.writes, metrics.text().includes('a_total{who="x"} 0')]).toEqual([0, true])
  })
})

describe('the registry', () => {
  test('the same declaration is the same metric, another one is refused', () => {
    const metrics = new Metrics()
    const first = metrics.counter({ name: 'a_total', help: 'A.' })
    first.add(1)
    metrics.counter({ name: 'a_total', help: 'A.' }).add(1)
    expect(metrics.text()).toContain('a_total 2')
    expect(() => metrics.counter({ name: 'a_total', help: 'A.', labels: ['x'] })).toThrow(
      /otherwise/,
    )
    expect(new Metrics().text()).toBe('')
  })

  test.each([
    () => new Metrics().counter({ name: 'a', help: '' }),
    () => new Metrics().gauge({ name: 'a b', help: '' }),
    () => new Metrics().gauge({ name: 'a', help: '', labels: ['__x'] }),
    () => new Metrics().gauge({ name: 'a', help: '', labels: ['x', 'x'] }),
    () => new Metrics().histogram({ name: 'a', help: '', labels: ['le'] }),
    () => new Metrics().histogram({ name: 'a', help: '', buckets: [2, 1] }),
  ])('what Prometheus would misread is refused (%#)', (declare) => {
    expect(declare).toThrow(/cannot be declared/)
  })

  test('a counter never falls, and nothing takes NaN', () => {
    const metrics = new Metrics()
    const counter = metrics.counter({ name: 'a_total', help: '' })
    expect(() => counter.add(-1)).toThrow(AssertionError)
    expect(() => metrics.gauge({ name: 'b', help: '' }).set(Number.NaN)).toThrow(AssertionError)
  })

  test('series are bounded: writes to further ones are dropped and counted', () => {
    const metrics = new Metrics({ seriesMax: 2 })
    const counter = metrics.counter({ name: 'a_total', help: '', labels: ['who'] })
    for (const who of ['x', 'y', 'z', 'x']) counter.add(1, { who })
    const [metric] = metrics.list()
    expect([metric?.samples().length, metric?.writes, metric?.dropped]).toEqual([2, 3, 1])
  })

  test('labels are asked for by the types', () => {
    const counter = new Metrics().counter({ name: 'a_total', help: '', labels: ['who', 'what'] })
    expectTypeOf(counter).toEqualTypeOf<Counter<'who' | 'what'>>()
    expectTypeOf(counter.add).parameter(1).toEqualTypeOf<Readonly<Record<'who' | 'what', string>>>()
    const plain = new Metrics().counter({ name: 'a_total', help: '' })
    expectTypeOf(plain.add).parameters.toEqualTypeOf<[value: number]>()
  })
})

/** Each line with its labels in order of their names, which is free. */
function samplesOf(text: string): string[] {
  const lines = text.split('\n').filter((it) => it !== '' && !it.startsWith('#'))
  const pairs = /[a-z]+="(?:[^"\\]|\\.)*"/g
  return lines.map((it) => `${it.replace(pairs, '')} ${(it.match(pairs) ?? []).sort()}`).sort()
}
