/** The retrier waits what it should and no longer, and the breaker opens, probes and closes on time.
 *  Timelines: U5 and U6 of the utilities' specification. */

import { describe, expect, test } from 'vitest'
import { isFailure } from '../../src/base/failure.ts'
import type { Host } from '../../src/base/host.ts'
import { backoffMs } from '../../src/flow/backoff.ts'
import { CircuitBreaker } from '../../src/flow/circuit-breaker.ts'
import { Retrier } from '../../src/flow/retrier.ts'
import { createStage, watch } from './flow-fixtures.ts'

const TIMES = { baseDelayMs: 1000, maxDelayMs: 30_000, jitter: 'none' } as const

describe('Retrier', () => {
  test('delays double up to the bound and never overflow', () => {
    const retrier = new Retrier({ host: createStage(), maxRetries: 3, ...TIMES })
    const delays = [1, 2, 3, 4, 5, 6, 7].map((retry) => retrier.delayFor(retry))
    expect(delays).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
    expect([retrier.delayFor(2000), retrier.delayFor(0), retrier.delayFor(-1)]).toEqual([
      30_000, 0, 0,
    ])
    const never = new Retrier({ host: createStage(), maxRetries: 3, ...TIMES, baseDelayMs: 0 })
    expect(never.delayFor(5000)).toBe(0)
  })

  test('equal jitter keeps half; full jitter keeps nothing', () => {
    const half: Host = { ...createStage(), random: () => new Uint8Array([128, 0, 0, 0]) }
    const none: Host = { ...createStage(), random: () => new Uint8Array(4) }
    const equal = { ...TIMES, jitter: 'equal' } as const
    const full = { ...TIMES, jitter: 'full' } as const
    expect([backoffMs(1, equal, none), backoffMs(1, equal, half)]).toEqual([500, 750])
    expect([backoffMs(1, full, none), backoffMs(1, full, half)]).toEqual([0, 500])
    expect(new Retrier({ host: none, maxRetries: 1 }).delayFor(1)).toBe(500)
  })

  function failing(maxRetries: number, more: object = {}) {
    const host = createStage()
    const calls: number[] = []
    const error = new Error('down')
    const retrier = new Retrier({ host, maxRetries, ...TIMES, ...more })
    const task = (): never => {
      calls.push(host.monotonicNow())
      throw error
    }
    return { host, calls, error, retrier, task }
  }

  test('always failing with 3 retries: calls at 0, 1000, 3000, 7000; rejects at 7000', async () => {
    const { host, calls, error, retrier, task } = failing(3)
    const ended = watch(host, retrier.run(task))
    await host.at(60_000)
    expect(calls).toEqual([0, 1000, 3000, 7000])
    expect(ended).toEqual({ atMs: 7000, error })
    expect(ended.error).toBe(error)
  })

  test('an abort at 3500 ends the wait there, after 3 calls, and leaves no timer', async () => {
    const { host, calls, retrier, task } = failing(3)
    const abort = new AbortController()
    const ended = watch(host, retrier.run(task, { signal: abort.signal }))
    await host.at(3500)
    abort.abort('enough')
    await host.settle()
    expect(ended).toEqual({ atMs: 3500, error: 'enough' })
    expect(calls).toEqual([0, 1000, 3000])
    expect(host.timerCount).toBe(0)
    const late = watch(host, retrier.run(task, { signal: abort.signal }))
    await host.settle()
    expect([late.error, calls.length]).toEqual(['enough', 3])
  })

  test('success on the second call resolves at 1000', async () => {
    const host = createStage()
    const retrier = new Retrier({ host, maxRetries: 5, ...TIMES })
    const task = (call: number): string => {
      if (call < 2) throw new Error('not yet')
      return 'done'
    }
    const ended = watch(host, retrier.run(task))
    await host.at(5000)
    expect(ended).toEqual({ atMs: 1000, value: 'done' })
  })

  test('no retries means one call; what is hopeless is not retried', async () => {
    const once = failing(0)
    watch(once.host, once.retrier.run(once.task))
    await once.host.at(10_000)
    expect(once.calls).toEqual([0])
    const hopeless = failing(9, { isRetryable: () => false })
    watch(hopeless.host, hopeless.retrier.run(hopeless.task))
    await hopeless.host.at(10_000)
    expect(hopeless.calls).toEqual([0])
  })
})

