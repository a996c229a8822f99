/** Hooks: the callbacks of SQLite that are not files, one entry in the function table for all
 *  connections of an engine; the context argument tells them apart.
 *  Keeps: no exception passes through C; an authorizer or progress hook that throws stops the
 *  statement, and the connection throws what it threw. */

import { SQLITE_DENY, SQLITE_OK } from './codes.ts'
import type { Pointer, Sqlite3 } from './module.ts'

export type ConnectionHooks = {
  authorize(action: number, first: Pointer, second: Pointer, schema: Pointer): number
  announceCommit(): void
  /** Asked every `PROGRESS_OPS` steps of the virtual machine; true interrupts. */
  readonly shouldStop: (() => boolean) | undefined
  /** Keeps what a hook threw. */
  fail(error: unknown): void
}

export type HookTable = {
  /** Installs the hooks on a connection; the answer removes them. */
  attach(database: Pointer, hooks: ConnectionHooks): () => void
  close(): void
}

/** About a fifth of a millisecond of work between two questions. */
export const PROGRESS_OPS = 10_000

export function createHookTable(sqlite3: Sqlite3): HookTable {
  const { wasm } = sqlite3
  const { exports } = wasm
  const connections = new Map<number, ConnectionHooks>()
  let newest = 0
  const authorize = wasm.installFunction(
    'i(pipppp)',
    (context: number, action: number, first: Pointer, second: Pointer, schema: Pointer) => {
      const hooks = connections.get(context)
      if (hooks === undefined) return SQLITE_OK
      try {
        return hooks.authorize(action, first, second, schema)
      } catch (error) {
        hooks.fail(error)
        return SQLITE_DENY
      }
    },
  )
  const announce = wasm.installFunction('i(p)', (context: number) => {
    connections.get(context)?.announceCommit()
    return SQLITE_OK
  })
  const progress = wasm.installFunction('i(p)', (context: number) => {
    const hooks = connections.get(context)
    try {
      return hooks?.shouldStop?.() === true ? 1 : 0
    } catch (error) {
      hooks?.fail(error)
      return 1
    }
  })
  return {
    attach(database, hooks) {
      newest += 1
      const context = newest
      connections.set(context, hooks)
      exports.sqlite3_set_authorizer(database, authorize, context)
      exports.sqlite3_commit_hook(database, announce, context)
      if (hooks.shouldStop !== undefined) {
        exports.sqlite3_progress_handler(database, PROGRESS_OPS, progress, context)
      }
      return () => {
        exports.sqlite3_set_authorizer(database, 0, 0)
        exports.sqlite3_commit_hook(database, 0, 0)
        exports.sqlite3_progress_handler(database, 0, 0, 0)
        connections.delete(context)
      }
    },
    close() {
      connections.clear()
      for (const pointer of [authorize, announce, progress]) wasm.uninstallFunction(pointer)
    },
  }
}
