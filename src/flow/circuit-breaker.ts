/** Circuit breaker: keeps calls away from what fails again and again.
 *  closed: everything passes, `threshold` failures in a row open it.  open: nothing passes until `resetMs`
 *  later.  half-open: one probe passes; its success closes, its failure opens for another `resetMs`.
 *  Keeps: a rejected call does not run and does not count; a result counts only for the state in which its
 *  call began, so late ones are ignored; an aborted call is neither success nor failure.
 *  Never: changes state by being looked at, or by a timer. */

import { ConstelliteError } from '../base/failure.ts'
import type { Signal } from '../base/globals.ts'
import type { Host } from '../base/host.ts'
import { rangedSetting, wholeSetting } from './settings.ts'

export type CircuitState = 'closed' | 'open' | 'half-open'

export type CircuitBreakerOptions = {
  readonly host: Host
  /** Failures in a row that open it. */
  readonly threshold: number
  readonly resetMs: number
}

export class CircuitBreaker {
  readonly #host: Host
  readonly #threshold: number
  readonly #resetMs: number
  #state: CircuitState = 'closed'
  #failures = 0
  #openedAtMs = 0
  #isProbing = false
  /** Goes up with every change of state. */
  #period = 0
  #isolated: string | undefined

  constructor(options: CircuitBreakerOptions) {
    this.#host = options.host
    this.#threshold = wholeSetting({ name: 'threshold', value: options.threshold, min: 1 })
    this.#resetMs = rangedSetting({ name: 'resetMs', value: options.resetMs, min: 0 })
  }

  get state(): CircuitState {
    return this.#isolated === undefined ? this.#state : 'open'
  }

  /** Failures in a row while closed. */
  get failures(): number {
    return this.#failures
  }

  /** Why an operator keeps it open; undefined when nobody does. */
  get isolation(): string | undefined {
    return this.#isolated
  }

  /** Runs `task` if a call may pass, and counts how it ends; otherwise rejects with ErrCircuitOpen. */
  async call<T>(task: () => T | Promise<T>, terms: { readonly signal?: Signal } = {}): Promise<T> {
    terms.signal?.throwIfAborted()
    if (!this.allowRequest()) throw this.#rejection()
    const period = this.#period
    try {
      const value = await task()
      if (period === this.#period) this.recordSuccess()
      return value
    } catch (error) {
      if (period === this.#period) {
        if (terms.signal?.aborted) this.recordAbort()
        else this.recordFailure()
      }
      throw error
    }
  }

  /** True when a call may start now; in half-open it is then the probe, and must be recorded. */
  allowRequest(): boolean {
    if (this.#isolated !== undefined) return false
    if (this.#state === 'open' && this.#waitMs() <= 0) this.#enter('half-open')
    if (this.#state === 'closed') return true
    if (this.#state === 'open' || this.#isProbing) return false
    this.#isProbing = true
    return true
  }

  recordSuccess(): void {
    if (this.#state === 'open') return
    if (this.#state === 'half-open') this.#enter('closed')
    this.#failures = 0
  }

  recordFailure(): void {
    if (this.#state === 'open') return
    this.#failures += 1
    if (this.#state === 'half-open' || this.#failures >= this.#threshold) {
      this.#openedAtMs = this.#host.monotonicNow()
      this.#enter('open')
    }
  }

  /** The call ended without saying anything about the other side: the probe's place is free again. */
  recordAbort(): void {
    this.#isProbing = false
  }

  /** Rejects everything, whatever the results say, until `restore`. */
  isolate(reason: string): void {
    this.#isolated = reason
  }

  /** Ends the isolation; the state is what the results had made of it. */
  restore(): void {
    this.#isolated = undefined
  }

  #enter(state: CircuitState): void {
    this.#state = state
    this.#isProbing = false
    this.#period += 1
  }

  #waitMs(): number {
    return this.#openedAtMs + this.#resetMs - this.#host.monotonicNow()
  }

  #rejection(): ConstelliteError {
    const reason = this.#isolated ?? `${this.#failures} calls in a row failed`
    const waitMs = this.#isolated === undefined ? Math.max(0, this.#waitMs()) : undefined
    return new ConstelliteError({
      code: 'ErrCircuitOpen',
      message: `The circuit is open: ${reason}.`,
      hint: 'The call was not made; try again later.',
      retry: 'later',
      facts: { reason, waitMs },
    })
  }
}
