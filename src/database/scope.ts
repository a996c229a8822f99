/** Scope: whether code runs inside the callback of a transaction, so that a call on the database itself
 *  can be refused there at once instead of waiting for its own end.
 *  This is the scope for platforms without AsyncLocalStorage.  It sees the callback up to its first wait
 *  for something else, and everything that runs on from an answer of `tx`: each answer is handed out in
 *  a task of its own, so what runs until the microtasks are through is a consequence of it.
 *  Does not see: what the callback does after waiting for something else (a fetch, a timer).  Such a call
 *  waits, and is refused when the transaction has been idle for 5 s (slot.ts). */

import type { Host } from '../base/host.ts'

/** One transaction, as far as its scope is concerned. */
export type Inside = { readonly database: object; isOpen: boolean }

export type Scope = {
  /** True when no call from inside escapes it; then whatever waits for a transaction is somebody else's. */
  readonly isExact: boolean
  /** Runs the callback of a transaction. */
  enter<T>(inside: Inside, work: () => Promise<T> | T): Promise<T>
  /** Hands out an answer of `tx`. */
  carry<T>(inside: Inside, answer: Promise<T>): Promise<T>
  /** True inside an open transaction of this database. */
  isInside(database: object): boolean
}

/** Awaits that a helper may put between an answer and the call that it leads to. */
const HOPS = 64

export function createTurnScope(host: Host): Scope {
  let current: Inside | undefined

  /** Runs `work` and what follows from it as inside. */
  const within = (inside: Inside, work: () => void): void => {
    current = inside
    work()
    hop(HOPS)
  }
  const hop = (count: number): void => {
    if (count === 0) current = undefined
    else Promise.resolve(count - 1).then(hop)
  }
  return {
    isExact: false,
    enter: (inside, work) =>
      new Promise((resolve, reject) => {
        host.defer(() =>
          within(inside, () => {
            // An async wrapper, so that what `work` throws at once rejects too.
            const running = (async () => work())()
            running.then(resolve, reject)
          }),
        )
      }),
    carry: (inside, answer) =>
      new Promise((resolve, reject) => {
        answer.then(
          (value) => host.defer(() => within(inside, () => resolve(value))),
          (reason) => host.defer(() => within(inside, () => reject(reason))),
        )
      }),
    isInside: (database) => current?.isOpen === true && current.database === database,
  }
}
