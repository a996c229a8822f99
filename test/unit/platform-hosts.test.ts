/** Proves that each Host keeps the promises of base/host.ts. */

import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { delay } from '../../src/base/host.ts'
import { createBrowserHost } from '../../src/platform/host-browser.ts'
import { createNodeHost } from '../../src/platform/host-node.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { startChild } from '../support/child.ts'

afterEach(() => {
  vi.useRealTimers()
})

describe.each([
  ['node', createNodeHost],
  ['browser', createBrowserHost],
])('the %s host', (kind, createHost) => {
  test('answers secure random bytes of any size, never the same twice', () => {
    const host = createHost()
    for (const size of [0, 1, 32, 65_536, 65_537, 200_000]) {
      expect(host.random(size).length).toBe(size)
    }
    const large = host.random(200_000)
    expect(large.subarray(65_536, 65_600).some((byte) => byte !== 0)).toBe(true)
    expect(host.random(32)).not.toEqual(host.random(32))
  })

  test('defers callbacks in order, each after the promises of the one before', async () => {
    const host = createHost()
    const seen: string[] = []
    await new Promise<void>((resolve) => {
      host.defer(() => {
        seen.push('first')
        Promise.resolve().then(() => seen.push('promise of the first'))
      })
      host.defer(() => seen.push('second'))
      host.defer(resolve)
      seen.push('now')
    })
    expect(seen).toEqual(['now', 'first', 'promise of the first', 'second'])
  })

  test('fires a timer once after its delay, and never when cancelled', () => {
    vi.useFakeTimers()
    const host = createHost()
    const fired: string[] = []
    host.setTimer(50, () => fired.push('kept'))
    host.setTimer(50, () => fired.push('cancelled')).cancel()
    vi.advanceTimersByTime(49)
    expect(fired).toEqual([])
    vi.advanceTimersByTime(1000)
    expect(fired).toEqual(['kept'])
  })

  test('does not fire a delay beyond 2^31 ms early, as the platform would', () => {
    vi.useFakeTimers()
    const host = createHost()
    let fired = 0
    const delayMs = 2 ** 31 + 1000
    host.setTimer(delayMs, () => {
      fired += 1
    })
    const cancelled = host.setTimer(delayMs, () => {
      fired += 100
    })
    vi.advanceTimersByTime(delayMs - 1)
    expect(fired).toBe(0)
    cancelled.cancel()
    vi.advanceTimersByTime(1)
    expect(fired).toBe(1)
  })

  test('says who it is', () => {
    expect(createHost().who).toMatch(kind === 'node' ? /^node \d+$/ : /^tab [0-9a-f]{8}$/)
  })
})

test('a timer of the Node host does not keep the process alive', async () => {
  const entry = new URL('../support/children/idle-timer.ts', import.meta.url)
  const child = await startChild(fileURLToPath(entry))
  expect(await child.line()).toBe('deferred')
  expect(await child.ended).toBe(0)
})

describe('the manual host', () => {
  test('lets no time pass by itself and fires timers in order of due time, then of making', async () => {
    const host = createManualHost({ nowMs: 1000 })
    const fired: string[] = []
    host.setTimer(20, () => fired.push(`late at ${host.now()}`))
    host.setTimer(10, () => fired.push(`early at ${host.monotonicNow()}`))
    host.setTimer(10, () => fired.push('early, made second'))
    host.setTimer(10, () => fired.push('cancelled')).cancel()
    await host.settle()
    expect([host.now(), host.monotonicNow(), fired.length, host.timerCount]).toEqual([
      1000, 0, 0, 3,
    ])
    await host.advance(20)
    expect(fired).toEqual(['early at 10', 'early, made second', 'late at 1020'])
    expect([host.now(), host.monotonicNow(), host.timerCount]).toEqual([1020, 20, 0])
  })

  test('settles promises between timers, so a timer that they set fires in the same advance', async () => {
    const host = createManualHost()
    const seen: number[] = []
    const chain = (async () => {
      for (let turn = 0; turn < 5; turn++) {
        await delay(host, 10)
        seen.push(host.monotonicNow())
      }
    })()
    await host.advance(49)
    expect(seen).toEqual([10, 20, 30, 40])
    await host.advance(1)
    await chain
    expect(seen).toEqual([10, 20, 30, 40, 50])
  })

  test('advances at once for synchronous tests, deferred callbacks included', () => {
    const host = createManualHost()
    const seen: string[] = []
    host.setTimer(5, () => host.defer(() => seen.push(`deferred at ${host.monotonicNow()}`)))
    host.setTimer(6, () => seen.push('timer'))
    host.advanceNow(10)
    expect(seen).toEqual(['deferred at 5', 'timer'])
  })

  test('moves the wall clock backwards without touching timers or monotonic time', async () => {
    const host = createManualHost({ nowMs: 100_000 })
    let fired = false
    host.setTimer(10, () => {
      fired = true
    })
    host.jumpWallClock(-50_000)
    expect([host.now(), host.monotonicNow()]).toEqual([50_000, 0])
    await host.advance(10)
    expect([host.now(), host.monotonicNow(), fired]).toEqual([50_010, 10, true])
  })

  test('gives the same bytes for the same seed and others for another', () => {
    const bytesOf = (seed: number): Uint8Array => createManualHost({ seed }).random(64)
    expect(bytesOf(7)).toEqual(bytesOf(7))
    expect(bytesOf(7)).not.toEqual(bytesOf(8))
    expect(new Set(bytesOf(0)).size).toBeGreaterThan(40)
  })
})
