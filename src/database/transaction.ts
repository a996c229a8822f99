/** Transaction: the callback around BEGIN and COMMIT.
 *  Keeps: commits when the callback resolves, rolls back when it rejects; rejects as soon as the
 *  transaction was taken away (idle, aborted, ended by SQLite), whatever the callback still does. */

import { ConstelliteError } from '../base/failure.ts'
import type { Core } from './core.ts'
import { createQueries, mapAnswers } from './queries.ts'
import type { Inside, Scope } from './scope.ts'
import type { Transaction, TransactionOptions } from './types.ts'

export type TransactionParts = {
  readonly core: Core
  /** What the scope knows the database by. */
  readonly database: object
  readonly scope: Scope
  readonly caller: number
}

export async function runTransaction<T>(
  { core, database, scope, caller }: TransactionParts,
  work: (tx: Transaction) => Promise<T> | T,
  options: TransactionOptions,
): Promise<T> {
  checkArguments(work, options)
  let takenAway: (reason: ConstelliteError) => void = () => undefined
  const lost = new Promise<never>((_, reject) => {
    takenAway = reject
  })
  // A transaction that ends in good order is over too, and then nobody waits for this.
  lost.catch(() => undefined)
  const transaction = await core.begin({ caller, signal: options.signal, onEnd: takenAway })
  const inside: Inside = { database, isOpen: true }
  const queries = createQueries(async () => core, { caller, transaction })
  // What runs on from an answer is inside the transaction.
  const tx = mapAnswers(queries, (answer) => scope.carry(inside, answer))
  try {
    const value = await Promise.race([scope.enter(inside, () => work(tx)), lost])
    inside.isOpen = false
    await core.commit(transaction)
    return value
  } catch (error) {
    inside.isOpen = false
    // The first failure is the one to tell; a core that cannot roll back has stopped and says so itself.
    await core.rollback(transaction).catch(() => undefined)
    throw error
  }
}

function checkArguments(work: unknown, options: TransactionOptions): void {
  const unknownName = Object.keys(options).find((key) => key !== 'signal')
  if (typeof work === 'function' && unknownName === undefined) return
  throw new ConstelliteError({
    code: 'ErrOption',
    message:
      unknownName === undefined
        ? 'A transaction needs a function.'
        : `A transaction has no option "${unknownName}".`,
    hint: 'Write db.transaction(async (tx) => { … }, { signal }).',
  })
}
