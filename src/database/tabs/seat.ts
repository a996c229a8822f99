/** Seat: the place of one tab among those that share a database: does what ownership.ts decides, and says
 *  which core the tab's calls go to now.
 *  Keeps: one core at a time; what one leaves unanswered was rejected before the next is given. */

import type { ConstelliteError } from '../../base/failure.ts'
import type { ClientCore } from '../bridge/client.ts'
import { PROTOCOL } from '../bridge/protocol.ts'
import type { WorkerOpening } from '../bridge/start.ts'
import { closed } from '../open-failures.ts'
import type { Status } from '../types.ts'
import { checkSame, otherBuild, ownerGone } from './failures.ts'
import { eventOf } from './hearing.ts'
import { createLine, type Line } from './line.ts'
import { enterLobby, type Lobby, type LobbyMessage, type WelcomedMessage } from './lobby.ts'
import { beginOwn, isWorkerMissing, type Own, withoutDone } from './own.ts'
import {
  OWNERSHIP_START,
  type OwnershipAction,
  type OwnershipEvent,
  type OwnershipState,
  stepOwnership,
} from './ownership.ts'
import type { TabParts } from './parts.ts'
import { joinQueue } from './queue.ts'
import { beginVisit, type Visit } from './visit.ts'
import type { Wishes } from './wishes.ts'

export type Seat = {
  /** Undefined while there is none: between two owners, and while the page sleeps. */
  readonly core: ClientCore | undefined
  /** Where it is. */
  readonly owner: NonNullable<Status['owner']>
  /** Why there will be none any more. */
  readonly failure: ConstelliteError | undefined
  /** Where calls wait for a core. */
  readonly line: Pick<Line<ClientCore>, 'take' | 'order'>
  /** Calls `listener` whenever `core` or `owner` has changed. */
  onChange(listener: () => void): void
  /** The list that this tab's own worker begins with, should it be the owner. */
  appended(migrations: readonly string[]): void
  /** Gives the seat up: rejects what still waits for a core, with this where the database ended by itself. */
  leave(reason?: ConstelliteError): void
}

export type SeatInit = {
  readonly parts: TabParts
  readonly opening: WorkerOpening
  readonly wishes: Wishes
}

const TAG_BYTES = 8
/** For a tab that is not hidden to say that it wants the database. */
const OFFER_MS = 100

type State = SeatInit & {
  readonly tag: Uint8Array
  readonly listeners: Set<() => void>
  readonly events: OwnershipEvent[]
  readonly line: Line<ClientCore>
  ownership: OwnershipState
  lobby: Lobby | undefined
  /** Gives the queue's lock back, or stops waiting for it. */
  unqueue: (() => void) | undefined
  visit: Visit | undefined
  visits: number
  /** Its worker could not be started, the last time. */
  isUnable: boolean
  welcome: WelcomedMessage | undefined
  own: Own | undefined
  core: ClientCore | undefined
  failure: ConstelliteError | undefined
  migrations: readonly string[] | undefined
  /** Of the database, once a core was there: what `import` and `repair` asked for is then done. */
  address: string | undefined
  stopWatching: () => void
}

export function takeSeat(init: SeatInit): Seat {
  const { parts, wishes } = init
  const state: State = {
    ...init,
    tag: parts.host.random(TAG_BYTES),
    listeners: new Set(),
    events: [],
    ownership: OWNERSHIP_START.state,
    lobby: undefined,
    unqueue: undefined,
    visit: undefined,
    visits: 0,
    isUnable: false,
    welcome: undefined,
    own: undefined,
    core: undefined,
    failure: undefined,
    // One that was lost is about to be taken away.
    line: createLine((core) => core.lost === undefined),
    migrations: wishes.migrations,
    address: undefined,
    stopWatching: () => undefined,
  }
  for (const action of OWNERSHIP_START.actions) perform(state, action)
  state.stopWatching = parts.watchPage((type) => take(state, { type }))
  return {
    get core() {
      return state.core
    },
    get owner() {
      if (state.visit?.isSilent === true) return 'silent'
      if (state.core === undefined) return 'changing'
      return state.ownership.phase === 'owner' ? 'here' : 'elsewhere'
    },
    get failure() {
      return state.failure
    },
    line: state.line,
    onChange: (listener) => {
      state.listeners.add(listener)
    },
    appended: (migrations) => {
      state.migrations = migrations
    },
    leave: (reason = closed()) => {
      take(state, { type: 'close' })
      end(state, reason)
    },
  }
}

/** One event after the other: what an action brings about at once waits for its turn. */
function take(state: State, event: OwnershipEvent): void {
  state.events.push(event)
  if (state.events.length > 1) return
  for (let at = 0; at < state.events.length; at++) {
    const step = stepOwnership(state.ownership, state.events[at] as OwnershipEvent)
    state.ownership = step.state
    for (const action of step.actions) perform(state, action)
  }
  state.events.length = 0
}

