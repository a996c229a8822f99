/** The call registry and the correlator settle every call once, at the exact time, whatever happens.
 *  Timelines: U1 of the utilities' specification. */

import fc from 'fast-check'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { isFailure } from '../../src/base/failure.ts'
import { BatchCollector } from '../../src/flow/batch-collector.ts'
import { CallRegistry } from '../../src/flow/call-registry.ts'
import { Correlator } from '../../src/flow/correlator.ts'
import { type Deadline, Deadlines } from '../../src/flow/deadlines.ts'
import { createStage, type Ended, watch } from './flow-fixtures.ts'

function setUp(options: { pendingMax?: number } = {}) {
  const host = createStage()
  const calls = new CallRegistry<string>({ host, timeoutMs: 2500, ...options })
  const call = (id: string, more: object = {}) => calls.call({ id, emit() {}, ...more })
  return { host, calls, call }
}

describe('CallRegistry', () => {
  test('a reply at 1000 of 2500 gives its value, and the second one finds nobody', async () => {
    const { host, calls, call } = setUp()
    const ended = watch(host, call('a'))
    await host.at(1000)
    expect(calls.resolve('a', 'pong')).toBe(true)
    expect(calls.resolve('a', 'again')).toBe(false)
    await host.at(5000)
    expect(ended).toEqual({ atMs: 1000, value: 'pong' })
  })

  test('without a reply it rejects at its exact deadline, not at a tick after it', async () => {
    const { host, calls, call } = setUp()
    const ended = watch(host, call('a'))
    await host.at(100)
    const boundary = watch(host, call('b', { timeoutMs: 900 }))
    await host.at(999)
    expect(boundary).toEqual({})
    await host.at(1000)
    expect(boundary.atMs).toBe(1000)
    await host.at(2499)
    expect(ended).toEqual({})
    await host.at(2500)
    expect(ended.atMs).toBe(2500)
    expect(isFailure(ended.error, 'ErrTimeout')).toBe(true)
    expect(String(ended.error)).toContain('call timed out')
    expect(calls.pendingCount).toBe(0)
  })

  test('an emit that throws or rejects fails the call with that very error', async () => {
    const { host, calls } = setUp()
    const error = new Error('no route')
    const thrown = watch(host, calls.call({ id: 'a', emit: () => fail(error) }))
    const rejected = watch(host, calls.call({ id: 'b', emit: () => Promise.reject(error) }))
    await host.settle()
    expect(thrown.error).toBe(error)
    expect(rejected.error).toBe(error)
    expect(calls.pendingCount).toBe(0)
    expect(host.timerCount).toBe(0)
  })

  test('a reply inside emit is found, because the call is registered first', async () => {
    const { host, calls } = setUp()
    const emit = (): void => void calls.resolve('a', 'at once')
    const ended = watch(host, calls.call({ id: 'a', emit }))
    await host.settle()
    expect(ended.value).toBe('at once')
  })

  test('a cancelled or unknown id resolves nothing', () => {
    const { calls } = setUp()
    const got: unknown[] = []
    calls.register('a', { reply: (it) => got.push(it), failure: (it) => got.push(it) })
    expect(calls.cancel('a')).toBe(true)
    expect(calls.cancel('a')).toBe(false)
    expect(calls.resolve('a', 'late')).toBe(false)
    expect(calls.resolve('never', 'x')).toBe(false)
    expect(got).toEqual([])
  })

  test('a wrong responder resolves nothing and leaves the call waiting for the right one', async () => {
    const { host, calls, call } = setUp()
    const ended = watch(host, call('a', { addressee: 'bob' }))
    expect(calls.resolve('a', 'forged', 'mallory')).toBe(false)
    expect(calls.resolve('a', 'nameless')).toBe(false)
    expect(calls.pendingCount).toBe(1)
    expect(calls.resolve('a', 'real', 'bob')).toBe(true)
    await host.settle()
    expect(ended.value).toBe('real')
  })

  test('a reply that does not verify resolves nothing and leaves the call waiting', () => {
    const host = createStage()
    const verify = (reply: string): boolean => reply.startsWith('signed')
    const calls = new CallRegistry<string>({ host, verify })
    calls.register('a', { reply() {}, failure() {} })
    expect(calls.resolve('a', 'unsigned')).toBe(false)
    expect(calls.resolve('a', 'signed')).toBe(true)
  })

  test('an id that waits already is refused, and the first caller keeps its call', async () => {
    const { host, calls, call } = setUp()
    const first = watch(host, call('a'))
    const second = watch(host, call('a'))
    await host.settle()
    expect(isFailure(second.error, 'ErrOption')).toBe(true)
    calls.resolve('a', 'first')
    await host.settle()
    expect(first.value).toBe('first')
  })

  test('an abort rejects with its reason and takes the call out', async () => {
    const { host, calls, call } = setUp()
    const abort = new AbortController()
    const ended = watch(host, call('a', { signal: abort.signal }))
    await host.at(700)
    abort.abort('stop')
    await host.settle()
    expect(ended).toEqual({ atMs: 700, error: 'stop' })
    expect(calls.pendingCount).toBe(0)
    expect(host.timerCount).toBe(0)
    const late = watch(host, call('b', { signal: abort.signal }))
    await host.settle()
    expect(late.error).toBe('stop')
  })

  test('1000 timed-out calls leave nothing waiting and no timer', async () => {
    const { host, calls, call } = setUp()
    const ended = Array.from({ length: 1000 }, (_, at) =>
      watch(host, call(`${at}`, { timeoutMs: 1 + ((at * 37) % 2500) })),
    )
    expect(host.timerCount).toBe(1)
    await host.at(2500)
    expect(ended.every((it, at) => it.atMs === 1 + ((at * 37) % 2500))).toBe(true)
    expect(calls.pendingCount).toBe(0)
    expect(host.timerCount).toBe(0)
  })

  test('dispose fails what waits with ErrClosed, leaves no timer, and refuses later calls', async () => {
    const { host, calls, call } = setUp()
    const ended = watch(host, call('a'))
    calls.dispose()
    await host.settle()
    expect(isFailure(ended.error, 'ErrClosed')).toBe(true)
    expect(host.timerCount).toBe(0)
    const late = watch(host, call('b'))
    await host.settle()
    expect(isFailure(late.error, 'ErrClosed')).toBe(true)
  })

  test('more calls than pendingMax are refused', () => {
    const { calls } = setUp({ pendingMax: 1 })
    calls.register('a', { reply() {}, failure() {} })
    expect(() => calls.register('b', { reply() {}, failure() {} })).toThrow(/wait already/)
  })

  test('on any timeline each call ends once, at the first of reply, abort and deadline', async () => {
    // Never two at one time: which of them comes first then is nobody's promise.
    const third = (rest: number) => fc.nat(130).map((it) => it * 3 + rest)
    const never = Number.POSITIVE_INFINITY
    const plan = fc.record({
      startMs: third(0),
      timeoutMs: third(3),
      replyMs: fc.option(third(1), { nil: never }),
      abortMs: fc.option(third(2), { nil: never }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(plan, { maxLength: 30 }), async (plans) => {
        const { host, calls } = setUp()
        const ended = plans.map((it, at) => {
          const abort = new AbortController()
          const result: { ended: Ended } = { ended: {} }
          host.setTimer(it.startMs, () => {
            host.setTimer(it.replyMs, () => calls.resolve(`${at}`, 'reply'))
            host.setTimer(it.abortMs, () => abort.abort('abort'))
            const { timeoutMs } = it
            const call = calls.call({ id: `${at}`, emit() {}, timeoutMs, signal: abort.signal })
            result.ended = watch(host, call)
          })
          return result
        })
        await host.at(2000)
        for (const [at, { startMs, timeoutMs, replyMs, abortMs }] of plans.entries()) {
          const first = Math.min(timeoutMs, replyMs, abortMs)
          const outcome = ended[at]?.ended
          expect(outcome?.atMs).toBe(startMs + first)
          if (replyMs === first) expect(outcome?.value).toBe('reply')
          else if (abortMs === first) expect(outcome?.error).toBe('abort')
          else expect(isFailure(outcome?.error, 'ErrTimeout')).toBe(true)
        }
        expect([calls.pendingCount, host.timerCount - infinite(plans)]).toEqual([0, 0])
      }),
      { numRuns: 40 },
    )
  })

  test('no timer is armed by making one', () => {
    expect(setUp().host.timerCount).toBe(0)
  })
})

describe('Deadlines', () => {
  test('entries fire in the order of their time, dropped ones never, memory follows what waits', async () => {
    const host = createStage()
    const fired: number[] = []
    const deadlines = new Deadlines<Deadline>(host, (it) => fired.push(it.dueMs))
    const entries = Array.from({ length: 3000 }, (_, at) => ({
      dueMs: 1 + ((at * 7919) % 3001),
      isOver: false,
    }))
    for (const entry of entries) deadlines.add(entry)
    for (const entry of entries) if (entry.dueMs % 100 !== 0) deadlines.drop(entry)
    expect(deadlines.heldCount).toBeLessThan(3 * 30 + 64)
    expect(host.timerCount).toBe(1)
    await host.at(4000)
    const kept = entries.map((it) => it.dueMs).filter((it) => it % 100 === 0)
    expect(fired).toEqual(kept.sort((a, b) => a - b))
    expect([deadlines.heldCount, host.timerCount]).toEqual([0, 0])
  })

  test('a callback that throws does not strand the others', async () => {
    const host = createStage()
    const fired: number[] = []
    const deadlines = new Deadlines<Deadline>(host, (it) => {
      fired.push(it.dueMs)
      if (it.dueMs === 1) throw new Error('a bug')
    })
    for (const dueMs of [1, 2]) deadlines.add({ dueMs, isOver: false })
    await expect(host.at(1)).rejects.toThrow('a bug')
    await host.at(2)
    expect(fired).toEqual([1, 2])
  })
})

describe('what is held', () => {
  test('it can be let go by `using` where the runtime knows it, and its type says so', () => {
    const { host, calls, call } = setUp()
    expectTypeOf(calls[Symbol.dispose]).toEqualTypeOf<() => void>()
    call('a').catch(() => undefined)
    calls[Symbol.dispose]()
    expect([calls.pendingCount, host.timerCount]).toEqual([0, 0])
  })

  test('what ends by waiting can be let go by `await using`', async () => {
    const host = createStage()
    const flushed: number[] = []
    const onFlush = (batch: readonly number[]): void => void flushed.push(...batch)
    const batches = new BatchCollector({ host, size: 9, waitMs: 100, onFlush, onError() {} })
    batches.add(1)
    expectTypeOf(batches[Symbol.asyncDispose]).toEqualTypeOf<() => Promise<void>>()
    await batches[Symbol.asyncDispose]()
    expect([flushed, host.timerCount]).toEqual([[1], 0])
  })
})

describe('Correlator', () => {
  test('it sends under ids of its own and receives by them', async () => {
    const host = createStage()
    const sent: [string, number][] = []
    const emit = (id: string, request: number): void => void sent.push([id, request])
    const correlator = new Correlator<number, string>({ host, timeoutMs: 100, emit })
    const ended = watch(host, correlator.send(7, { addressee: 'bob' }))
    const lost = watch(host, correlator.send(8))
    const [id, request] = sent[0] as [string, number]
    expect(request).toBe(7)
    expect(id).toMatch(/^[0-9a-f]{32}$/)
    expect(sent[1]?.[0]).not.toBe(id)
    expect(correlator.receive(id, 'seven', 'eve')).toBe(false)
    expect(correlator.receive(id, 'seven', 'bob')).toBe(true)
    await host.at(100)
    expect(ended.value).toBe('seven')
    expect(lost.atMs).toBe(100)
    expect(String(lost.error)).toContain('request timed out')
    correlator.dispose()
    expect(correlator.pendingCount).toBe(0)
  })
})

/** Timers of the test itself that never fire. */
function infinite(
  plans: readonly { readonly replyMs: number; readonly abortMs: number }[],
): number {
  return plans.flatMap((it) => [it.replyMs, it.abortMs]).filter((it) => !Number.isFinite(it)).length
}

function fail(error: Error): never {
  throw error
}
