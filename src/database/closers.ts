/** Closers: what was opened, to be closed in the opposite order.
 *  Keeps: everything is closed once, whatever fails on the way; the first failure is told. */

export type Closers = {
  add(close: () => Promise<void>): void
  close(): Promise<void>
}

export function createClosers(): Closers {
  const closers: (() => Promise<void>)[] = []
  return {
    add: (close) => {
      closers.push(close)
    },
    close: async () => {
      const failures: unknown[] = []
      for (const close of closers.splice(0).reverse()) {
        await close().catch((error: unknown) => failures.push(error))
      }
      if (failures.length > 0) throw failures[0]
    },
  }
}
