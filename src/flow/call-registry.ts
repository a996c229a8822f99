/** Call registry: matches replies to the calls that wait for them, by id.
 *  Keeps: every call settles once: by its reply, its own exact deadline, its signal, a cancel or the end
 *  of the registry; at most `pendingMax` wait; one timer for all, none while nothing waits.
 *  A reply counts only after `verify` and only from the addressee, and is checked *before* it is matched,
 *  so that a forged one cannot use up the call.
 *  Never: overwrites a waiting call whose id comes again. */

import { ConstelliteError, type FailureInit } from '../base/failure.ts'
import type { Signal } from '../base/globals.ts'
import type { Host } from '../base/host.ts'
import { type Deadline, Deadlines } from './deadlines.ts'
import { HeldBase } from './held.ts'
import { rangedSetting, wholeSetting } from './settings.ts'

export const CALL_TIMEOUT_MS = 30_000
export const CALLS_PENDING_MAX = 100_000

export type CallRegistryOptions<Reply> = {
  readonly host: Host
  /** Default 30 s. */
  readonly timeoutMs?: number
  /** Default 100 000. */
  readonly pendingMax?: number
  /** Says whether a reply may be believed: its signature, that it names this call.  Default: always. */
  verify?(reply: Reply, responder: string | undefined): boolean
  /** The message of ErrTimeout.  Default "The call timed out." */
  readonly timeoutMessage?: string
}

export type CallSink<Reply> = {
  reply(reply: Reply): void
  failure(error: unknown): void
}

export type CallTerms = {
  readonly timeoutMs?: number
  /** Only this responder may answer.  Default: anybody who passes `verify`. */
  readonly addressee?: string
}

export type CallRequest = CallTerms & {
  readonly id: string
  readonly signal?: Signal
  /** Sends the call; it is registered by then, so that even a synchronous reply finds it. */
  emit(): void | Promise<void>
}

type Pending<Reply> = Deadline & {
  readonly id: string
  readonly addressee: string | undefined
  readonly sink: CallSink<Reply>
}

export class CallRegistry<Reply> extends HeldBase {
  readonly #options: CallRegistryOptions<Reply>
  readonly #timeoutMs: number
  readonly #pendingMax: number
  readonly #pending: Map<string, Pending<Reply>> = new Map()
  readonly #deadlines: Deadlines<Pending<Reply>>
  #isDisposed = false

  constructor(options: CallRegistryOptions<Reply>) {
    super()
    this.#options = options
    this.#timeoutMs = timeoutSetting(options.timeoutMs ?? CALL_TIMEOUT_MS)
    const pendingMax = options.pendingMax ?? CALLS_PENDING_MAX
    this.#pendingMax = wholeSetting({ name: 'pendingMax', value: pendingMax, min: 1 })
    this.#deadlines = new Deadlines(options.host, (call) => {
      this.#pending.delete(call.id)
      call.sink.failure(this.#timeout(call.id))
    })
  }

  get pendingCount(): number {
    return this.#pending.size
  }

  register(id: string, sink: CallSink<Reply>, terms: CallTerms = {}): void {
    if (this.#isDisposed) throw new ConstelliteError(CLOSED)
    if (this.#pending.has(id)) throw new ConstelliteError(duplicate(id))
    if (this.#pending.size >= this.#pendingMax) throw new ConstelliteError(full(this.#pendingMax))
    const timeoutMs = timeoutSetting(terms.timeoutMs ?? this.#timeoutMs)
    const dueMs = this.#options.host.monotonicNow() + timeoutMs
    const call = { id, addressee: terms.addressee, sink, dueMs, isOver: false }
    this.#pending.set(id, call)
    this.#deadlines.add(call)
  }

  /** True when a call waited for this reply and has it now; false for late, unknown, forged or foreign
   *  ones, which are for the ordinary handlers. */
  resolve(inReplyTo: string, reply: Reply, responder?: string): boolean {
    const call = this.#pending.get(inReplyTo)
    if (call === undefined) return false
    if (call.addressee !== undefined && call.addressee !== responder) return false
    if (this.#options.verify !== undefined && !this.#options.verify(reply, responder)) return false
    this.#remove(call)
    call.sink.reply(reply)
    return true
  }

  /** Forgets a call and delivers nothing; false when none waits. */
  cancel(id: string): boolean {
    const call = this.#pending.get(id)
    if (call !== undefined) this.#remove(call)
    return call !== undefined
  }

  /** Registers, emits, and waits for the reply. */
  call(request: CallRequest): Promise<Reply> {
    const { id, signal } = request
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const onAbort = (): void => {
        if (this.cancel(id)) reject(signal?.reason)
      }
      const settle = <T>(then: (value: T) => void): ((value: T) => void) => {
        return (value) => {
          signal?.removeEventListener('abort', onAbort)
          then(value)
        }
      }
      const failure = settle(reject)
      this.register(id, { reply: settle(resolve), failure }, request)
      signal?.addEventListener('abort', onAbort, { once: true })
      const onEmitError = (error: unknown): void => {
        if (this.cancel(id)) failure(error)
      }
      try {
        Promise.resolve(request.emit()).catch(onEmitError)
      } catch (error) {
        onEmitError(error)
      }
    })
  }

  /** Every waiting call fails with ErrClosed; later ones are refused with it. */
  override dispose(): void {
    this.#isDisposed = true
    this.#deadlines.clear()
    const calls = [...this.#pending.values()]
    this.#pending.clear()
    for (const call of calls) call.sink.failure(new ConstelliteError(CLOSED))
  }

  #remove(call: Pending<Reply>): void {
    this.#pending.delete(call.id)
    this.#deadlines.drop(call)
  }

  #timeout(id: string): ConstelliteError {
    return new ConstelliteError({
      code: 'ErrTimeout',
      message: this.#options.timeoutMessage ?? 'The call timed out.',
      hint: 'The other side did not answer in time; it may still have acted.',
      retry: 'later',
      facts: { id },
    })
  }
}

function timeoutSetting(value: number): number {
  return rangedSetting({ name: 'timeoutMs', value, min: 1 })
}

const CLOSED: FailureInit = {
  code: 'ErrClosed',
  message: 'The call registry was disposed.',
  hint: 'Whoever made it is shutting down; the call may still have reached the other side.',
}

function duplicate(id: string): FailureInit {
  return {
    code: 'ErrOption',
    message: `A call with the id ${JSON.stringify(id)} waits already.`,
    hint: 'Give every call an id of its own, such as 16 random bytes.',
    facts: { id },
  }
}

function full(pendingMax: number): FailureInit {
  return {
    code: 'ErrBackpressure',
    message: `${pendingMax} calls wait already.`,
    hint: 'Wait for some of them, or raise pendingMax.',
    retry: 'later',
    facts: { pendingMax },
  }
}
