/** Handle: what `open` answers.  Made at once; the first call opens the database and every call waits
 *  for that.  Keeps: a handle that was never used never opened anything; once closed it refuses.
 *  `await handle` resolves with the same database without `then`, so that it is awaited only once. */

import type { Host } from '../base/host.ts'
import { insideItself } from './control-words.ts'
import type { Core } from './core.ts'
import { held, type KeepAlive } from './keep-alive.ts'
import { createLife, type Life, type Share } from './life.ts'
import { checkUntil } from './options.ts'
import { createQueries, mapAnswers } from './queries.ts'
import type { Scope } from './scope.ts'
import { parseStatement } from './sql.ts'
import { runTransaction } from './transaction.ts'
import type { Database, OpeningDatabase, Ready, Stage, UntilOptions } from './types.ts'
import { waitFor } from './wait.ts'
import { createWatch } from './watch.ts'
import { createWholeCalls } from './whole-calls.ts'

export type HandleParts = {
  readonly host: Host
  readonly scope: Scope
  readonly keepAlive: KeepAlive
  readonly name: string
  /** Distinct for every handle of the realm. */
  readonly caller: number
  /** Takes a share of the database; throws what is wrong with name or options. */
  take(): Share
}

export function createHandle(parts: HandleParts): OpeningDatabase {
  const { host, scope, keepAlive, caller } = parts
  const life = createLife(host, parts.take)
  const transactions = new Set<Promise<unknown>>()
  let ready: Promise<Ready> | undefined
  const refuseInside = (): void => {
    if (life.database !== undefined && scope.isInside(life.database)) throw insideItself()
  }
  /** The core, for calls that would wait for a transaction that they are made in. */
  const core = async (): Promise<Core> => {
    refuseInside()
    const opening = life.core()
    // The first call of a handle takes the share by which its database is known.
    opening.catch(() => undefined)
    refuseInside()
    return opening
  }
  const asked = <T>(work: () => Promise<T>): Promise<T> => held(keepAlive, work())

  const database: Database = {
    name: parts.name,
    get ready() {
      ready ??= held(keepAlive, readyOf(life))
      return ready
    },
    get status() {
      return life.status
    },
    onStatus: (listener) => life.onStatus(listener),
    ...mapAnswers(createQueries(core, { caller }, life.unlessAborted), (answer) =>
      held(keepAlive, answer),
    ),
    transaction: (work, options = {}) => {
      const run = async () => {
        const opened = await core()
        const database = life.database ?? life
        return runTransaction({ core: opened, database, scope, caller }, work, options)
      }
      const answer = life.unlessAborted(run(), options.signal)
      return track(transactions, held(keepAlive, answer))
    },
    watch: ((...given: readonly unknown[]) => {
      const { query, options } = parseStatement(given)
      const start = life.startWatch.bind(undefined, query)
      return createWatch({ host, keepAlive, signal: options.signal, start, refuseInside })
      // What a row is, the reader says.
    }) as Database['watch'],
    until: (stage, options = {}) => asked(() => reach({ host, core, stage, options })),
    ...createWholeCalls(asked, core, life.unlessAborted),
    close: () =>
      asked(async () => {
        refuseInside()
        await life.close(() => Promise.allSettled(transactions))
      }),
  }
  return withThen(database, () => held(keepAlive, life.core()))
}

/** The same promise, listed until it has settled. */
function track<T>(running: Set<Promise<unknown>>, promise: Promise<T>): Promise<T> {
  running.add(promise)
  const forget = (): unknown => running.delete(promise)
  promise.then(forget, forget)
  return promise
}

async function reach({
  host,
  core,
  stage,
  options,
}: {
  readonly host: Host
  readonly core: () => Promise<Core>
  readonly stage: Stage
  readonly options: UntilOptions
}): Promise<void> {
  const { holders, signal, timeoutMs } = checkUntil(stage, options)
  return waitFor(host, { signal, timeoutMs, what: `The stage "${stage}"` }, async (given) => {
    const opened = await core()
    return opened.until(stage, { holders, signal: given })
  })
}

function readyOf(life: Life): Promise<Ready> {
  const ready = life.core().then((core) => core.ready)
  // Every call tells the same failure, so one that only reads `ready` in passing must not crash.
  ready.catch(() => undefined)
  return ready
}

/** The database with a `then` that resolves with the database without one. */
function withThen(database: Database, open: () => Promise<unknown>): OpeningDatabase {
  const handle: Database = Object.create(database)
  const then: OpeningDatabase['then'] = (onOpen, onFailure) =>
    open()
      .then(() => database)
      .then(onOpen, onFailure)
  Object.defineProperty(handle, 'then', { value: then })
  // `then` was just defined.
  return handle as OpeningDatabase
}
