/** Transactions of a tab: each is of the core that began it, and over when that is lost.
 *  Keeps: a commit whose answer was lost is settled by its number at the next owner: it happened, or nothing of
 *  the transaction did. */

import type { ConstelliteError } from '../../base/failure.ts'
import type { ClientCall, ClientCore } from '../bridge/client.ts'
import type { RequestNumber } from '../bridge/protocol.ts'
import type { CoreBegin, CoreCall, TransactionId } from '../core.ts'
import { finished } from '../slot.ts'
import { transactionLost } from './failures.ts'
import { isGivenAway, isLost, repeat, repeatLost, type Work } from './repeat.ts'
import type { Seat } from './seat.ts'

/** Needs no name: nothing of it is written on its own. */
const UNNAMED: RequestNumber = 0
/** Numbers of transactions begin at 1. */
const NO_TRANSACTION: TransactionId = 0

type TabTransactions = {
  begin(call: CoreBegin): Promise<TransactionId>
  /** Runs `work` on the core of the call's transaction. */
  inside<T>(call: CoreCall, work: (core: ClientCore, call: ClientCall) => Promise<T>): Promise<T>
  commit(transaction: TransactionId): Promise<void>
  rollback(transaction: TransactionId): Promise<void>
}

type Open = { readonly core: ClientCore; readonly inner: TransactionId }

export function createTabTransactions(seat: Seat, number: () => RequestNumber): TabTransactions {
  const open = new Map<TransactionId, Open>()
  let last = NO_TRANSACTION
  const isOver = (core: ClientCore, error: unknown): boolean =>
    isLost(core, error) || isGivenAway(seat, core, error)
  const close = (transaction: TransactionId): Open | undefined => {
    const found = open.get(transaction)
    open.delete(transaction)
    return found
  }
  const begin = async (core: ClientCore, call: CoreBegin): Promise<TransactionId> => {
    last += 1
    const transaction = last
    const onEnd = (reason: ConstelliteError): void => {
      call.onEnd(isOver(core, reason) ? transactionLost(core.lost) : reason)
    }
    const inner = await core.begin({ ...call, onEnd })
    open.set(transaction, { core, inner })
    return transaction
  }
  return {
    begin: (call) => repeat(seat, (core) => begin(core, call), { signal: call.signal }),
    inside: async (call, work) => {
      const found = open.get(call.transaction ?? NO_TRANSACTION)
      if (found === undefined) throw finished()
      try {
        return await work(found.core, { ...call, transaction: found.inner, request: UNNAMED })
      } catch (error) {
        throw isOver(found.core, error) ? transactionLost(found.core.lost) : error
      }
    },
    commit: async (transaction) => {
      const found = close(transaction)
      // Before it was asked for, nothing can have been written.
      if (found === undefined || found.core.lost !== undefined) {
        throw transactionLost(found?.core.lost)
      }
      const { core, inner } = found
      const request = number()
      try {
        await core.commit(inner, request)
      } catch (error) {
        // It came too late to be run.
        if (isGivenAway(seat, core, error)) throw transactionLost()
        if (!isLost(core, error)) throw error
        const work: Work<void> = (next) => next.commit(NO_TRANSACTION, -request)
        await repeatLost(seat, work, { isPatient: true, isWrite: () => true })
      }
    },
    rollback: async (transaction) => {
      const found = close(transaction)
      try {
        await found?.core.rollback(found.inner)
      } catch (error) {
        // It went with its owner.
        if (found === undefined || !isLost(found.core, error)) throw error
      }
    },
  }
}
