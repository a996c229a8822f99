/** The service utilities with 100 000 live keys: nanoseconds an operation, and bytes of heap a key, beside a
 *  widely used package of the same job where there is one.  Keys are made before, so they do not count. */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { LRUCache } from 'lru-cache'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { type Line, measurePair, type Pair } from './pairs.ts'

const KEYS = 100_000
const REPETITIONS = 5
/** How often each key is used after it was filled in; fewer than the limiter allows. */
const ROUNDS = 5
const WINDOW_MS = 3_600_000

type Utilities = typeof import('../../src/entry/utilities.ts')

/** A store filled with every key, and the operation to repeat on it. */
type Subject = { readonly held: unknown; operate(key: string): unknown }

type Fill = (keys: readonly string[]) => Promise<Subject>

type Contest = {
  readonly name: string
  readonly note: string
  readonly ours: Fill
  readonly peer: Fill | undefined
}

export async function measureUtilities(say: (line: Line) => void): Promise<void> {
  const built = new URL('../../dist/entry/utilities.js', import.meta.url).href
  const utilities: Utilities = await import(built)
  const keys = Array.from({ length: KEYS }, (_, at) => `peer-${at.toString(36)}-${at % 97}`)
  for (const contest of contests(utilities)) {
    say(await timeLine(contest, keys))
    say(await bytesLine(contest, keys))
  }
}

function contests({ CallRegistry, createHost, DedupCache, RateLimiter }: Utilities): Contest[] {
  const host = createHost()
  return [
    {
      name: 'limiter: allow, 10 an hour',
      note: 'RateLimiter, sliding log; rate-limiter-flexible in memory, fixed window, a promise a call',
      async ours(keys) {
        const limiter = new RateLimiter({ host, windowMs: WINDOW_MS, max: 10, keysMax: KEYS })
        for (const key of keys) limiter.allow(key)
        return { held: limiter, operate: (key) => limiter.allow(key) }
      },
      async peer(keys) {
        const limiter = new RateLimiterMemory({ points: 10, duration: WINDOW_MS / 1000 })
        for (const key of keys) await limiter.consume(key)
        return { held: limiter, operate: (key) => limiter.consume(key).catch(() => false) }
      },
    },
    {
      name: 'dedup: check, all known',
      note: 'DedupCache; lru-cache with ttl, has and set',
      async ours(keys) {
        const cache = new DedupCache({ host, ttlMs: WINDOW_MS, entriesMax: KEYS })
        for (const key of keys) cache.check(key)
        return { held: cache, operate: (key) => cache.check(key) }
      },
      async peer(keys) {
        const cache = new LRUCache<string, true>({ max: KEYS, ttl: WINDOW_MS, noUpdateTTL: true })
        for (const key of keys) cache.set(key, true)
        const check = (key: string): boolean => {
          if (cache.has(key)) return false
          cache.set(key, true)
          return true
        }
        return { held: cache, operate: check }
      },
    },
    {
      name: 'registry: resolve and register',
      note: 'CallRegistry; no package does the same without a transport',
      async ours(keys) {
        const sink = { reply() {}, failure() {} }
        const calls = new CallRegistry<string>({ host, timeoutMs: WINDOW_MS, pendingMax: KEYS })
        for (const key of keys) calls.register(key, sink)
        const operate = (key: string): void => {
          calls.resolve(key, 'reply')
          calls.register(key, sink)
        }
        // Its timer would keep the process alive; it goes with the registry.
        disposals.push(() => calls.dispose())
        return { held: calls, operate }
      },
      peer: undefined,
    },
  ]
}

const disposals: (() => void)[] = []

function disposeAll(): void {
  for (const dispose of disposals.splice(0)) dispose()
}

async function timeLine(contest: Contest, keys: readonly string[]): Promise<Line> {
  const nanoseconds = (fill: Fill) => async (): Promise<number> => {
    const { operate } = await fill(keys)
    const startedAt = process.hrtime.bigint()
    let last: unknown
    for (let round = 0; round < ROUNDS; round++) {
      for (const key of keys) {
        last = operate(key)
        if (last instanceof Promise) await last
      }
    }
    const elapsed = Number(process.hrtime.bigint() - startedAt)
    disposeAll()
    return elapsed / (keys.length * ROUNDS)
  }
  const pair: Pair = {
    case: contest.name,
    unit: 'ns/op',
    note: contest.note,
    repetitions: REPETITIONS,
    ours: nanoseconds(contest.ours),
    peer: contest.peer === undefined ? undefined : nanoseconds(contest.peer),
  }
  const line = await measurePair('utilities', pair)
  const rates = [line.ours, line.peer].map((ns) => (ns === null ? '–' : (1000 / ns).toFixed(2)))
  return {
    ...line,
    note: `${contest.note}; ${rates.join(' against ')} million operations a second`,
  }
}

function bytesLine(contest: Contest, keys: readonly string[]): Promise<Line> {
  const collect = garbageCollector()
  const bytes = (fill: Fill) => async (): Promise<number> => {
    collect()
    const before = process.memoryUsage().heapUsed
    const subject = await fill(keys)
    collect()
    const after = process.memoryUsage().heapUsed
    // Read after the second collection, so that it cannot be collected before.
    if (subject.held === undefined) throw new Error('bench: the filled store is gone')
    disposeAll()
    return (after - before) / keys.length
  }
  return measurePair('utilities', {
    case: `${contest.name}: memory`,
    unit: 'bytes/key',
    note: contest.note,
    repetitions: 3,
    ours: bytes(contest.ours),
    peer: contest.peer === undefined ? undefined : bytes(contest.peer),
  })
}

function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect !== 'function')
    throw new Error('bench: this Node has no garbage collector to call')
  return () => collect()
}
