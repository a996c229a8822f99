/** Ownership among tabs: which tab of an origin runs a database, as one of them sees it.
 *  One tab holds the queue's lock and runs the database in its worker: the owner.  Every other one waits for
 *  that lock and meanwhile is a guest of the owner, so whoever is next is always awake and known.
 *  Keeps: pure; events in, actions out.  A tab that sleeps holds nothing that another could wait for.
 *  Never: decides who may write.  That is the storage's fence; two tabs that both believe to own do no harm,
 *  because one of them cannot open the files. */

import type { ConstelliteError } from '../../base/failure.ts'

export type OwnershipState = {
  readonly phase:
    | 'seeking' // asks for the lock and for an owner, whichever answers first
    | 'waiting' // an owner is about to be; it will call
    | 'guest'
    | 'elected' // has the lock, and opens the database
    | 'owner'
    | 'asleep'
    | 'over'
  /** Of the owner whose guest it is. */
  readonly term: string | undefined
}

export type OwnershipEvent =
  /** The lock is ours. */
  | { readonly type: 'granted' }
  /** The lock was taken away. */
  | { readonly type: 'robbed' }
  /** Another tab has the lock and opens the database. */
  | { readonly type: 'elected' }
  /** Another tab has opened the database. */
  | { readonly type: 'announced'; readonly term: string }
  /** The owner took us in. */
  | { readonly type: 'welcomed'; readonly term: string }
  | { readonly type: 'refused'; readonly failure: ConstelliteError }
  /** The owner lets go. */
  | { readonly type: 'left'; readonly term: string }
  /** Our own database is open. */
  | { readonly type: 'opened' }
  /** It did not open, or ended by itself. */
  | { readonly type: 'failed'; readonly failure: ConstelliteError }
  /** The page is about to be frozen or kept aside; and back again. */
  | { readonly type: 'sleep' }
  | { readonly type: 'wake' }
  | { readonly type: 'close' }

export type OwnershipAction =
  /** Begin to hear the other tabs; and hear them no more. */
  | 'enter'
  | 'exit'
  /** Ask for the lock, or go on waiting for it. */
  | 'queue'
  /** Give the lock back, or stop waiting for it. */
  | 'unqueue'
  /** Ask whoever owns to be taken in. */
  | 'join'
  /** Forget what was asked, or whose guest it is: what is under way there is called again elsewhere. */
  | 'drop'
  /** Calls go to the owner who took us in. */
  | 'visit'
  /** The lock is here: tell the others, and open the database in a worker of our own. */
  | 'open'
  /** Calls go to our own database, and others may come. */
  | 'host'
  /** End our worker, at once, and tell our guests. */
  | 'evict'
  /** Nothing follows: `failure` is why. */
  | { readonly type: 'end'; readonly failure: ConstelliteError }

export type OwnershipStep = {
  readonly state: OwnershipState
  readonly actions: readonly OwnershipAction[]
}

export const OWNERSHIP_START: OwnershipStep = {
  state: { phase: 'seeking', term: undefined },
  actions: ['enter', 'queue', 'join'],
}

export function stepOwnership(state: OwnershipState, event: OwnershipEvent): OwnershipStep {
  const { phase } = state
  if (phase === 'over') return stay(state)
  if (event.type === 'close') return to('over', leaving(state))
  if (phase === 'asleep') return event.type === 'wake' ? OWNERSHIP_START : stay(state)
  if (event.type === 'sleep') return to('asleep', leaving(state))
  return phase === 'elected' || phase === 'owner'
    ? stepOwner(state, event)
    : stepGuest(state, event)
}

function stepGuest(state: OwnershipState, event: OwnershipEvent): OwnershipStep {
  switch (event.type) {
    case 'granted':
      return to('elected', ['drop', 'open'])
    case 'elected':
      return to('waiting', ['drop'])
    case 'announced':
      // An owner answers who asks with the same words as when it comes.
      if (event.term === state.term) return stay(state)
      return to('seeking', ['drop', 'join'])
    case 'welcomed':
      return { state: { phase: 'guest', term: event.term }, actions: ['visit'] }
    case 'refused':
      return to('over', [...leaving(state), { type: 'end', failure: event.failure }])
    case 'left':
      return event.term === state.term ? to('waiting', ['drop']) : stay(state)
    default:
      return stay(state)
  }
}

function stepOwner(state: OwnershipState, event: OwnershipEvent): OwnershipStep {
  switch (event.type) {
    case 'opened':
      return state.phase === 'elected' ? to('owner', ['host']) : stay(state)
    case 'failed':
      return to('over', [...leaving(state), { type: 'end', failure: event.failure }])
    case 'robbed':
      return to('seeking', ['evict', 'unqueue', 'queue', 'join'])
    default:
      return stay(state)
  }
}

function leaving({ phase }: OwnershipState): readonly OwnershipAction[] {
  if (phase === 'asleep') return []
  const isOwner = phase === 'elected' || phase === 'owner'
  // The lock last: whoever has it next finds nothing of ours.
  return [isOwner ? 'evict' : 'drop', 'exit', 'unqueue']
}

function to(phase: OwnershipState['phase'], actions: readonly OwnershipAction[]): OwnershipStep {
  return { state: { phase, term: undefined }, actions }
}

function stay(state: OwnershipState): OwnershipStep {
  return { state, actions: [] }
}
