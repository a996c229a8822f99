/** Batch collector: gathers items and hands them on together, when there are `size` of them or `waitMs`
 *  after the first.
 *  Keeps: every item is handed on once, in order, one batch at a time; a batch whose delivery fails goes to
 *  `onError`, never lost in silence; at most `pendingMax` items are not yet delivered.
 *  A delivery starts within `add` or `flush` itself unless an earlier one still runs.  The buffer is
 *  exchanged before the callback, so an `add` inside it begins the next batch.
 *  Never: arms a timer while the buffer is empty. */

import { ConstelliteError, type FailureInit } from '../base/failure.ts'
import type { Signal } from '../base/globals.ts'
import type { Host, Timer } from '../base/host.ts'
import { HeldAsyncBase } from './held.ts'
import { rangedSetting, wholeSetting } from './settings.ts'

export const BATCH_PENDING_MAX = 100_000

export type BatchCollectorOptions<Item> = {
  readonly host: Host
  readonly size: number
  readonly waitMs: number
  onFlush(batch: readonly Item[]): void | Promise<void>
  /** Takes a batch that `onFlush` did not. */
  onError(batch: readonly Item[], error: unknown): void
  /** Default 100 000 items. */
  readonly pendingMax?: number
}

export class BatchCollector<Item> extends HeldAsyncBase {
  readonly #options: BatchCollectorOptions<Item>
  readonly #size: number
  readonly #waitMs: number
  readonly #pendingMax: number
  #buffer: Item[] = []
  #batches: Item[][] = []
  #isDelivering = false
  #handedOn = 0
  #delivered = 0
  /** Items in the buffer, in waiting batches and on the way. */
  #pending = 0
  #timer: Timer | undefined
  #waiters: Waiter[] = []
  #isStopped = false

  constructor(options: BatchCollectorOptions<Item>) {
    super()
    this.#options = options
    this.#size = wholeSetting({ name: 'size', value: options.size, min: 1 })
    this.#waitMs = rangedSetting({ name: 'waitMs', value: options.waitMs, min: 0 })
    const value = options.pendingMax ?? Math.max(BATCH_PENDING_MAX, options.size)
    this.#pendingMax = wholeSetting({ name: 'pendingMax', value, min: options.size })
  }

  /** Items not yet delivered. */
  get pendingCount(): number {
    return this.#pending
  }

  add(item: Item): void {
    if (this.#isStopped) throw new ConstelliteError(STOPPED)
    if (this.#pending >= this.#pendingMax) throw new ConstelliteError(full(this.#pendingMax))
    this.#buffer.push(item)
    this.#pending += 1
    if (this.#buffer.length >= this.#size) this.#handOn()
    else {
      this.#timer ??= this.#options.host.setTimer(this.#waitMs, () => {
        this.#timer = undefined
        this.#handOn()
      })
    }
  }

  /** Resolves when `add` has room, or the collector is stopped; rejects with the signal's reason. */
  room(terms: { readonly signal?: Signal } = {}): Promise<void> {
    return this.#until(() => this.#isStopped || this.#pending < this.#pendingMax, terms.signal)
  }

  /** Hands on what is there; resolves when everything added so far is delivered. */
  flush(): Promise<void> {
    this.#handOn()
    const target = this.#handedOn
    return this.#until(() => this.#delivered >= target)
  }

  /** Hands on the rest and takes nothing more; resolves when it is delivered. */
  stop(): Promise<void> {
    this.#isStopped = true
    return this.flush()
  }

  override close(): Promise<void> {
    return this.stop()
  }

  #handOn(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#buffer.length > 0) {
      this.#batches.push(this.#buffer)
      this.#buffer = []
      this.#handedOn += 1
      this.#deliver()
    }
    this.#wake()
  }

  /** Delivers batch after batch; the first that takes time calls this again when it is done. */
  #deliver(): void {
    if (this.#isDelivering) return
    for (let batch = this.#batches.shift(); batch !== undefined; batch = this.#batches.shift()) {
      this.#isDelivering = true
      const done = this.#start(batch)
      if (done !== undefined) {
        done.finally(() => this.#deliver())
        return
      }
    }
  }

  /** A promise where the delivery takes time; `deliver` may go on when it has settled. */
  #start(batch: readonly Item[]): Promise<void> | undefined {
    const finish = (): void => {
      this.#isDelivering = false
      this.#delivered += 1
      this.#pending -= batch.length
      this.#wake()
    }
    try {
      const result = this.#options.onFlush(batch)
      if (result !== undefined) {
        return Promise.resolve(result)
          .catch((error) => this.#options.onError(batch, error))
          .finally(finish)
      }
    } catch (error) {
      reportThen(finish, () => this.#options.onError(batch, error))
      return undefined
    }
    finish()
    return undefined
  }

  #until(isTrue: () => boolean, signal?: Signal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      if (isTrue()) return resolve()
      const onAbort = (): void => {
        this.#waiters = this.#waiters.filter((it) => it !== waiter)
        reject(signal?.reason)
      }
      const waiter: Waiter = {
        isTrue,
        resolve() {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        },
      }
      this.#waiters.push(waiter)
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  #wake(): void {
    if (this.#waiters.length === 0) return
    const ready = this.#waiters.filter((it) => it.isTrue())
    this.#waiters = this.#waiters.filter((it) => !ready.includes(it))
    for (const waiter of ready) waiter.resolve()
  }
}

/** The collector goes on even where `report` throws, which its caller then sees. */
function reportThen(finish: () => void, report: () => void): void {
  try {
    report()
  } finally {
    finish()
  }
}

type Waiter = { isTrue(): boolean; resolve(): void }

const STOPPED: FailureInit = {
  code: 'ErrClosed',
  message: 'The batch collector was stopped.',
  hint: 'Nothing may be added after stop().',
}

function full(pendingMax: number): FailureInit {
  return {
    code: 'ErrBackpressure',
    message: `${pendingMax} items wait for delivery already.`,
    hint: 'Await room() before adding, or raise pendingMax.',
    retry: 'later',
    facts: { pendingMax },
  }
}
