/** Repeat: asks the next owner what one left unanswered. */

import { failureOf, isFailure } from '../../base/failure.ts'
import type { Signal } from '../../base/globals.ts'
import type { ClientCore } from '../bridge/client.ts'
import { aborted } from '../open-failures.ts'
import { lostTooOften, neverSettled, outcomeUnknown } from './failures.ts'
import type { Seat } from './seat.ts'

/** `isRepeated`: it may have been done already. */
export type Work<T> = (core: ClientCore, isRepeated: boolean) => Promise<T>

/** A call that itself ends whoever runs it, for lack of memory, must not go on to end every tab. */
export const LOSSES_MAX = 3

type RepeatOptions = {
  readonly signal?: Signal | undefined
  /** It only waits for something, and goes on as often as it has to. */
  readonly isPatient?: boolean
  /** Whether it may have written something; asked only where that cannot be known any more. */
  readonly isWrite?: () => boolean
}

type Call<T> = RepeatOptions & {
  readonly seat: Seat
  readonly work: Work<T>
  /** Calls reach a core in the order in which they were made. */
  readonly order: number
  /** How many cores were lost with it. */
  losses: number
}

/** Runs `work` on the core, and where that was lost, on the next one. */
export function repeat<T>(seat: Seat, work: Work<T>, options: RepeatOptions): Promise<T> {
  const { core } = seat
  const call: Call<T> = { seat, work, ...options, order: seat.line.order(), losses: 0 }
  return core === undefined || core.lost !== undefined ? atNext(call) : at(call, core)
}

/** As `repeat`, for what was lost with a core once already. */
export function repeatLost<T>(seat: Seat, work: Work<T>, options: RepeatOptions): Promise<T> {
  return atNext({ seat, work, ...options, order: seat.line.order(), losses: 1 })
}

function at<T>(call: Call<T>, core: ClientCore): Promise<T> {
  const { seat, work, isPatient, isWrite } = call
  return work(core, call.losses > 0).catch((error) => {
    const isLostHere = isLost(core, error)
    if (!isLostHere && !isGivenAway(seat, core, error)) throw error
    if (isLostHere) call.losses += 1
    if (call.losses > LOSSES_MAX && isPatient !== true) {
      throw lostTooOften(call.losses, isWrite?.() === true)
    }
    return atNext(call)
  })
}

function atNext<T>(call: Call<T>): Promise<T> {
  const { seat, order } = call
  // One that may have happened is not to be aborted before that is known.
  const signal = call.losses > 0 ? undefined : call.signal
  return new Promise<T>((resolve, reject) => {
    if (signal?.aborted) return reject(aborted(signal))
    const onAbort = (): void => {
      stopWaiting()
      reject(aborted(signal))
    }
    const finish = (): void => signal?.removeEventListener('abort', onAbort)
    const stopWaiting = seat.line.take({
      order,
      onValue: (core) => {
        finish()
        resolve(at(call, core))
      },
      onFailure: (failure) => {
        finish()
        reject(endOf(call, failure))
      },
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** Where there is no next core, nobody can say what became of a write; in a cleared site it is gone. */
function endOf({ losses, isWrite }: Call<unknown>, failure: Error): Error {
  const isUnknown = losses > 0 && isWrite?.() === true && !isFailure(failure, 'ErrCleared')
  return isUnknown ? neverSettled(failureOf(failure)) : failure
}

/** What was lost with its core was rejected with the core's own failure, itself. */
export function isLost(core: ClientCore, error: unknown): boolean {
  return core.lost !== undefined && core.lost === error
}

/** An owner that gives the database away closes it, which the tab does not: what comes too late was not run. */
export function isGivenAway(seat: Seat, core: ClientCore, error: unknown): boolean {
  return seat.core !== core && seat.failure === undefined && isFailure(error, 'ErrClosed')
}

/** For what leaves no name in the log. */
export function once<T>(what: string, work: (core: ClientCore) => Promise<T>): Work<T> {
  return async (core, isRepeated) => {
    if (isRepeated) throw outcomeUnknown(what)
    return work(core)
  }
}
