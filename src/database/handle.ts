/** Handle: what `open` answers.  Made at once; the first call opens the database and every call waits
 *  for that.  Keeps: a handle that was never used never opened anything; once closed it refuses.
 *  `await handle` resolves with the same database without `then`, so that it is awaited only once. */

import type { Host } from '../base/host.ts'
import { insideItself } from './control-words.ts'
import type { Core } from './core.ts'
import { createLife, type Life, type Share } from './life.ts'
import { checkUntil } from './options.ts'
import { createQueries } from './queries.ts'
import type { Scope } from './scope.ts'
import { parseStatement } from './sql.ts'
import { runTransaction } from './transaction.ts'
import type { Database, OpeningDatabase, Ready } from './types.ts'
import { waitFor } from './wait.ts'
import { createWatch } from './watch.ts'

export type HandleParts = {
  readonly host: Host
  readonly scope: Scope
  readonly name: string
  /** Distinct for every handle of the realm. */
  readonly caller: number
  /** Takes a share of the database; throws what is wrong with name or options. */
  take(): Share
}

export function createHandle(parts: HandleParts): OpeningDatabase {
  const { host, scope, caller } = parts
  const life = createLife(host, parts.take)
  const transactions = new Set<Promise<unknown>>()
  let ready: Promise<Ready> | undefined
  const refuseInside = (): void => {
    if (life.database !== undefined && scope.isInside(life.database)) throw insideItself()
  }
  /** The core, for calls that would wait for a transaction that they are made in. */
  const core = async (): Promise<Core> => {
    refuseInside()
    return life.core()
  }

  const database: Database = {
    name: parts.name,
    get ready() {
      ready ??= readyOf(life)
      return ready
    },
    get status() {
      return life.status
    },
    onStatus: (listener) => life.onStatus(listener),
    ...createQueries(core, { caller }),
    transaction: async (work, options = {}) => {
      const opened = await core()
      const running = runTransaction(
        { core: opened, database: life.database ?? life, scope, caller },
        work,
        options,
      )
      transactions.add(running)
      return running.finally(() => transactions.delete(running))
    },
    watch: ((...given: readonly unknown[]) => {
      const { query, options } = parseStatement(given)
      const start = life.startWatch.bind(undefined, query)
      return createWatch({ host, signal: options.signal, start })
      // What a row is, the reader says.
    }) as Database['watch'],
    until: async (stage, options = {}) => {
      const { holders, signal, timeoutMs } = checkUntil(stage, options)
      return waitFor(host, { signal, timeoutMs, what: `The stage "${stage}"` }, async (given) => {
        const opened = await life.core()
        return opened.until(stage, { holders, signal: given })
      })
    },
    export: (async (target?: { readonly path: string }) => {
      const opened = await core()
      return target === undefined ? opened.exportFile() : opened.exportTo(target.path)
      // Two overloads, told apart by the argument.
    }) as Database['export'],
    import: async (source, options = {}) => (await core()).importFile(source, options),
    verify: async () => (await core()).verify(),
    close: async () => {
      refuseInside()
      await life.close(() => Promise.allSettled(transactions))
    },
  }
  return withThen(database, life)
}

function readyOf(life: Life): Promise<Ready> {
  const ready = life.core().then((core) => core.ready)
  // Every call tells the same failure, so one that only reads `ready` in passing must not crash.
  ready.catch(() => undefined)
  return ready
}

/** The database with a `then` that resolves with the database without one. */
function withThen(database: Database, life: Life): OpeningDatabase {
  const handle: Database = Object.create(database)
  const then: OpeningDatabase['then'] = (onOpen, onFailure) =>
    life
      .core()
      .then(() => database)
      .then(onOpen, onFailure)
  Object.defineProperty(handle, 'then', { value: then })
  // `then` was just defined.
  return handle as OpeningDatabase
}