describe('CircuitBreaker', () => {
  function setUp() {
    const host = createStage()
    return { host, breaker: new CircuitBreaker({ host, threshold: 3, resetMs: 30_000 }) }
  }
  const fail = (): never => {
    throw new Error('down')
  }

  test('the timeline of 3 failures and 30 s, to the millisecond', async () => {
    const { host, breaker } = setUp()
    const call = async (ms: number, task: () => string): Promise<string> => {
      await host.at(ms)
      return breaker.call(task).catch((error) => (isFailure(error) ? error.code : error.message))
    }
    expect(await call(0, fail)).toBe('down')
    expect(await call(1000, fail)).toBe('down')
    expect(breaker.failures).toBe(2)
    expect(await call(2000, () => 'ok')).toBe('ok')
    expect(breaker.failures).toBe(0)
    for (const ms of [3000, 4000, 5000]) expect(await call(ms, fail)).toBe('down')
    expect(breaker.state).toBe('open')
    expect(await call(5001, () => 'ok')).toBe('ErrCircuitOpen')
    expect(await call(34_999, () => 'ok')).toBe('ErrCircuitOpen')
    await host.at(35_000)
    expect(breaker.state).toBe('open')
    let failProbe: (error: Error) => void = () => {}
    const probe = breaker.call(
      () =>
        new Promise<string>((_, reject) => {
          failProbe = reject
        }),
    )
    expect(breaker.state).toBe('half-open')
    expect(await call(35_010, () => 'ok')).toBe('ErrCircuitOpen')
    await host.at(35_500)
    failProbe(new Error('still down'))
    await expect(probe).rejects.toThrow('still down')
    expect(breaker.state).toBe('open')
    expect(await call(65_499, () => 'ok')).toBe('ErrCircuitOpen')
    expect(await call(65_500, () => 'ok')).toBe('ok')
    expect([breaker.state, breaker.failures]).toEqual(['closed', 0])
  })

  test('a rejected call neither runs nor counts, and says how long to wait', async () => {
    const { host, breaker } = setUp()
    for (let at = 0; at < 3; at++) breaker.recordFailure()
    await host.at(10_000)
    let ran = false
    const error = await breaker.call(() => (ran = true)).catch((it) => it)
    expect(ran).toBe(false)
    expect(error).toMatchObject({ code: 'ErrCircuitOpen', retry: 'later' })
    expect(error.facts.waitMs).toBe(20_000)
  })

  test('results that arrive late are ignored, while open and in half-open', async () => {
    const { host, breaker } = setUp()
    let succeed: (value: string) => void = () => {}
    const slow = breaker.call(
      () =>
        new Promise<string>((resolve) => {
          succeed = resolve
        }),
    )
    for (let at = 0; at < 3; at++) breaker.recordFailure()
    breaker.recordSuccess()
    breaker.recordFailure()
    expect(breaker.state).toBe('open')
    await host.at(30_000)
    expect(breaker.allowRequest()).toBe(true)
    succeed('late')
    await slow
    expect(breaker.state).toBe('half-open')
  })

  test('an abort is neither, and gives the place of the probe back', async () => {
    const { host, breaker } = setUp()
    for (let at = 0; at < 3; at++) breaker.recordFailure()
    await host.at(30_000)
    const abort = new AbortController()
    const probe = breaker.call(
      () => {
        abort.abort('stop')
        return Promise.reject(abort.signal.reason)
      },
      { signal: abort.signal },
    )
    await expect(probe).rejects.toBe('stop')
    expect(breaker.state).toBe('half-open')
    expect(breaker.allowRequest()).toBe(true)
    expect(breaker.allowRequest()).toBe(false)
    breaker.recordSuccess()
    expect(breaker.state).toBe('closed')
  })

  test('an operator isolates and restores it, whatever the results say', async () => {
    const { breaker } = setUp()
    breaker.isolate('maintenance')
    expect([breaker.state, breaker.isolation]).toEqual(['open', 'maintenance'])
    await expect(breaker.call(() => 'ok')).rejects.toThrow(/maintenance/)
    breaker.restore()
    expect(await breaker.call(() => 'ok')).toBe('ok')
  })
})
