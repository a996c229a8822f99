/** Rate limiter: at most `max` events per key in any window, by a log of their times.
 *  Keeps: an event counts while it is younger than the window (`now − time < windowMs`), by the host's
 *  monotonic clock and never by a time that the event claims; a denied attempt is not recorded, so asking
 *  does not extend the wait; at most `keysMax` keys, the one allowed longest ago leaving first.
 *  An evicted key starts anew: `evicted` says how often that happened.
 *  Never: sets a timer; keys expire when the limiter is used. */

import type { Host } from '../base/host.ts'
import { wholeSetting } from './settings.ts'

export const LIMITER_KEYS_MAX = 100_000
/** Allows between two sweeps, or the number of keys where that is more. */
const SWEEP_EVERY = 1024

export type RateLimiterOptions = {
  readonly host: Host
  readonly windowMs: number
  readonly max: number
  /** Default 100 000. */
  readonly keysMax?: number
}

export type Allowance<Value> =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly hasCached: true; readonly cached: Value }
  | { readonly allowed: false; readonly hasCached: false }

/** What a shared probe gave, or nothing: denied, and no result is kept. */
export type Probed<Value> = { readonly value: Value } | undefined

type Kept<Value> = { readonly value: Value; readonly sinceMs: number }

type Log<Value> = {
  /** Times of the events, oldest first. */
  times: number[]
  result: Kept<Value> | undefined
  running: Promise<Value> | undefined
}

export class RateLimiter<Value = never> {
  readonly #host: Host
  readonly #windowMs: number
  readonly #max: number
  readonly #keysMax: number
  readonly #logs: Map<string, Log<Value>> = new Map()
  #untilSweep = SWEEP_EVERY
  #evicted = 0

  constructor(options: RateLimiterOptions) {
    this.#host = options.host
    this.#windowMs = wholeSetting({ name: 'windowMs', value: options.windowMs, min: 1 })
    this.#max = wholeSetting({ name: 'max', value: options.max, min: 1 })
    const value = options.keysMax ?? LIMITER_KEYS_MAX
    this.#keysMax = wholeSetting({ name: 'keysMax', value, min: 1 })
  }

  get keyCount(): number {
    return this.#logs.size
  }

  /** Keys that had to leave because there were too many. */
  get evicted(): number {
    return this.#evicted
  }

  /** True when `allow` would be; changes nothing. */
  check(key: string): boolean {
    return this.#countIn(this.#logs.get(key), this.#host.monotonicNow()) < this.#max
  }

  /** True, and one event recorded, when the key has fewer than `max` in the window. */
  allow(key: string): boolean {
    const nowMs = this.#host.monotonicNow()
    const log = this.#logs.get(key)
    if (log === undefined) {
      this.#insert(key, nowMs).times.push(nowMs)
      return true
    }
    this.#expire(log, nowMs)
    if (log.times.length >= this.#max) return false
    log.times.push(nowMs)
    // The order of the map is the order of the last allowed event.
    this.#logs.delete(key)
    this.#logs.set(key, log)
    this.#sweepSometimes(nowMs)
    return true
  }

  /** Like `allow`; a denied key gets the result that was set last, if there is one. */
  allowOrCached(key: string): Allowance<Value> {
    if (this.allow(key)) return { allowed: true }
    const result = this.#logs.get(key)?.result
    if (result === undefined) return { allowed: false, hasCached: false }
    return { allowed: false, hasCached: true, cached: result.value }
  }

  /** Keeps a result for denied callers, until no event is in the window and it is a window old.
   *  Uses up nothing. */
  setCachedResult(key: string, value: Value): void {
    const nowMs = this.#host.monotonicNow()
    const log = this.#logs.get(key) ?? this.#insert(key, nowMs)
    log.result = { value, sinceMs: nowMs }
  }

  /** Runs `run` when allowed and keeps its result; while it runs, callers share it; a denied caller gets
   *  the kept result, or undefined.  A run that fails keeps nothing. */
  async probe(key: string, run: () => Promise<Value>): Promise<Probed<Value>> {
    const running = this.#logs.get(key)?.running
    if (running !== undefined) return { value: await running }
    const allowance = this.allowOrCached(key)
    if (!allowance.allowed) return allowance.hasCached ? { value: allowance.cached } : undefined
    const log = this.#logs.get(key)
    const started = run()
    if (log !== undefined) log.running = started
    try {
      const value = await started
      this.setCachedResult(key, value)
      return { value }
    } finally {
      if (log?.running === started) log.running = undefined
    }
  }

  /** Drops events that left the window and keys with nothing left. */
  cleanup(): void {
    const nowMs = this.#host.monotonicNow()
    for (const [key, log] of this.#logs) this.#dropIfEmpty(key, log, nowMs)
  }

  /** Events in the window by key; keys without any are left out. */
  stats(): Map<string, number> {
    const nowMs = this.#host.monotonicNow()
    const counts = new Map<string, number>()
    for (const [key, log] of this.#logs) {
      const count = this.#countIn(log, nowMs)
      if (count > 0) counts.set(key, count)
    }
    return counts
  }

  #insert(key: string, nowMs: number): Log<Value> {
    this.#sweepSometimes(nowMs)
    if (this.#logs.size >= this.#keysMax) this.#makeRoom(nowMs)
    const log: Log<Value> = { times: [], result: undefined, running: undefined }
    this.#logs.set(key, log)
    return log
  }

  #makeRoom(nowMs: number): void {
    for (const [key, log] of this.#logs) {
      if (this.#countIn(log, nowMs) > 0) this.#evicted += 1
      this.#logs.delete(key)
      return
    }
  }

  #sweepSometimes(nowMs: number): void {
    this.#untilSweep -= 1
    if (this.#untilSweep > 0) return
    this.#untilSweep = Math.max(SWEEP_EVERY, this.#logs.size)
    // The order of the map is that of the newest event, so the first live key ends the sweep.
    for (const [key, log] of this.#logs) {
      const newest = log.times.at(-1)
      if (newest !== undefined && nowMs - newest < this.#windowMs) return
      this.#dropIfEmpty(key, log, nowMs)
    }
  }

  #dropIfEmpty(key: string, log: Log<Value>, nowMs: number): void {
    this.#expire(log, nowMs)
    if (log.times.length === 0 && log.result === undefined && log.running === undefined) {
      this.#logs.delete(key)
    }
  }

  #countIn(log: Log<Value> | undefined, nowMs: number): number {
    if (log === undefined) return 0
    return log.times.length - this.#staleCount(log.times, nowMs)
  }

  #staleCount(times: readonly number[], nowMs: number): number {
    let count = 0
    while (count < times.length && nowMs - (times[count] as number) >= this.#windowMs) count += 1
    return count
  }

  #expire(log: Log<Value>, nowMs: number): void {
    const stale = this.#staleCount(log.times, nowMs)
    if (stale > 0) log.times.splice(0, stale)
    const { result } = log
    if (result === undefined || log.times.length > 0) return
    if (nowMs - result.sinceMs >= this.#windowMs) log.result = undefined
  }
}
