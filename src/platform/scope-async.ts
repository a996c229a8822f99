/** Scope by AsyncLocalStorage: exact, whatever the callback of a transaction waits for. */

import type { Inside, Scope } from '../database/scope.ts'

export type Nested = { readonly inside: Inside; readonly outer: Nested | undefined }

/** What of an AsyncLocalStorage is used. */
export type NestedStorage = {
  run<T>(nested: Nested, work: () => T): T
  getStore(): Nested | undefined
}

export function createScopeOver(storage: NestedStorage): Scope {
  return {
    isExact: true,
    enter: (inside, work) => storage.run({ inside, outer: storage.getStore() }, async () => work()),
    carry: (_, answer) => answer,
    isInside: (database) => {
      for (let at = storage.getStore(); at !== undefined; at = at.outer) {
        if (at.inside.isOpen && at.inside.database === database) return true
      }
      return false
    },
  }
}
