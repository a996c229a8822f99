/** Slot: which transaction holds the writer, and how long it may do nothing.
 *  Keeps: one at a time; one that is idle for 5 s, or whose caller is gone, is rolled back and its later
 *  calls are refused with the reason; where the scope does not see every call from inside (scope.ts),
 *  what its own handle had waiting behind it is refused too, because most likely the transaction was
 *  waiting for exactly that.
 *  Never: runs SQL but the rollback that its owner gave it. */

import { ConstelliteError } from '../base/failure.ts'
import type { Host, Timer } from '../base/host.ts'
import type { TransactionId } from './core.ts'
import type { Task, TaskQueue } from './tasks.ts'

export const TRANSACTION_IDLE_MS = 5_000
/** Ended transactions whose reason is remembered for late calls. */
const ENDED_MAX = 64

export type Slot = {
  /** The open transaction. */
  readonly open: TransactionId | undefined
  take(taker: Taker): TransactionId
  /** Gives the slot back; later calls of this transaction get `reason`. */
  release(transaction: TransactionId, reason: ConstelliteError): void
  /** Rolls back, with the reason for everybody who still waits inside it. */
  abandon(transaction: TransactionId, reason: ConstelliteError): void
  /** Why this transaction can no longer be used, or undefined while it is open. */
  refusal(transaction: TransactionId): ConstelliteError | undefined
  /** A call of it was queued, or answered: what tells whether it is idle. */
  called(task: Task): void
  answered(task: Task): void
  end(failure: ConstelliteError): void
}

export type Taker = {
  readonly caller: number
  /** Rolls back. */
  undo(): void
  /** The slot was given back or taken away. */
  onEnd(reason: ConstelliteError): void
}

type Holder = Taker & {
  readonly id: TransactionId
  pending: number
  timer: Timer | undefined
}

export function createSlot(
  host: Host,
  {
    queue,
    wake,
    isScopeExact,
  }: { readonly queue: TaskQueue; readonly wake: () => void; readonly isScopeExact: boolean },
): Slot {
  const endedBy = new Map<TransactionId, ConstelliteError>()
  let lastId = 0
  let holder: Holder | undefined

  const watchIdle = (held: Holder): void => {
    held.timer?.cancel()
    held.timer = host.setTimer(TRANSACTION_IDLE_MS, () => {
      if (holder !== held || held.pending > 0) return
      if (!isScopeExact) refuseBehind(held, queue)
      abandon(held.id, idleTooLong())
    })
  }
  const release = (transaction: TransactionId, reason: ConstelliteError): void => {
    if (holder?.id !== transaction) return
    const { timer, onEnd } = holder
    timer?.cancel()
    holder = undefined
    endedBy.set(transaction, reason)
    if (endedBy.size > ENDED_MAX) endedBy.delete(endedBy.keys().next().value as TransactionId)
    for (const task of queue.takeAll((it) => it.transaction === transaction)) {
      task.settle({ ok: false, failure: reason })
    }
    onEnd(reason)
  }
  const abandon = (transaction: TransactionId, reason: ConstelliteError): void => {
    if (holder?.id !== transaction) return
    const { undo } = holder
    release(transaction, reason)
    undo()
    wake()
  }

  return {
    get open() {
      return holder?.id
    },
    take: (taker) => {
      lastId += 1
      holder = { ...taker, id: lastId, pending: 0, timer: undefined }
      watchIdle(holder)
      return lastId
    },
    release,
    abandon,
    refusal: (transaction) =>
      holder?.id === transaction ? undefined : (endedBy.get(transaction) ?? finished()),
    called: (task) => {
      if (task.transaction !== undefined && holder?.id === task.transaction) holder.pending += 1
    },
    answered: (task) => {
      if (task.transaction === undefined || holder?.id !== task.transaction) return
      holder.pending -= 1
      if (holder.pending === 0) watchIdle(holder)
    },
    end: (failure) => {
      if (holder !== undefined) release(holder.id, failure)
    },
  }
}

function refuseBehind({ caller }: Holder, queue: TaskQueue): void {
  for (const task of queue.takeAll((it) => it.caller === caller && it.kind !== 'read')) {
    task.settle({ ok: false, failure: waitedForItself() })
  }
}

/** For calls after commit or rollback. */
export function finished(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrTransaction',
    message: 'This transaction has finished.',
    hint: 'Use `tx` only inside the callback, and await every call before it returns.',
  })
}

function idleTooLong(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrTransactionTimeout',
    message: `The transaction did nothing for ${TRANSACTION_IDLE_MS / 1000} s and was rolled back.`,
    hint: 'Fetch what you need before the transaction begins; inside it call only `tx`.',
    retry: 'later',
    facts: { idleMs: TRANSACTION_IDLE_MS },
  })
}

function waitedForItself(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrTransaction',
    message: 'This call waited for a transaction of the same handle that did nothing for 5 s.',
    hint: 'Inside the callback of `transaction` use `tx`: a call on the database waits for its end.',
    retry: 'later',
  })
}
