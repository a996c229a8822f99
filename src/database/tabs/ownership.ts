/** Ownership among tabs: which tab of an origin runs a database, as one of them sees it.
 *  One tab holds the queue's lock and runs the database in its worker: the owner.  Every other one waits for
 *  that lock and meanwhile is a guest of the owner, so whoever is next is always awake and known.
 *  Keeps: pure; events in, actions out.  A tab that sleeps holds nothing that another could wait for.
 *  Never: decides who may write.  That is the storage's fence; two tabs that both believe to own do no harm,
 *  because one of them cannot open the files. */

import type { ConstelliteError } from '../../base/failure.ts'

export type OwnershipState = {
  readonly phase:
    | 'seeking' // asks for the lock and for an owner, whichever answers first; one about to be will call
    | 'guest'
    | 'offering' // has the lock, and is hidden: asks whether a tab that is not wants it
    | 'elected' // has the lock, and opens the database
    | 'owner'
    | 'yielding' // closes the database for a tab that is not hidden
    | 'asleep'
    | 'over'
  /** Of the owner whose guest it is. */
  readonly term: string | undefined
  /** Nobody looks at it, and the browser may stop it without a word. */
  readonly isHidden: boolean
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
  /** The page is hidden, where such a page may be stopped without a word; and to be seen again. */
  | { readonly type: 'hidden' }
  | { readonly type: 'shown' }
  /** A hidden tab would give the database to one that is not. */
  | { readonly type: 'offered' }
  /** A tab that is not hidden would have it. */
  | { readonly type: 'wanted' }
  /** Nobody said so in time. */
  | { readonly type: 'unwanted' }
  /** Our worker could not be started; another tab's may. */
  | { readonly type: 'unable' }
  /** Our database is closed in good order. */
  | { readonly type: 'yielded' }
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
  /** Ask the tabs that are not hidden; and ask, and wait a moment for an answer. */
  | 'offer'
  | 'offer-first'
  | 'want'
  /** Close our database in good order: what it was asked is answered, nothing more is asked of it. */
  | 'yield'
  /** End our worker, at once, and tell our guests. */
  | 'evict'
  /** Nothing follows: `failure` is why. */
  | { readonly type: 'end'; readonly failure: ConstelliteError }

type OwnershipStep = {
  readonly state: OwnershipState
  readonly actions: readonly OwnershipAction[]
}

export const OWNERSHIP_START: OwnershipStep = {
  state: { phase: 'seeking', term: undefined, isHidden: false },
  actions: ['enter', 'queue', 'join'],
}

/** Those in which a worker of our own runs. */
const RUNNING: readonly OwnershipState['phase'][] = ['elected', 'owner', 'yielding']

export function stepOwnership(state: OwnershipState, event: OwnershipEvent): OwnershipStep {
  const { phase } = state
  if (phase === 'over') return stay(state)
  if (event.type === 'close') return to(state, 'over', leaving(state))
  if (event.type === 'hidden' || event.type === 'shown') return stepSight(state, event)
  if (phase === 'asleep') {
    return event.type === 'wake' ? to(state, 'seeking', OWNERSHIP_START.actions) : stay(state)
  }
  if (event.type === 'sleep') return to(state, 'asleep', leaving(state))
  if (phase === 'offering') return stepOffering(state, event)
  return RUNNING.includes(phase) ? stepOwner(state, event) : stepGuest(state, event)
}

/** Whether it can be seen, in any phase. */
function stepSight(state: OwnershipState, { type }: { readonly type: string }): OwnershipStep {
  const isHidden = type === 'hidden'
  const actions: OwnershipAction[] = []
  if (isHidden && state.phase === 'owner') actions.push('offer')
  if (!isHidden && state.phase === 'guest') actions.push('want')
  return { state: { ...state, isHidden }, actions }
}

function stepGuest(state: OwnershipState, event: OwnershipEvent): OwnershipStep {
  switch (event.type) {
    case 'granted':
      return state.isHidden
        ? to(state, 'offering', ['drop', 'offer-first'])
        : to(state, 'elected', ['drop', 'open'])
    case 'elected':
      return to(state, 'seeking', REJOIN)
    case 'offered':
      return state.isHidden ? stay(state) : { state, actions: ['want'] }
    case 'announced':
      // An owner answers who asks with the same words as when it comes.
      if (event.term === state.term) return stay(state)
      return to(state, 'seeking', REJOIN)
    case 'welcomed':
      return { state: { ...state, phase: 'guest', term: event.term }, actions: ['visit'] }
    case 'refused':
      return to(state, 'over', [...leaving(state), { type: 'end', failure: event.failure }])
    case 'left':
      return event.term === state.term ? to(state, 'seeking', REJOIN) : stay(state)
    default:
      return stay(state)
  }
}

function stepOwner(state: OwnershipState, event: OwnershipEvent): OwnershipStep {
  const { phase, isHidden } = state
  const { type } = event
  switch (type) {
    case 'opened':
      if (phase !== 'elected') return stay(state)
      return to(state, 'owner', isHidden ? ['host', 'offer'] : ['host'])
    case 'failed':
      return to(state, 'over', [...leaving(state), { type: 'end', failure: event.failure }])
    case 'wanted':
      return phase === 'owner' && isHidden ? to(state, 'yielding', ['yield']) : stay(state)
    case 'unable':
      return phase === 'elected' ? to(state, 'seeking', STEP_BACK) : stay(state)
    case 'yielded':
      return phase === 'yielding' ? to(state, 'seeking', STEP_BACK) : stay(state)
    case 'robbed':
      return to(state, 'seeking', STEP_BACK)
    default:
      return stay(state)
  }
}

/** Nothing is open yet, so that giving way costs nothing. */
function stepOffering(state: OwnershipState, event: OwnershipEvent): OwnershipStep {
  switch (event.type) {
    case 'wanted':
    case 'robbed':
      return to(state, 'seeking', REQUEUE)
    case 'unwanted':
      return to(state, 'elected', ['open'])
    default:
      return stay(state)
  }
}

/** Whoever owns next hears it when it can, or calls; and that nobody answers is noticed (pulse.ts). */
const REJOIN: readonly OwnershipAction[] = ['drop', 'join']
/** To the end of the queue, as a guest of whoever is next. */
const REQUEUE: readonly OwnershipAction[] = ['unqueue', 'queue', 'join']
const STEP_BACK: readonly OwnershipAction[] = ['evict', ...REQUEUE]

function leaving({ phase }: OwnershipState): readonly OwnershipAction[] {
  if (phase === 'asleep') return []
  const isOwner = RUNNING.includes(phase)
  // The lock last: whoever has it next finds nothing of ours.
  return [isOwner ? 'evict' : 'drop', 'exit', 'unqueue']
}

function to(
  { isHidden }: OwnershipState,
  phase: OwnershipState['phase'],
  actions: readonly OwnershipAction[],
): OwnershipStep {
  return { state: { phase, term: undefined, isHidden }, actions }
}

function stay(state: OwnershipState): OwnershipStep {
  return { state, actions: [] }
}
