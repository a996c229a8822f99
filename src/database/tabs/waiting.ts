/** Waiting: one promise for all who wait for the same thing to come, as often as it comes. */

export type Waiting<T> = {
  /** Resolves with the next `resolve`. */
  wait(): Promise<T>
  resolve(value: T): void
  reject(failure: Error): void
}

export function createWaiting<T>(): Waiting<T> {
  let settle: Pick<Waiting<T>, 'resolve' | 'reject'> | undefined
  let promise: Promise<T> | undefined
  const take = (): typeof settle => {
    const taken = settle
    settle = undefined
    promise = undefined
    return taken
  }
  return {
    wait: () => {
      promise ??= new Promise<T>((resolve, reject) => {
        settle = { resolve, reject }
      })
      return promise
    },
    resolve: (value) => take()?.resolve(value),
    reject: (failure) => take()?.reject(failure),
  }
}
