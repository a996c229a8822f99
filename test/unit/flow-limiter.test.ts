/** The rate limiter's window is half-open, its cache honest, its memory bounded.
 *  Timelines: U2 of the utilities' specification. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RateLimiter } from '../../src/flow/rate-limiter.ts'
import { createStage } from './flow-fixtures.ts'

function setUp(windowMs = 60_000, max = 3, keysMax?: number) {
  const host = createStage()
  const limiter = new RateLimiter<boolean | undefined>({
    host,
    windowMs,
    max,
    ...(keysMax === undefined ? {} : { keysMax }),
  })
  return { host, limiter }
}

describe('the window', () => {
  test('the timeline of 60 s and 3, to the millisecond', async () => {
    const { host, limiter } = setUp()
    const timeline: [number, boolean][] = [
      [0, true],
      [10_000, true],
      [20_000, true],
      [30_000, false],
      [59_999, false],
      [60_000, true],
      [60_000, false],
      [60_001, false],
      [70_000, true],
      [79_999, false],
      [80_000, true],
      [80_001, false],
    ]
    for (const [ms, expected] of timeline) {
      await host.at(ms)
      expect([ms, limiter.check('k'), limiter.allow('k')]).toEqual([ms, expected, expected])
    }
  })

  test('300 ms and 10: what came at 1000 blocks at 1299 and frees at 1300', async () => {
    const { host, limiter } = setUp(300, 10)
    await host.at(1000)
    for (let at = 0; at < 10; at++) expect(limiter.allow('k')).toBe(true)
    await host.at(1299)
    expect(limiter.allow('k')).toBe(false)
    await host.at(1300)
    expect(limiter.allow('k')).toBe(true)
  })

  test('a burst of 50 passes 10 times', () => {
    const { limiter } = setUp(300_000, 10)
    const passed = Array.from({ length: 50 }, () => limiter.allow('k')).filter(Boolean)
    expect(passed.length).toBe(10)
  })

  test('asking is pure, denied attempts do not extend the wait, keys are independent', async () => {
    const { host, limiter } = setUp(1000, 3)
    for (let at = 0; at < 100; at++) expect(limiter.check('k')).toBe(true)
    for (let at = 0; at < 3; at++) expect(limiter.allow('k')).toBe(true)
    await host.at(999)
    expect(limiter.allow('k')).toBe(false)
    expect(limiter.allow('other')).toBe(true)
    await host.at(1000)
    expect(limiter.allow('k')).toBe(true)
  })

  test('it equals a naive model on random timelines, whatever is swept or asked in between', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(7), fc.nat(60), fc.nat(9)), { maxLength: 200 }),
        (steps) => {
          const { host, limiter } = setUp(100, 3)
          const times = new Map<number, number[]>()
          for (const [key, waitMs, action] of steps) {
            host.advanceNow(waitMs)
            const nowMs = host.monotonicNow()
            const live = (times.get(key) ?? []).filter((it) => nowMs - it < 100)
            if (action === 0) limiter.cleanup()
            expect(limiter.check(`${key}`)).toBe(live.length < 3)
            expect(limiter.stats().get(`${key}`) ?? 0).toBe(live.length)
            if (action < 4) continue
            expect(limiter.allow(`${key}`)).toBe(live.length < 3)
            times.set(key, live.length < 3 ? [...live, nowMs] : live)
          }
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('the cached result', () => {
  test('the timeline of one a minute: stale results are served, false is a result', async () => {
    const { host, limiter } = setUp(60_000, 1)
    const denied = { allowed: false, hasCached: false }
    const cached = (value: boolean) => ({ allowed: false, hasCached: true, cached: value })
    expect(limiter.allowOrCached('k')).toEqual({ allowed: true })
    await host.at(1)
    expect(limiter.allowOrCached('k')).toEqual(denied)
    await host.at(2)
    limiter.setCachedResult('k', true)
    await host.at(30)
    expect(limiter.allowOrCached('k')).toEqual(cached(true))
    await host.at(59)
    expect(limiter.allowOrCached('k')).toEqual(cached(true))
    await host.at(60_000)
    expect(limiter.allowOrCached('k')).toEqual({ allowed: true })
    await host.at(60_001)
    expect(limiter.allowOrCached('k')).toEqual(cached(true))
    await host.at(60_002)
    limiter.setCachedResult('k', false)
    await host.at(60_003)
    expect(limiter.allowOrCached('k')).toEqual(cached(false))
    limiter.setCachedResult('k', undefined)
    expect(limiter.allowOrCached('k')).toEqual({ allowed: false, hasCached: true })
  })

  test('it goes when no event is in the window and it is a window old, not before', async () => {
    const { host, limiter } = setUp(1000, 1)
    limiter.allow('k')
    await host.at(900)
    limiter.setCachedResult('k', true)
    await host.at(1899)
    limiter.cleanup()
    expect(limiter.keyCount).toBe(1)
    await host.at(1900)
    limiter.cleanup()
    expect(limiter.keyCount).toBe(0)
  })

  test('setting it uses up nothing', () => {
    const { limiter } = setUp(1000, 1)
    limiter.setCachedResult('k', true)
    expect(limiter.allow('k')).toBe(true)
  })

  test('a probe is shared by those who come while it runs; later ones get its result', async () => {
    const { host, limiter } = setUp(1000, 1)
    let runs = 0
    let answer: (value: boolean) => void = () => {}
    const run = (): Promise<boolean> => {
      runs += 1
      return new Promise((resolve) => {
        answer = resolve
      })
    }
    const both = Promise.all([limiter.probe('k', run), limiter.probe('k', run)])
    await host.settle()
    answer(true)
    expect(await both).toEqual([{ value: true }, { value: true }])
    expect(await limiter.probe('k', run)).toEqual({ value: true })
    expect(runs).toBe(1)
  })

  test('a probe that fails keeps nothing, and the next caller is denied', async () => {
    const { limiter } = setUp(1000, 1)
    await expect(limiter.probe('k', () => Promise.reject(new Error('down')))).rejects.toThrow(
      'down',
    )
    expect(await limiter.probe('k', () => Promise.resolve(true))).toBeUndefined()
  })
})

describe('memory', () => {
  test('keys are bounded: the one allowed longest ago leaves, and is counted', () => {
    const { limiter } = setUp(1000, 1, 2)
    limiter.allow('a')
    limiter.allow('b')
    limiter.allow('c')
    expect([limiter.keyCount, limiter.evicted]).toEqual([2, 1])
    expect([limiter.check('a'), limiter.check('b')]).toEqual([true, false])
  })

  test('a key that had expired leaves without being counted', async () => {
    const { host, limiter } = setUp(1000, 1, 1)
    limiter.allow('a')
    await host.at(1000)
    limiter.allow('b')
    expect(limiter.evicted).toBe(0)
  })

  test('expired keys go by themselves while others are allowed', async () => {
    const { host, limiter } = setUp(1000, 1)
    for (let at = 0; at < 3000; at++) limiter.allow(`old ${at}`)
    await host.at(1000)
    for (let at = 0; at < 3000; at++) limiter.allow(`new ${at}`)
    expect(limiter.keyCount).toBe(3000)
    expect(limiter.stats().size).toBe(3000)
    expect(host.timerCount).toBe(0)
  })

  test.each([0, 1.5, Number.NaN, -1])('a limit of %s is refused', (max) => {
    expect(() => setUp(1000, max)).toThrow(/max must be/)
  })
})
