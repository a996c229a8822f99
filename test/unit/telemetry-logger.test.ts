/** The logger gathers events into one line on time, loses nothing, and lets each service be set on its own.
 *  Timelines and lines: U3 of the utilities' specification. */

import { configure, getLogger, type LogRecord, reset } from '@logtape/logtape'
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createConsoleSink } from '../../src/telemetry/console-sink.ts'
import { EVENT_ACTORS_MAX, EVENT_GROUPS_MAX } from '../../src/telemetry/event-groups.ts'
import { formatActors } from '../../src/telemetry/event-text.ts'
import type { LogEvent, LogLine } from '../../src/telemetry/log-line.ts'
import { Logger, type LoggerOptions } from '../../src/telemetry/logger.ts'
import { createLogTapeSink } from '../../src/telemetry/logtape-sink.ts'
import { createRingSink } from '../../src/telemetry/ring-sink.ts'
import { createStage } from './flow-fixtures.ts'

function setUp(options: Partial<LoggerOptions> = {}) {
  const host = createStage()
  const lines: [number, string][] = []
  const events: (LogEvent | undefined)[] = []
  const sink = {
    write(line: LogLine) {
      lines.push([host.monotonicNow(), line.text])
      events.push(line.event)
    },
  }
  const logger = new Logger({ host, sinks: [sink], ...options })
  logger.setFormatter('social', 'tease', {
    emoji: '😈',
    format: (it) => `${formatActors(it.actors)} teased ${it.target}`,
  })
  return { host, logger, lines, events }
}

