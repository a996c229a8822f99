/** Line: those who wait for a value that comes and goes.
 *  Keeps: when it comes, all are called at once, in the order of their numbers and before anybody who asks
 *  later; each is called once. */

export type Waiter<T> = {
  /** Of two, the lower was there first, whenever each began to wait. */
  readonly order: number
  onValue(value: T): void
  onFailure(failure: Error): void
}

export type Line<T> = {
  /** A number above all before. */
  order(): number
  /** Calls the waiter, now or when the value comes, or with what ended the line; answers the way to stop
   *  waiting. */
  take(waiter: Waiter<T>): () => void
  set(value: T | undefined): void
  end(failure: Error): void
}

/** `isUsable`: one that is not any more will be replaced. */
export function createLine<T>(isUsable: (value: T) => boolean): Line<T> {
  let waiters: Waiter<T>[] = []
  let last = 0
  let current: T | undefined
  let ended: Error | undefined
  const takeAll = (): Waiter<T>[] => {
    const taken = waiters.sort((left, right) => left.order - right.order)
    waiters = []
    return taken
  }
  const nothing = (): void => undefined
  return {
    order: () => {
      last += 1
      return last
    },
    take: (waiter) => {
      if (ended !== undefined) waiter.onFailure(ended)
      else if (current !== undefined && isUsable(current)) waiter.onValue(current)
      else {
        waiters.push(waiter)
        return () => {
          waiters = waiters.filter((it) => it !== waiter)
        }
      }
      return nothing
    },
    set: (value) => {
      current = value
      if (value !== undefined) for (const { onValue } of takeAll()) onValue(value)
    },
    end: (failure) => {
      ended = failure
      for (const { onFailure } of takeAll()) onFailure(failure)
    },
  }
}
