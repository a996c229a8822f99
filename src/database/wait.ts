/** Wait: a deadline and a signal as one signal, for calls that may take for ever.
 *  Keeps: what the deadline ends is ErrTimeout, what the reader's signal ends is ErrAborted; timer and
 *  listener are gone when the call has settled. */

import { ConstelliteError } from '../base/failure.ts'
import type { Host } from '../base/host.ts'
import { aborted } from './open-failures.ts'

export type WaitOptions = {
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
  /** What is waited for, for the message. */
  readonly what: string
}

/** Runs `work` under both; settles when the first of work, deadline and signal does. */
export function waitFor<T>(
  host: Host,
  { signal, timeoutMs, what }: WaitOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stopping = new AbortController()
  return new Promise<T>((resolve, reject) => {
    if (signal?.aborted) return reject(aborted(signal))
    const stop = (failure: ConstelliteError): void => {
      finish()
      reject(failure)
      stopping.abort(failure)
    }
    const onAbort = (): void => stop(aborted(signal))
    const timer =
      timeoutMs === undefined
        ? undefined
        : host.setTimer(timeoutMs, () => stop(tooLate(what, timeoutMs)))
    const finish = (): void => {
      timer?.cancel()
      signal?.removeEventListener('abort', onAbort)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    work(stopping.signal).then(resolve, reject).finally(finish)
  })
}

function tooLate(what: string, timeoutMs: number): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrTimeout',
    message: `${what} was not reached within ${timeoutMs} ms.`,
    hint: 'What was written stays written; `db.status.sync` says what it is waiting for.',
    retry: 'later',
    facts: { timeoutMs },
  })
}
