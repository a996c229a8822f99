/** Scope by AsyncLocalStorage: exact, whatever the callback of a transaction waits for. */

import { AsyncLocalStorage } from 'node:async_hooks'
import type { Inside, Scope } from '../database/scope.ts'

type Nested = { readonly inside: Inside; readonly outer: Nested | undefined }

export function createAsyncScope(): Scope {
  const storage = new AsyncLocalStorage<Nested>()
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
