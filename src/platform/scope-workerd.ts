/** Scope in workerd: by AsyncLocalStorage where the Worker's compatibility flags give it, otherwise by turns.
 *  Never: imports `node:async_hooks`, without which a Worker without those flags would not start. */

import type { Host } from '../base/host.ts'
import { createTurnScope, type Scope } from '../database/scope.ts'
import { createScopeOver, type NestedStorage } from './scope-async.ts'

/** As workerd has it under `nodejs_compat`. */
type WithProcess = {
  readonly process?: {
    getBuiltinModule?(
      name: 'node:async_hooks',
    ): { readonly AsyncLocalStorage?: new () => NestedStorage } | undefined
  }
}

export function createWorkerdScope(host: Host): Scope {
  // The global differs with the flags, which no type can know.
  const { process } = globalThis as WithProcess
  const AsyncLocalStorage = process?.getBuiltinModule?.('node:async_hooks')?.AsyncLocalStorage
  if (AsyncLocalStorage === undefined) return createTurnScope(host)
  return createScopeOver(new AsyncLocalStorage())
}
