/** Failures of a database that several tabs share. */

import { ConstelliteError, type Facts } from '../../base/failure.ts'

/** What is pending at an owner is rejected with this; whoever asked repeats it elsewhere. */
export function ownerGone(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrWorkerFailed',
    message: 'The tab that ran the database is gone.',
    hint: 'Ask again: another tab runs it.',
    retry: 'later',
    facts: GONE,
  })
}

/** Marks that failure among others of its code. */
const GONE: Facts = { owner: 'gone' }

/** Of a transaction whose core was lost with this: a worker of our own that died ends more than that. */
export function transactionLost(lost?: ConstelliteError): ConstelliteError {
  if (lost !== undefined && lost.facts['owner'] !== GONE['owner']) return lost
  return new ConstelliteError({
    code: 'ErrTransaction',
    message: 'The database went to another tab before this transaction was committed.',
    hint: 'Nothing of it was written. Call transaction(…) again.',
    retry: 'now',
  })
}

/** Of what waited for an owner that has stopped, when its own tab closed the database. */
export function unanswered(): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrWorkerFailed',
    message: 'The tab that runs the database does not answer, and this one has closed it.',
    hint: 'Open it again when that tab goes on, or close that tab: `db.status.owner` is "silent" until then.',
    retry: 'later',
  })
}

/** For what cannot be repeated without knowing whether it was done. */
export function outcomeUnknown(what: string): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrOutcomeUnknown',
    message: `The tab that ran the database went away during ${what}, so nobody knows how it ended.`,
    hint: 'Look at what the database has now before you call it again.',
    retry: 'after-repair',
  })
}

/** The tab that called it has ended before its fate was known. */
export function neverSettled(cause: ConstelliteError): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrOutcomeUnknown',
    message: `Whether this call was written is not known: ${cause.message}`,
    hint: 'Open the database again and read the rows that it writes; where they are as before, call it again.',
    retry: 'after-repair',
    cause,
  })
}

export function lostTooOften(losses: number, isWrite: boolean): ConstelliteError {
  return new ConstelliteError({
    code: isWrite ? 'ErrOutcomeUnknown' : 'ErrWorkerFailed',
    message: `The tab that ran the database went away ${losses} times while this call was under way.`,
    hint: 'Perhaps the call itself ends it, for lack of memory: ask for less at once. Look at what the database has now before you call it again.',
    retry: 'after-repair',
    facts: { losses },
  })
}

export function otherBuild(protocols: {
  readonly here: number
  readonly there: number
}): ConstelliteError {
  const { here, there } = protocols
  const older = there > here ? 'this tab is' : 'the other is'
  return new ConstelliteError({
    code: 'ErrWorkerFailed',
    message: `Another tab runs this database with another version (protocol ${there}, here ${here}).`,
    hint: `Reload both tabs: ${older} an older copy of the page.`,
    retry: 'later',
    facts: { here, there },
  })
}

/** Where an owner runs another shard than the one that the tab had; both are told by their addresses, in which
 *  other relays may follow the id.  Nothing of a tab goes on in a database that it did not open. */
export function checkSame(before: string | undefined, now: string): ConstelliteError | undefined {
  const [id] = now.split(/[?#]/)
  if (before === undefined || before.split(/[?#]/)[0] === id) return undefined
  return new ConstelliteError({
    code: 'ErrCleared',
    message: 'The database that this tab had open was deleted, and another one has its name.',
    hint: 'Close it, and open the name again to go on with that one.',
    retry: 'after-repair',
  })
}

export function tooManyGuests(countMax: number): ConstelliteError {
  return new ConstelliteError({
    code: 'ErrBackpressure',
    message: `${countMax} tabs use this database already.`,
    hint: 'Close some of them.',
    retry: 'later',
    facts: { countMax },
  })
}
