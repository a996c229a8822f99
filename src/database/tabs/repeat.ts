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

export type RepeatOptions = {
  readonly signal?: Signal | undefined
  /** It only waits for something, and goes on as often as it has to. */
  readonly isPatient?: boolean
  /** Whether it may have written something; asked only where that cannot be known any more. */
  readonly isWrite?: () => boolean
}

type Call<T> = RepeatOptions & {
  readonly seat: Seat
  readonly work: Work<T>
  /** How many cores were lost with it. */
  losses: number
}

/** Runs `work` on the core, and where that was lost, on the next one. */
export function repeat<T>(seat: Seat, work: Work<T>, options: RepeatOptions): Promise<T> {
  const { core } = seat
  if (core === undefined) return repeatLater({ seat, work, ...options, losses: 0 })
  return work(core, false).catch((error) => {
    if (!isLost(core, error) && !isGivenAway(seat, core, error)) throw error
    return repeatLater({ seat, work, ...options, losses: 1 })
  })
}

export async function repeatLater<T>(call: Call<T>): Promise<T> {
  const { seat, work, isPatient } = call
  for (;;) {
    const isRepeated = call.losses > 0
    const core = await (isRepeated ? nextAfterLoss(call) : nextUnlessAborted(call))
    try {
      return await work(core, isRepeated)
    } catch (error) {
      if (!isLost(core, error) && !isGivenAway(seat, core, error)) throw error
      call.losses += 1
      if (call.losses > LOSSES_MAX && isPatient !== true) throw lostTooOften(call.losses)
    }
  }
}

/** Where there is no next one, nobody can say what became of a write; in a cleared site it is gone. */
async function nextAfterLoss({ seat, isWrite }: Call<unknown>): Promise<ClientCore> {
  try {
    return await seat.next()
  } catch (error) {
    const isUnknown = isWrite?.() === true && !isFailure(error, 'ErrCleared')
    throw isUnknown ? neverSettled(failureOf(error)) : error
  }
}

async function nextUnlessAborted({
  seat,
  signal,
}: Pick<Call<unknown>, 'seat' | 'signal'>): Promise<ClientCore> {
  if (signal === undefined) return seat.next()
  let onAbort: () => void = () => undefined
  const stopped = new Promise<never>((_, reject) => {
    onAbort = () => reject(aborted(signal))
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    if (signal.aborted) onAbort()
    return await Promise.race([stopped, seat.next()])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
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
