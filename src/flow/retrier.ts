/** Retrier: calls again what failed, after growing waits, until it succeeds or the budget is used up.
 *  Keeps: `1 + maxRetries` calls at most; the last error is thrown as it was; an abort ends a wait at
 *  once, with the signal's reason.
 *  Never: retries what `isRetryable` says is hopeless. */

import type { Signal } from '../base/globals.ts'
import { delay, type Host } from '../base/host.ts'
import { type Backoff, backoffMs, type Jitter } from './backoff.ts'
import { rangedSetting, wholeSetting } from './settings.ts'

export const RETRY_BASE_DELAY_MS = 1000
export const RETRY_MAX_DELAY_MS = 30_000

export type RetrierOptions = {
  readonly host: Host
  readonly maxRetries: number
  /** Default 1 s. */
  readonly baseDelayMs?: number
  /** Default 30 s. */
  readonly maxDelayMs?: number
  /** Default `equal`. */
  readonly jitter?: Jitter
  /** Default: everything. */
  isRetryable?(error: unknown): boolean
}

export type RunTerms = { readonly signal?: Signal }

export class Retrier {
  readonly #host: Host
  readonly #maxRetries: number
  readonly #backoff: Backoff
  readonly #isRetryable: (error: unknown) => boolean

  constructor(options: RetrierOptions) {
    this.#host = options.host
    this.#maxRetries = wholeSetting({ name: 'maxRetries', value: options.maxRetries, min: 0 })
    const baseDelayMs = options.baseDelayMs ?? RETRY_BASE_DELAY_MS
    const maxDelayMs = options.maxDelayMs ?? RETRY_MAX_DELAY_MS
    this.#backoff = {
      baseDelayMs: rangedSetting({ name: 'baseDelayMs', value: baseDelayMs, min: 0 }),
      maxDelayMs: rangedSetting({ name: 'maxDelayMs', value: maxDelayMs, min: 0 }),
      jitter: options.jitter ?? 'equal',
    }
    this.#isRetryable = (error) => options.isRetryable?.(error) ?? true
  }

  /** Milliseconds before retry `retry`, the first being 1, rolled anew at each call. */
  delayFor(retry: number): number {
    return backoffMs(retry, this.#backoff, this.#host)
  }

  /** `task` is told which call it is, the first being 1. */
  async run<T>(task: (call: number) => T | Promise<T>, terms: RunTerms = {}): Promise<T> {
    for (let call = 1; ; call++) {
      terms.signal?.throwIfAborted()
      try {
        return await task(call)
      } catch (error) {
        if (call > this.#maxRetries || !this.#isRetryable(error)) throw error
      }
      await delay(this.#host, this.delayFor(call), terms.signal)
    }
  }
}
