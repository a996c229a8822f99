/** Scope on Node: by its AsyncLocalStorage. */

import { AsyncLocalStorage } from 'node:async_hooks'
import type { Scope } from '../database/scope.ts'
import { createScopeOver, type Nested } from './scope-async.ts'

export function createAsyncScope(): Scope {
  return createScopeOver(new AsyncLocalStorage<Nested>())
}
