/** Live sharing: equal live queries, the same text with the same values, are one for all who listen in a
 *  realm, whatever handle they use; where a worker runs them, one message brings the rows to all.
 *  Keeps: the query is begun for the first listener and ended with the last; who comes later is told the
 *  newest rows, or the newest error, at once; all are given the same array. */

import type { Core, LiveListener } from './core.ts'
import type { Query } from './sql.ts'

/** Begins a live query; answers the way to end it. */
export type LiveStart = (query: Query, listener: LiveListener) => () => void

type Told = (listener: LiveListener) => void

type Shared = {
  readonly listeners: Set<{ readonly listener: LiveListener }>
  newest: Told | undefined
  stop: (() => void) | undefined
}

/** The same core, whose equal live queries are one. */
export function withSharedLive(core: Core): Core {
  // Not a copy: what it has may be read anew at each use.
  return Object.create(core, { watch: { value: shareLive(core.watch) } })
}

export function shareLive(start: LiveStart): LiveStart {
  const sharedByKey = new Map<string, Shared>()

  const begin = (key: string, query: Query, shared: Shared): void => {
    sharedByKey.set(key, shared)
    const { listeners } = shared
    const tell = (newest: Told): void => {
      shared.newest = newest
      // One that is told may end another, or begin one.
      for (const it of [...listeners]) if (listeners.has(it)) newest(it.listener)
    }
    shared.stop = start(query, {
      onRows: (rows) => tell((it) => it.onRows(rows)),
      onError: (failure, isFinal) => {
        // Whoever comes after the end begins anew.
        if (isFinal && sharedByKey.get(key) === shared) sharedByKey.delete(key)
        tell((it) => it.onError(failure, isFinal))
      },
    })
  }
  return (query, listener) => {
    const key = keyOf(query)
    const known = sharedByKey.get(key)
    const shared: Shared = known ?? { listeners: new Set(), newest: undefined, stop: undefined }
    const mine = { listener }
    shared.listeners.add(mine)
    if (known === undefined) begin(key, query, shared)
    else known.newest?.(listener)
    return () => {
      if (!shared.listeners.delete(mine) || shared.listeners.size > 0) return
      if (sharedByKey.get(key) === shared) sharedByKey.delete(key)
      shared.stop?.()
    }
  }
}

/** One text for equal queries.  -0 and 0 are one value to SQLite. */
function keyOf({ sql, parameters }: Query): string {
  const values = Object.entries(parameters).flatMap(([name, value]) => [
    name,
    typeof value,
    String(value),
  ])
  return JSON.stringify([sql, Array.isArray(parameters), ...values])
}
