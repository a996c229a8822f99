/** Mutex: one holder at a time, first come first served.  Keeps: a holder that throws releases. */

export type Mutex = {
  /** Runs `task` when every earlier one has settled. */
  run<T>(task: () => Promise<T> | T): Promise<T>
  readonly isHeld: boolean
}

export function createMutex(): Mutex {
  let tail: Promise<unknown> = Promise.resolve()
  let waiting = 0
  return {
    get isHeld() {
      return waiting > 0
    },
    run(task) {
      waiting += 1
      const result = tail.then(task)
      tail = result.then(
        () => {
          waiting -= 1
        },
        () => {
          waiting -= 1
        },
      )
      return result
    },
  }
}