describe('gathering events', () => {
  test('three teases of one target in 2 s are one line, 3 s after the last', async () => {
    const { host, logger, lines } = setUp()
    const log = logger.log('social')
    for (const [ms, actor] of [
      [0, 'alice'],
      [1000, 'carol'],
      [2000, 'dave'],
    ] as const) {
      await host.at(ms)
      log.event('tease', actor, { target: 'bob' })
    }
    await host.at(4999)
    expect(lines).toEqual([])
    await host.at(60_000)
    expect(lines).toEqual([[5000, '😈 [social] alice, carol, and dave teased bob']])
    expect(host.timerCount).toBe(0)
  })

  test('another target in between is another line, in the order in which they began', async () => {
    const { host, logger, lines } = setUp()
    const log = logger.log('social')
    log.event('tease', 'alice', { target: 'zoe' })
    log.event('tease', 'alice', { target: 'bob' })
    await host.at(1000)
    log.event('tease', 'carol', { target: 'zoe' })
    logger.flush()
    expect(lines.map(([, text]) => text)).toEqual([
      '😈 [social] alice and carol teased zoe',
      '😈 [social] alice teased bob',
    ])
  })

  test('one actor twice is one name and a count of 2', async () => {
    const { host, logger, events } = setUp()
    logger.log('social').event('tease', 'alice', { target: 'bob' })
    logger.log('social').event('tease', 'alice', { target: 'bob', message: 'again' })
    await host.at(3000)
    expect(events).toEqual([
      { type: 'tease', actors: ['alice'], target: 'bob', message: 'again', count: 2 },
    ])
  })

  test('an event every second prints at 12 s all the same', async () => {
    const { host, logger, lines, events } = setUp()
    for (let second = 0; second < 60; second++) {
      await host.at(second * 1000)
      logger.log('social').event('poke', 'alice')
    }
    await host.at(120_000)
    expect(lines.map(([ms]) => ms)).toEqual([12_000, 24_000, 36_000, 48_000, 60_000])
    expect(events.reduce((sum, it) => sum + (it?.count ?? 0), 0)).toBe(60)
  })

  test('a request by two, and a line of seven, read as they should', async () => {
    const { host, logger, lines } = setUp()
    logger.setFormatter('stash', 'request', {
      emoji: '📦',
      format: (it) => `${formatActors(it.actors)} requested stash`,
    })
    for (const actor of ['alice', 'bob']) logger.log('stash').event('request', actor)
    for (const actor of 'abcdefg') logger.log('net').event('join', actor, { target: 'room' })
    await host.at(3000)
    expect(lines.map(([, text]) => text)).toEqual([
      '📦 [stash] alice and bob requested stash',
      '• [net] a, b, c, and 4 others did join to room',
    ])
  })

  test.each([
    [['a'], 'a'],
    [['a', 'b'], 'a and b'],
    [['a', 'b', 'c'], 'a, b, and c'],
    [['a', 'b', 'c', 'd'], 'a, b, c, and d'],
    [['a', 'b', 'c', 'd', 'e'], 'a, b, c, and 2 others'],
  ])('%j reads %s', (actors, expected) => {
    expect(formatActors(actors)).toBe(expected)
  })

  test('an instant event, and one without actor, come at once, before what is gathered', () => {
    const { logger, lines } = setUp()
    const log = logger.log('social')
    log.event('tease', 'alice', { target: 'bob' })
    log.event('tease', 'carol', { target: 'bob', instant: true })
    log.event('full', '', { message: 'the room is full' })
    expect(lines).toEqual([
      [0, '😈 [social] carol teased bob'],
      [0, '• [social] the room is full'],
    ])
  })

  test('on any timeline no event is lost, and each line is the one that its rule makes', async () => {
    const step = fc.tuple(fc.constantFrom('x', 'y', 'z'), fc.nat(3), fc.nat(5000))
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { host, logger, lines, events } = setUp()
        const times = new Map<string, number[]>()
        for (const [type, actor, waitMs] of steps) {
          logger.log('a').event(type, `${actor}`)
          times.set(type, [...(times.get(type) ?? []), host.monotonicNow()])
          // Not a whole second, so that no event comes just when a line is due.
          await host.advance(waitMs + 0.5)
        }
        await host.advance(20_000)
        const expected = [...times.values()].flatMap(lineTimes)
        expect(lines.map(([ms]) => ms).sort(ascending)).toEqual(expected.sort(ascending))
        expect(events.reduce((sum, it) => sum + (it?.count ?? 0), 0)).toBe(steps.length)
      }),
      { numRuns: 40 },
    )
  })

  test('more groups or actors than the limit end early, and none is lost', () => {
    const { logger, events } = setUp()
    for (let at = 0; at < EVENT_GROUPS_MAX + 5; at++) logger.log('a').event(`type ${at}`, 'x')
    expect(events.map((it) => it?.type)).toEqual([0, 1, 2, 3, 4].map((at) => `type ${at}`))
    for (let at = 0; at < EVENT_ACTORS_MAX; at++) logger.log('b').event('join', `actor ${at}`)
    expect(events.at(-1)?.actors.length).toBe(EVENT_ACTORS_MAX)
    logger.flush()
    const total = events.reduce((sum, it) => sum + (it?.count ?? 0), 0)
    expect(total).toBe(EVENT_GROUPS_MAX + 5 + EVENT_ACTORS_MAX)
  })
})

describe('closing', () => {
  test('close at 1000 writes what is gathered at 1000, and waits for the sinks', async () => {
    let flushed = false
    const { host, logger, lines } = setUp()
    const slow = {
      write() {},
      async flush() {
        await host.settle()
        flushed = true
      },
    }
    const both = new Logger({ host, sinks: [slow] })
    logger.log('social').event('tease', 'alice', { target: 'bob' })
    await host.at(1000)
    await Promise.all([logger.close(), both.close()])
    expect(lines).toEqual([[1000, '😈 [social] alice teased bob']])
    expect([flushed, host.timerCount]).toEqual([true, 0])
    logger.log('social').event('tease', 'late', { target: 'bob' })
    expect(lines.length).toBe(2)
    await logger.close()
    expect(lines.length).toBe(2)
  })
})