function perform(state: State, action: OwnershipAction): void {
  if (typeof action === 'object') end(state, action.failure)
  else PERFORM[action](state)
}

const PERFORM: Readonly<Record<Exclude<OwnershipAction, object>, (state: State) => void>> = {
  enter,
  exit: (state) => {
    state.lobby?.close()
    state.lobby = undefined
  },
  queue: (state) => {
    const { parts, opening } = state
    state.unqueue = joinQueue(parts, opening.name, (event) => take(state, event))
  },
  unqueue: (state) => {
    state.unqueue?.()
    state.unqueue = undefined
  },
  join,
  drop: (state) => {
    state.visit?.leave(ownerGone())
    state.visit = undefined
    give(state, undefined)
  },
  visit: (state) => {
    const { visit, welcome } = state
    if (visit === undefined || welcome === undefined) return
    give(state, visit.accept(welcome))
  },
  offer: (state) => state.lobby?.send({ type: 'offered' }),
  'offer-first': (state) => {
    state.lobby?.send({ type: 'offered' })
    state.parts.host.setTimer(OFFER_MS, () => take(state, { type: 'unwanted' }))
  },
  want: (state) => state.lobby?.send({ type: 'wanted' }),
  open,
  yield: yieldOwn,
  host: (state) => {
    give(state, state.own?.core)
    state.lobby?.send({ type: 'announced', term: state.own?.term ?? '' })
  },
  evict,
}

function enter(state: State): void {
  const { parts, opening } = state
  state.lobby = enterLobby(parts, opening.name, {
    onMessage: (message) => hear(state, message),
    onStranger: (there, type) => {
      if (type !== 'announced' || state.core !== undefined) return
      take(state, { type: 'refused', failure: otherBuild({ here: PROTOCOL, there }) })
    },
  })
}

function hear(state: State, message: LobbyMessage): void {
  const { own, visit, address, ownership } = state
  const event = eventOf(message, { ownTerm: own?.term, pipe: visit?.pipe, address })
  if (event === undefined) return
  if (message.type === 'welcomed') state.welcome = message
  if (event.type !== 'alive') take(state, event)
  else if (event.term === ownership.term) visit?.heard()
}

function join(state: State): void {
  const { parts, lobby, tag, migrations } = state
  if (lobby === undefined) return
  const wishes = { ...state.wishes, migrations }
  const { onProgress } = state.opening
  const ask = (): void => {
    const { term } = state.ownership
    if (term !== undefined) lobby.send({ type: 'asked', term })
  }
  const onSilence = (): void => tellListeners(state)
  state.visits += 1
  const { visits: visit } = state
  state.visit = beginVisit({ parts, lobby, tag, visit, wishes, onProgress, ask, onSilence })
}

function open(state: State): void {
  const { parts, opening, tag, migrations, address, lobby } = state
  lobby?.send({ type: 'elected' })
  const hasOpened = address !== undefined
  const given = withoutDone(opening, { migrations, hasOpened })
  const own = beginOwn(parts, given, { tag, hasOpened })
  state.own = own
  const tell = (event: OwnershipEvent): void => {
    if (state.own === own) take(state, event)
  }
  own.opened.then(
    ({ ready }) => {
      const failure = checkSame(address, ready.address)
      tell(failure === undefined ? { type: 'opened' } : { type: 'failed', failure })
    },
    (failure) => {
      const isUnable = hasOpened && !state.isUnable && isWorkerMissing(failure)
      state.isUnable = isUnable
      tell(isUnable ? { type: 'unable' } : { type: 'failed', failure })
    },
  )
  own.lost.then((failure) => tell({ type: 'failed', failure }))
}

/** What comes from here on waits for the next owner; what came before is answered. */
function yieldOwn(state: State): void {
  const { own } = state
  give(state, undefined)
  const tell = (): void => {
    if (state.own === own) take(state, { type: 'yielded' })
  }
  // One that fails to close is ended all the same.
  own?.core?.close().then(tell, tell)
}

function evict(state: State): void {
  const { own, lobby } = state
  if (own === undefined) return
  state.own = undefined
  own.end(ownerGone())
  lobby?.send({ type: 'left', term: own.term })
  give(state, undefined)
}

function give(state: State, core: ClientCore | undefined): void {
  if (core === state.core) return
  state.core = core
  if (core !== undefined) state.isUnable = false
  state.address ??= core?.ready.address
  tellListeners(state)
  state.line.set(core)
}

function end(state: State, failure: ConstelliteError): void {
  if (state.failure !== undefined) return
  state.failure = failure
  state.stopWatching()
  state.line.end(failure)
  tellListeners(state)
}

function tellListeners({ listeners }: State): void {
  for (const listener of listeners) listener()
}
