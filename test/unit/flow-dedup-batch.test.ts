/** The dedup cache tells the first from its repetitions for exactly its lifetime; the batch collector hands
 *  every item on once, in order, on time.  Timelines: U8 and U9 of the utilities' specification. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isFailure } from '../../src/base/failure.ts'
import { BatchCollector, type BatchCollectorOptions } from '../../src/flow/batch-collector.ts'
import { DedupCache } from '../../src/flow/dedup-cache.ts'
import { createStage, watch } from './flow-fixtures.ts'

describe('DedupCache', () => {
  test('the timeline of 1000 ms: a repetition does not extend, a mark does', async () => {
    const host = createStage()
    const cache = new DedupCache({ host, ttlMs: 1000 })
    expect(cache.check('a')).toBe(true)
    await host.at(999)
    expect(cache.check('a')).toBe(false)
    expect(cache.seen('a')).toBe(true)
    await host.at(1000)
    expect(cache.seen('a')).toBe(false)
    expect(cache.check('a')).toBe(true)
    await host.at(1500)
    cache.mark('a')
    await host.at(2499)
    expect(cache.seen('a')).toBe(true)
    await host.at(2500)
    expect(cache.seen('a')).toBe(false)
    expect(cache.size).toBe(1)
    cache.cleanup()
    expect(cache.size).toBe(0)
    expect(host.timerCount).toBe(0)
  })

  test('entries are bounded: the one that expires first leaves, is counted and is new again', async () => {
    const host = createStage()
    const cache = new DedupCache({ host, ttlMs: 1000, entriesMax: 2 })
    cache.mark('a')
    cache.mark('b')
    cache.mark('a')
    cache.mark('c')
    expect([cache.size, cache.evicted]).toEqual([2, 1])
    expect([cache.seen('a'), cache.seen('b')]).toEqual([true, false])
    expect(cache.check('b')).toBe(true)
  })

  test('expired keys make room without being counted as evicted', async () => {
    const host = createStage()
    const cache = new DedupCache<number>({ host, ttlMs: 1000, entriesMax: 1000 })
    for (let key = 0; key < 1000; key++) cache.mark(key)
    await host.at(1000)
    for (let key = 1000; key < 2000; key++) cache.check(key)
    expect([cache.size, cache.evicted]).toEqual([1000, 0])
  })
})

describe('BatchCollector', () => {
  function setUp(more: Partial<BatchCollectorOptions<number>> = {}) {
    const host = createStage()
    const flushed: [number, readonly number[]][] = []
    const failed: [readonly number[], unknown][] = []
    const batches = new BatchCollector<number>({
      host,
      size: 3,
      waitMs: 100,
      onFlush: (batch) => void flushed.push([host.monotonicNow(), batch]),
      onError: (batch, error) => void failed.push([batch, error]),
      ...more,
    })
    return { host, batches, flushed, failed }
  }

  test('the timeline of 3 and 100 ms, to the millisecond', async () => {
    const { host, batches, flushed } = setUp()
    expect(host.timerCount).toBe(0)
    for (const [ms, item] of [
      [0, 1],
      [50, 2],
      [110, 3],
      [120, 4],
      [130, 5],
    ] as const) {
      await host.at(ms)
      batches.add(item)
    }
    expect(flushed).toEqual([
      [100, [1, 2]],
      [130, [3, 4, 5]],
    ])
    expect(host.timerCount).toBe(0)
    await host.at(140)
    batches.add(6)
    await host.at(150)
    const stopped = watch(host, batches.stop())
    expect(flushed[2]).toEqual([150, [6]])
    await host.at(1000)
    expect(stopped.atMs).toBe(150)
    await batches.stop()
    await batches.flush()
    expect(flushed.length).toBe(3)
    expect(() => batches.add(7)).toThrow(/stopped/)
  })

  test('an add inside the callback begins the next batch, which follows in order', () => {
    const seen: number[][] = []
    const { batches } = setUp({
      size: 2,
      onFlush(batch) {
        if (seen.length === 0) for (const item of [3, 4, 5]) batches.add(item)
        seen.push([...batch])
      },
    })
    batches.add(1)
    batches.add(2)
    expect(seen).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect(batches.pendingCount).toBe(1)
  })

  test('slow deliveries run one at a time, in order, and flush waits for them', async () => {
    let running = 0
    const order: number[] = []
    const { host, batches } = setUp({
      size: 1,
      async onFlush(batch) {
        expect(running).toBe(0)
        running += 1
        await new Promise<void>((resolve) => {
          host.setTimer(100 / (batch[0] as number), resolve)
        })
        running -= 1
        order.push(...batch)
      },
    })
    for (const item of [1, 2, 4]) batches.add(item)
    const ended = watch(host, batches.flush())
    await host.at(174)
    expect(ended).toEqual({})
    await host.at(175)
    expect(ended.atMs).toBe(175)
    expect(order).toEqual([1, 2, 4])
  })

  test('a batch that is not taken goes to onError, thrown or rejected, and the next is delivered', async () => {
    for (const isAsync of [false, true]) {
      const error = new Error('refused')
      const taken: number[] = []
      const { host, batches, failed } = setUp({
        size: 1,
        onFlush(batch) {
          if (batch[0] !== 1) return void taken.push(...batch)
          if (isAsync) return Promise.reject(error)
          throw error
        },
      })
      batches.add(1)
      batches.add(2)
      await host.settle()
      expect(failed).toEqual([[[1], error]])
      expect([taken, batches.pendingCount]).toEqual([[2], 0])
    }
  })

  test('a full collector refuses, and room() tells when there is some', async () => {
    const { host, batches } = setUp({
      size: 1,
      pendingMax: 2,
      onFlush: () => new Promise<void>((resolve) => void host.setTimer(100, resolve)),
    })
    batches.add(1)
    batches.add(2)
    expect(() => batches.add(3)).toThrow(/wait for delivery/)
    const abort = new AbortController()
    const room = watch(host, batches.room())
    const gone = watch(host, batches.room({ signal: abort.signal }))
    await host.at(50)
    abort.abort('bored')
    await host.at(100)
    expect(gone).toEqual({ atMs: 50, error: 'bored' })
    expect(room.atMs).toBe(100)
    batches.add(3)
    const closed = watch(host, batches.close())
    await host.at(1000)
    expect([closed.atMs, batches.pendingCount]).toEqual([300, 0])
  })

  test('on any timeline every item is handed on once and in order, and nothing waits at the end', async () => {
    const step = fc.record({ addCount: fc.nat(4), waitMs: fc.nat(150), deliverMs: fc.nat(200) })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const seen: number[] = []
        let deliverMs = 0
        const { host, batches } = setUp({
          onFlush(batch) {
            expect(batch.length).toBeGreaterThan(0)
            expect(batch.length).toBeLessThanOrEqual(3)
            seen.push(...batch)
            if (deliverMs % 2 === 0) return
            return new Promise<void>((resolve) => void host.setTimer(deliverMs, resolve))
          },
        })
        let count = 0
        for (const each of steps) {
          deliverMs = each.deliverMs
          for (let at = 0; at < each.addCount; at++) batches.add(count++)
          host.advanceNow(each.waitMs)
          await Promise.resolve()
        }
        const stopped = watch(host, batches.stop())
        await host.advance(100_000)
        expect(seen).toEqual(Array.from({ length: count }, (_, at) => at))
        expect([stopped.error, batches.pendingCount, host.timerCount]).toEqual([undefined, 0, 0])
      }),
      { numRuns: 40 },
    )
  })

  test('what is thrown for a full or stopped collector has a code', () => {
    const { batches } = setUp({
      size: 1,
      pendingMax: 1,
      onFlush: () => new Promise<void>(() => {}),
    })
    batches.add(1)
    expect(codeOf(() => batches.add(2))).toBe('ErrBackpressure')
    void batches.stop()
    expect(codeOf(() => batches.add(2))).toBe('ErrClosed')
  })
})

function codeOf(task: () => void): string | undefined {
  try {
    task()
  } catch (error) {
    return isFailure(error) ? error.code : undefined
  }
  return undefined
}