describe('levels and services', () => {
  test('debug shows only where verbose, which can change at run time', () => {
    const { logger, lines } = setUp({ verboseLoggers: ['stash'] })
    for (const service of ['stash', 'presence']) logger.log(service).debug('hello')
    expect(lines.map(([, text]) => text)).toEqual(['[stash] hello'])
    logger.setServiceVerbose('stash', false)
    logger.log('stash').debug('silent')
    logger.setVerbose(true)
    logger.log('presence').debug('now')
    expect(lines.map(([, text]) => text)).toEqual(['[stash] hello', '[presence] now'])
  })

  test('a service that is off is silent but for errors, and those too where asked', () => {
    for (const [alwaysErrors, expected] of [
      [true, ['[a] e']],
      [false, []],
    ] as const) {
      const { logger, lines } = setUp({ disabledLoggers: ['a'], alwaysErrors })
      const log = logger.log('a')
      for (const level of ['debug', 'info', 'warn'] as const) log[level](level)
      log.event('join', 'alice', { instant: true })
      log.error('e')
      expect(lines.map(([, text]) => text)).toEqual(expected)
      logger.setServiceEnabled('a', true)
      log.info('back')
      expect(lines.at(-1)?.[1]).toBe('[a] back')
    }
  })

  test('a service has one log, and there are not ever more of them', () => {
    const { logger } = setUp()
    expect(logger.log('a')).toBe(logger.log('a'))
    expect(() => {
      for (let at = 0; ; at++) logger.log(`${at}`)
    }).toThrow(/services have logs/)
  })
})

describe('what fails', () => {
  test('a formatter that throws falls back to the default line; a sink that throws stops nobody', () => {
    const lines: string[] = []
    const host = createStage()
    const broken = {
      write() {
        throw new Error('full')
      },
    }
    const sinks = [broken, { write: (line: LogLine) => void lines.push(line.text) }]
    const logger = new Logger({ host, sinks })
    logger.setFormatter('a', 'join', {
      format() {
        throw new Error('oops')
      },
    })
    logger.log('a').event('join', 'bob', { target: 'room', instant: true })
    logger.log('a').info('on')
    expect(lines).toEqual(['• [a] bob did join to room', '[a] on'])
    expect(logger.failures).toBe(3)
  })
})

describe('sinks', () => {
  afterEach(() => vi.restoreAllMocks())

  test('the ring keeps the newest lines, oldest first', () => {
    const ring = createRingSink(3)
    const { logger } = setUp({ sinks: [ring] })
    for (let at = 0; at < 5; at++) logger.log('a').info(`${at}`)
    expect(ring.lines().map((it) => it.text)).toEqual(['[a] 2', '[a] 3', '[a] 4'])
    expect(ring.dropped).toBe(2)
    expect(ring.lines()[0]).toMatchObject({ service: 'a', level: 'info' })
  })

  test('the console gets each line by its level', () => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const { logger } = setUp({ sinks: [createConsoleSink()] })
    logger.log('a').warn('careful')
    expect(warned).toHaveBeenCalledWith('[a] careful')
  })

  test('LogTape gets the text as it is, the level, the category and the event', async () => {
    const records: LogRecord[] = []
    await configure({
      sinks: { keep: (record) => void records.push(record) },
      loggers: [
        { category: 'app', sinks: ['keep'], lowestLevel: 'debug' },
        { category: ['logtape', 'meta'], sinks: [] },
      ],
    })
    const { logger } = setUp({ sinks: [createLogTapeSink((it) => getLogger(['app', it]))] })
    logger.log('a').error('{not} a {placeholder}')
    logger.log('a').event('join', 'bob', { instant: true })
    await reset()
    expect(records.map((it) => [it.category, it.level, it.message.join('')])).toEqual([
      [['app', 'a'], 'error', '[a] {not} a {placeholder}'],
      [['app', 'a'], 'info', '• [a] bob did join'],
    ])
    expect(records[1]?.properties).toMatchObject({ actors: ['bob'], count: 1, type: 'join' })
  })
})

function ascending(left: number, right: number): number {
  return left - right
}

/** When lines of one kind are due: 3 s after the last event, 12 s after the first. */
function lineTimes(times: readonly number[]): number[] {
  const due: number[] = []
  let first = Number.NaN
  let end = Number.NEGATIVE_INFINITY
  for (const ms of times) {
    if (ms > end) {
      due.push(end)
      first = ms
    }
    end = Math.min(ms + 3000, first + 12_000)
  }
  return [...due.slice(1), end]
}
