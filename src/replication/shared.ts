/** Shared ledger: which authenticated keys have said, by a verified durable receipt, that they hold what.
 *  Keeps: a key counts once, at its newest position. */

import type { ConstelliteError } from '../base/failure.ts'
import type { Signal } from '../base/globals.ts'
import type { Position, Seq } from '../base/ids.ts'

export type SharedLedger = {
  note(holder: string, position: Position): void
  /** Newest seq that any key holds; 0 before the first receipt. */
  newest(): Seq
  /** The newest seq that any key holds, and the keys that hold it; undefined before the first receipt. */
  anchored(): { readonly seq: Seq; readonly holders: readonly string[] } | undefined
  /** Newest seq that this key holds. */
  of(holder: string): Seq
  /** Resolves when `holders` distinct keys are at or past `position`. */
  until(position: Position, holders: number, signal?: Signal): Promise<void>
  /** Rejects whoever waits. */
  close(reason: ConstelliteError): void
}

type Waiter = {
  readonly seq: Seq
  readonly holders: number
  resolve(): void
  reject(reason: unknown): void
}

export function createSharedLedger(): SharedLedger {
  const seqByHolder = new Map<string, Seq>()
  const waiters = new Set<Waiter>()
  const isMet = (seq: Seq, holders: number): boolean => {
    let count = 0
    for (const held of seqByHolder.values()) if (held >= seq) count += 1
    return count >= holders
  }
  const newest = (): Seq => {
    let found = 0n as Seq
    for (const seq of seqByHolder.values()) if (seq > found) found = seq
    return found
  }
  return {
    note(holder, { seq }) {
      if (seq <= (seqByHolder.get(holder) ?? 0n)) return
      seqByHolder.set(holder, seq)
      for (const waiter of [...waiters]) {
        if (!isMet(waiter.seq, waiter.holders)) continue
        waiters.delete(waiter)
        waiter.resolve()
      }
    },
    newest,
    anchored() {
      const seq = newest()
      if (seq === 0n) return undefined
      const holders = [...seqByHolder].filter(([, held]) => held === seq).map(([holder]) => holder)
      return { seq, holders }
    },
    of: (holder) => seqByHolder.get(holder) ?? (0n as Seq),
    until({ seq }, holders, signal) {
      if (isMet(seq, holders)) return Promise.resolve()
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const onAbort = (): void => {
          waiters.delete(waiter)
          reject(signal?.reason)
        }
        const settle = (finish: () => void): void => {
          signal?.removeEventListener('abort', onAbort)
          finish()
        }
        const waiter: Waiter = {
          seq,
          holders,
          resolve: () => settle(resolve),
          reject: (reason) => settle(() => reject(reason)),
        }
        waiters.add(waiter)
        signal?.addEventListener('abort', onAbort, { once: true })
      })
    },
    close(reason) {
      for (const waiter of waiters) waiter.reject(reason)
      waiters.clear()
    },
  }
}
