/** A call that is asked of one owner after another. */

import { describe, expect, it } from 'vitest'
import type { ClientCore } from '../../src/database/bridge/client.ts'
import { ownerGone } from '../../src/database/tabs/failures.ts'
import type { Waiter } from '../../src/database/tabs/line.ts'
import { LOSSES_MAX, repeat } from '../../src/database/tabs/repeat.ts'
import type { Seat } from '../../src/database/tabs/seat.ts'
import { rejection } from './database-fixtures.ts'

/** A seat whose every core is lost as soon as it is asked something, but for the last. */
function createLosingSeat(losses: number) {
  const asked: boolean[] = []
  // What a repeated call uses of a core and of a seat.
  const core = () => ({ lost: undefined }) as unknown as ClientCore
  const line = {
    order: () => 1,
    take: ({ onValue }: Waiter<ClientCore>) => {
      queueMicrotask(() => onValue(core()))
      return () => undefined
    },
  }
  const seat = { core: core(), failure: undefined, line } as unknown as Seat
  const work = async (it: ClientCore, isRepeated: boolean): Promise<string> => {
    asked.push(isRepeated)
    if (asked.length > losses) return 'answered'
    throw Object.assign(it, { lost: ownerGone() }).lost
  }
  return { seat, work, asked }
}

describe('a call whose owner goes', () => {
  it('is asked again of the next, and says that it may have run', async () => {
    const { seat, work, asked } = createLosingSeat(LOSSES_MAX)
    expect(await repeat(seat, work, {})).toBe('answered')
    expect(asked).toEqual([false, ...Array.from({ length: LOSSES_MAX }, () => true)])
  })

  it('is given up when that happens too often: perhaps it ends them itself', async () => {
    const { seat, work, asked } = createLosingSeat(LOSSES_MAX + 1)
    const failure = await rejection(repeat(seat, work, {}))
    expect(failure).toMatchObject({ code: 'ErrWorkerFailed', facts: { losses: LOSSES_MAX + 1 } })
    expect(asked.length).toBe(LOSSES_MAX + 1)
    const again = createLosingSeat(LOSSES_MAX + 1)
    const write = repeat(again.seat, again.work, { isWrite: () => true })
    expect((await rejection(write)).code).toBe('ErrOutcomeUnknown')
  })

  it('goes on as often as it has to where it only waits', async () => {
    const { seat, work } = createLosingSeat(10 * LOSSES_MAX)
    expect(await repeat(seat, work, { isPatient: true })).toBe('answered')
  })
})
