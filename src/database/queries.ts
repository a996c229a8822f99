/** Queries: run, all, get and exec over a core, outside a transaction or inside one.
 *  Keeps: arguments are read, and bytes copied, at the call, before anything waits. */

import type { Signal } from '../base/globals.ts'
import type { Core, CoreCall } from './core.ts'
import { parseStatement, type Query } from './sql.ts'
import type { Queries } from './types.ts'

export function createQueries(
  core: () => Promise<Core>,
  call: Pick<CoreCall, 'caller' | 'transaction'>,
  /** Minds the signal of a call as long as no core does. */
  unlessAborted: <T>(answer: Promise<T>, signal: Signal) => Promise<T> = (answer) => answer,
): Queries {
  const parsed = async <T>(
    given: readonly unknown[],
    work: (core: Core, query: Query, call: CoreCall) => Promise<T>,
  ): Promise<T> => {
    const { query, options } = parseStatement(given)
    const { signal } = options
    if (signal === undefined) return work(await core(), query, { ...call, signal })
    const ask = async (): Promise<T> => work(await core(), query, { ...call, signal })
    return unlessAborted(ask(), signal)
  }
  const all = (...given: readonly unknown[]) =>
    parsed(given, (it, query, made) => it.all(query, made))
  return {
    run: (...given: readonly unknown[]) => parsed(given, (it, query, made) => it.run(query, made)),
    // What a row is, the reader says.
    all: all as Queries['all'],
    get: (async (...given: readonly unknown[]) => (await all(...given))[0]) as Queries['get'],
    exec: (text, options) =>
      parsed([text, [], options], (it, query, made) => it.exec(query.sql, made)),
  }
}

/** The same queries with every answer passed through `map`. */
export function mapAnswers(
  { run, all, get, exec }: Queries,
  map: <T>(answer: Promise<T>) => Promise<T>,
): Queries {
  const mapped =
    <A extends readonly unknown[], T>(method: (...given: A) => Promise<T>) =>
    (...given: A): Promise<T> =>
      map(method(...given))
  return {
    // The overloads of a method have one shape at run time.
    run: mapped(run as (...given: unknown[]) => Promise<unknown>) as Queries['run'],
    all: mapped(all as (...given: unknown[]) => Promise<unknown>) as Queries['all'],
    get: mapped(get as (...given: unknown[]) => Promise<unknown>) as Queries['get'],
    exec: mapped(exec),
  }
}
