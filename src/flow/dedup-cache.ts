/** Dedup cache: remembers keys for a while, to tell the first from its repetitions.
 *  Keeps: a key lives while `now < expiry`; a repetition does not extend it, `mark` does; at most
 *  `entriesMax`, the one that expires first leaving first.  An evicted key counts as new again: `evicted`
 *  says how often one had to leave.
 *  Never: sets a timer; keys expire when the cache is used. */

import type { Host } from '../base/host.ts'
import { rangedSetting, wholeSetting } from './settings.ts'

export const DEDUP_ENTRIES_MAX = 100_000

export type DedupCacheOptions = {
  readonly host: Host
  readonly ttlMs: number
  /** Default 100 000. */
  readonly entriesMax?: number
}

export class DedupCache<Key = string> {
  readonly #host: Host
  readonly #ttlMs: number
  readonly #entriesMax: number
  /** One lifetime for all and a clock that never goes back: the order of the map is that of expiry. */
  readonly #expiries: Map<Key, number> = new Map()
  #evicted = 0

  constructor(options: DedupCacheOptions) {
    this.#host = options.host
    this.#ttlMs = rangedSetting({ name: 'ttlMs', value: options.ttlMs, min: 1 })
    const value = options.entriesMax ?? DEDUP_ENTRIES_MAX
    this.#entriesMax = wholeSetting({ name: 'entriesMax', value, min: 1 })
  }

  get size(): number {
    return this.#expiries.size
  }

  /** Keys that had to leave before their time. */
  get evicted(): number {
    return this.#evicted
  }

  /** True when the key is new; it is known from then on. */
  check(key: Key): boolean {
    const nowMs = this.#host.monotonicNow()
    const expiryMs = this.#expiries.get(key)
    if (expiryMs !== undefined) {
      if (nowMs < expiryMs) return false
      this.#expiries.delete(key)
    }
    this.#insert(key, nowMs)
    return true
  }

  /** True when the key is known; changes nothing. */
  seen(key: Key): boolean {
    const expiryMs = this.#expiries.get(key)
    return expiryMs !== undefined && this.#host.monotonicNow() < expiryMs
  }

  /** The key is known for a whole lifetime from now. */
  mark(key: Key): void {
    this.#expiries.delete(key)
    this.#insert(key, this.#host.monotonicNow())
  }

  /** Drops what expired; `check` and `mark` do so by themselves. */
  cleanup(): void {
    this.#expire(this.#host.monotonicNow(), Number.POSITIVE_INFINITY)
  }

  #insert(key: Key, nowMs: number): void {
    // Two for one: expired keys go faster than new ones come, and no call has to drop them all.
    this.#expire(nowMs, 2)
    if (this.#expiries.size >= this.#entriesMax) this.#evictFirst()
    this.#expiries.set(key, nowMs + this.#ttlMs)
  }

  #expire(nowMs: number, countMax: number): void {
    let count = 0
    for (const [key, expiryMs] of this.#expiries) {
      if (nowMs < expiryMs || count >= countMax) return
      this.#expiries.delete(key)
      count += 1
    }
  }

  #evictFirst(): void {
    for (const key of this.#expiries.keys()) {
      this.#expiries.delete(key)
      this.#evicted += 1
      return
    }
  }
}
