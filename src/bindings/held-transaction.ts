/** Held transaction: our transaction, which is a callback, for drivers that begin and end one by calls.
 *  Keeps: it ends once; one that was taken away (idle for too long, aborted) rejects its commit.
 *  Inside it every call goes through `tx`; a call on the database itself waits for its end. */

import type { Database, Transaction } from '../database/types.ts'

export type HeldTransaction = {
  readonly tx: Transaction
  commit(): Promise<void>
  rollback(): Promise<void>
}

export async function holdTransaction(database: Database): Promise<HeldTransaction> {
  let end: { commit(): void; rollback(reason: Error): void } | undefined
  const ended = new Promise<void>((commit, rollback) => {
    end = { commit, rollback }
  })
  // Where the transaction is taken away, nobody waits for this.
  ended.catch(() => undefined)
  return new Promise((resolve, reject) => {
    const done = database.transaction((tx) => {
      resolve({
        tx,
        commit: () => {
          end?.commit()
          return done
        },
        rollback: async () => {
          end?.rollback(new Error('The driver rolled the transaction back.'))
          // Whatever ended it, it is rolled back now; why, the driver's caller is being told.
          await done.catch(() => undefined)
        },
      })
      return ended
    })
    // One that never began; later this is settled already.
    done.catch(reject)
  })
}
