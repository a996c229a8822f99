/** Checks of the model of tabs (tabs-model.ts): what a failure says of a write, and whether what is there in the
 *  end is what was said. */

import { type ConstelliteError, isFailure } from '../../src/base/failure.ts'
import type { Database } from '../../src/database/types.ts'
import type { Random } from '../../src/testing/random.ts'
import type { SimulatedBrowser, SimulatedTab } from './tabs-fixtures.ts'

export type Write = {
  readonly what: string
  readonly rows: readonly string[]
  /** A transaction is whole or not there; of statements a part may be. */
  readonly isWhole: boolean
  fate: 'pending' | 'done' | 'maybe' | 'never'
}

export type Watch = { readonly told: string[]; failure: unknown }

export type ModelTab = {
  readonly tab: SimulatedTab
  readonly db: Database
  /** What was called and has not settled. */
  readonly calls: Set<string>
  readonly watches: Watch[]
  isHidden: boolean
  state: 'awake' | 'asleep' | 'stopped' | 'closing' | 'failed' | 'gone'
}

export type Model = {
  readonly browser: SimulatedBrowser
  readonly random: Random
  readonly tabs: ModelTab[]
  readonly writes: Write[]
  readonly acknowledged: Set<string>
  readonly wrong: string[]
  readonly note: (fact: string) => void
  rowCount: number
}

/** Counts among what must settle. */
export function call<T>(
  { note }: Model,
  it: ModelTab,
  what: string,
  promise: Promise<T>,
): Promise<T> {
  it.calls.add(what)
  note(`${it.tab.name} calls ${what}`)
  const settle = (how: string): void => {
    it.calls.delete(what)
    note(`${it.tab.name}: ${what} ${how}`)
  }
  promise.then(
    () => settle('done'),
    (error) => settle(codeOf(error)),
  )
  return promise
}

export function codeOf(error: unknown): string {
  return isFailure(error) ? `${error.code} (${error.message})` : String(error)
}

/** What a failure says of a write; undefined: no write may fail with this. */
export function fateOf({ state }: ModelTab, error: ConstelliteError): Write['fate'] | undefined {
  switch (error.code) {
    case 'ErrAnswerLost':
      return 'done'
    case 'ErrOutcomeUnknown':
      return 'maybe'
    case 'ErrTransaction':
      return error.retry === 'now' ? 'never' : undefined
    // A tab that was stopped did nothing for 5 s.
    case 'ErrTransactionTimeout':
      return 'never'
    case 'ErrWorkerFailed':
      return state === 'failed' ? 'maybe' : undefined
    case 'ErrClosed':
      return state === 'closing' || state === 'failed' ? 'maybe' : undefined
    default:
      return undefined
  }
}

export function checkRows({ writes, wrong }: Model, rows: readonly string[]): void {
  const counts = new Map<string, number>()
  for (const x of rows) counts.set(x, (counts.get(x) ?? 0) + 1)
  for (const { what, rows: mine, isWhole, fate } of writes) {
    const found = mine.map((x) => counts.get(x) ?? 0)
    if (Math.max(...found) > 1) wrong.push(`${what} is there ${found} times`)
    if (fate === 'done' && found.includes(0))
      wrong.push(`${what} was acknowledged and is not there`)
    if (fate === 'never' && found.includes(1)) wrong.push(`${what} failed and is there`)
    if (isWhole && new Set(found).size > 1) wrong.push(`${what} is there in part`)
  }
}

export function checkWatches({ tabs, wrong }: Model, newest: string): void {
  for (const { tab, state, watches } of tabs) {
    if (state !== 'awake') continue
    for (const { told, failure } of watches) {
      if (failure === undefined && told.at(-1) !== newest) {
        wrong.push(`${tab.name} watches and was last told ${told.at(-1)}`)
      }
    }
  }
}

export function checkLeft({ browser, wrong }: Model): void {
  const { broadcasts, disk, locks } = browser
  if (disk.holder !== undefined) wrong.push(`${disk.holder.name} still has the disk`)
  if (broadcasts.names.length > 0) wrong.push(`channels are left: ${broadcasts.names}`)
  if (locks.names.length > 0) wrong.push(`locks are left: ${locks.names}`)
}
