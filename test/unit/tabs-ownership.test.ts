/** Ownership among tabs, the pure machine: every event in every phase, and random events. */

import { describe, expect, it } from 'vitest'
import { closed } from '../../src/database/open-failures.ts'
import {
  OWNERSHIP_START,
  type OwnershipAction,
  type OwnershipEvent,
  type OwnershipState,
  stepOwnership,
} from '../../src/database/tabs/ownership.ts'
import { createRandom } from '../../src/testing/random.ts'

type Phase = OwnershipState['phase']
type Name = Extract<OwnershipAction, string>

const failure = closed()
const MINE = 'mine'
const OTHER = 'other'

/** A term where its event has one: of the owner whose guest it is, or of another. */
const EVENTS = {
  granted: { type: 'granted' },
  robbed: { type: 'robbed' },
  elected: { type: 'elected' },
  announced: { type: 'announced', term: OTHER },
  'announced mine': { type: 'announced', term: MINE },
  welcomed: { type: 'welcomed', term: MINE },
  refused: { type: 'refused', failure },
  left: { type: 'left', term: OTHER },
  'left mine': { type: 'left', term: MINE },
  opened: { type: 'opened' },
  failed: { type: 'failed', failure },
  sleep: { type: 'sleep' },
  wake: { type: 'wake' },
  close: { type: 'close' },
  hidden: { type: 'hidden' },
  shown: { type: 'shown' },
  offered: { type: 'offered' },
  wanted: { type: 'wanted' },
  unwanted: { type: 'unwanted' },
  unable: { type: 'unable' },
  yielded: { type: 'yielded' },
} as const satisfies { readonly [name: string]: OwnershipEvent }

const PHASES: readonly Phase[] = [
  'seeking',
  'guest',
  'offering',
  'elected',
  'owner',
  'yielding',
  'asleep',
  'over',
]
const stateOf = (phase: Phase, isHidden: boolean): OwnershipState => ({
  phase,
  isHidden,
  term: phase === 'guest' ? MINE : undefined,
})
const STATES: readonly OwnershipState[] = PHASES.map((phase) => stateOf(phase, false))

/** An empty phase is the one before. */
type Cell = readonly [phase: Phase | '', actions: string]

const OVER_DROPPED: Cell = ['over', 'drop exit unqueue']
const OVER_EVICTED: Cell = ['over', 'evict exit unqueue']
const GUESTS = {
  granted: ['elected', 'drop open'],
  elected: ['seeking', 'drop join'],
  announced: ['seeking', 'drop join'],
  'announced mine': ['seeking', 'drop join'],
  welcomed: ['guest', 'visit'],
  refused: ['over', 'drop exit unqueue end'],
  offered: ['', 'want'],
  sleep: ['asleep', 'drop exit unqueue'],
  close: OVER_DROPPED,
} as const
const OWNERS = {
  robbed: ['seeking', 'evict unqueue queue join'],
  failed: ['over', 'evict exit unqueue end'],
  sleep: ['asleep', 'evict exit unqueue'],
  close: OVER_EVICTED,
} as const

/** What is not here changes nothing. */
const TABLE: { readonly [phase in Phase]: { readonly [event in keyof typeof EVENTS]?: Cell } } = {
  seeking: GUESTS,
  guest: {
    ...GUESTS,
    'announced mine': ['guest', ''],
    'left mine': ['seeking', 'drop join'],
    shown: ['guest', 'want'],
  },
  offering: {
    wanted: ['seeking', 'unqueue queue join'],
    robbed: ['seeking', 'unqueue queue join'],
    unwanted: ['elected', 'open'],
    sleep: ['asleep', 'drop exit unqueue'],
    close: OVER_DROPPED,
  },
  elected: {
    ...OWNERS,
    opened: ['owner', 'host'],
    unable: ['seeking', 'evict unqueue queue join'],
  },
  owner: { ...OWNERS, hidden: ['owner', 'offer'] },
  yielding: { ...OWNERS, yielded: ['seeking', 'evict unqueue queue join'] },
  asleep: { wake: ['seeking', 'enter queue join'], close: ['over', ''] },
  over: {},
}

function namesOf(actions: readonly OwnershipAction[]): readonly string[] {
  return actions.map((action) => (typeof action === 'object' ? action.type : action))
}

describe.each(STATES)('a tab that is $phase', (state) => {
  it.each(Object.keys(EVENTS) as (keyof typeof EVENTS)[])('hears "%s"', (name) => {
    const step = stepOwnership(state, EVENTS[name])
    const [phase, actions] = TABLE[state.phase][name] ?? [state.phase, '']
    const now = phase === '' ? state.phase : phase
    expect([step.state.phase, namesOf(step.actions).join(' ')]).toEqual([now, actions])
    expect(step.state.term).toBe(now === 'guest' ? MINE : undefined)
  })
})

describe('a tab that nobody looks at', () => {
  const step = (phase: Phase, event: OwnershipEvent) => {
    const { state, actions } = stepOwnership(stateOf(phase, true), event)
    return [state.phase, namesOf(actions).join(' ')]
  }
  it('asks whether it is wanted elsewhere before it opens the database', () => {
    expect(step('guest', { type: 'granted' })).toEqual(['offering', 'drop offer-first'])
    expect(step('seeking', { type: 'granted' })).toEqual(['offering', 'drop offer-first'])
  })
  it('gives the database away when it is wanted', () => {
    expect(step('owner', { type: 'wanted' })).toEqual(['yielding', 'yield'])
    expect(step('elected', { type: 'opened' })).toEqual(['owner', 'host offer'])
  })
  it('wants no database itself', () => {
    expect(step('guest', { type: 'offered' })).toEqual(['guest', ''])
  })
  it('is seen again in whatever phase it is', () => {
    for (const phase of PHASES.filter((it) => it !== 'over')) {
      expect(stepOwnership(stateOf(phase, true), { type: 'shown' }).state.isHidden).toBe(false)
    }
  })
})

describe('a new tab', () => {
  it('asks for the lock and for an owner', () => {
    expect(OWNERSHIP_START.state.phase).toBe('seeking')
    expect(namesOf(OWNERSHIP_START.actions)).toEqual(['enter', 'queue', 'join'])
  })
})

/** What the actions so far have left: what seat.ts holds. */
type Held = { hears: boolean; queues: boolean; asks: boolean; runs: boolean; core: string }

/** The rules; throws where an action breaks one. */
const PERFORM: Readonly<Record<Name, (held: Held) => void>> = {
  enter: (held) => {
    expect(held.hears, 'heard already').toBe(false)
    held.hears = true
  },
  exit: (held) => {
    expect(held.hears, 'hears nobody').toBe(true)
    held.hears = false
  },
  queue: (held) => {
    expect(held.queues, 'queues already').toBe(false)
    held.queues = true
  },
  unqueue: (held) => {
    expect(held.queues, 'queues nowhere').toBe(true)
    // Whoever has the lock next finds nothing of ours.
    expect([held.runs, held.core]).toEqual([false, ''])
    held.queues = false
  },
  join: (held) => {
    expect(held.hears, 'would not hear the answer').toBe(true)
    expect([held.asks, held.runs], 'asks or owns already').toEqual([false, false])
    held.asks = true
  },
  drop: (held) => {
    expect(held.runs, 'is no guest').toBe(false)
    held.asks = false
    held.core = ''
  },
  visit: (held) => {
    expect([held.asks, held.runs], 'was not asked for').toEqual([true, false])
    expect(held.core, 'another core').toBe('')
    held.core = 'theirs'
  },
  open: (held) => {
    expect([held.queues, held.asks, held.runs, held.core]).toEqual([true, false, false, ''])
    held.runs = true
  },
  host: (held) => {
    expect([held.runs, held.core]).toEqual([true, ''])
    held.core = 'ours'
  },
  offer: (held) => expect([held.runs, held.core]).toEqual([true, 'ours']),
  'offer-first': (held) => expect([held.queues, held.runs, held.core]).toEqual([true, false, '']),
  want: (held) => expect([held.hears, held.runs]).toEqual([true, false]),
  yield: (held) => {
    expect(held.core, 'has nothing to give').toBe('ours')
    held.core = ''
  },
  evict: (held) => {
    expect(held.runs, 'owns nothing').toBe(true)
    held.runs = false
    held.core = ''
  },
}

/** What phase and holdings must agree in. */
function check(phase: Phase, held: Held): void {
  const isOwner = phase === 'elected' || phase === 'owner' || phase === 'yielding'
  const isAway = phase === 'asleep' || phase === 'over'
  expect(held.runs, `${phase} runs`).toBe(isOwner)
  expect([held.queues, held.hears], `${phase} queues and hears`).toEqual([!isAway, !isAway])
  const core = { guest: 'theirs', owner: 'ours' } as { readonly [phase: string]: string }
  expect(held.core, `${phase} has a core`).toBe(core[phase] ?? '')
}

/** Only what seat.ts lets through: an answer comes to who asked, a worker of one's own tells to who has one,
 *  a lock is given to who waits for it. */
function isPossible({ type }: OwnershipEvent, { phase }: OwnershipState, held: Held): boolean {
  switch (type) {
    case 'welcomed':
      return held.asks && phase !== 'guest'
    case 'refused':
      return held.queues || held.asks
    case 'granted':
      return held.queues && !held.runs
    case 'robbed':
    case 'failed':
      return held.runs
    case 'opened':
      return phase === 'elected'
    default:
      return true
  }
}

const SEEDS = 300
const EVENTS_PER_SEED = 60

describe('any order of events', () => {
  it('never leaves two cores, a lock while asleep, or anything at the end', () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = createRandom(seed)
      const held: Held = { hears: false, queues: false, asks: false, runs: false, core: '' }
      const history: string[] = []
      let { state, actions } = OWNERSHIP_START
      const perform = (): void => {
        for (const action of actions) {
          if (typeof action === 'string') PERFORM[action](held)
          else expect(state.phase, 'an end is the end').toBe('over')
        }
        check(state.phase, held)
      }
      try {
        perform()
        for (let count = 0; count < EVENTS_PER_SEED; count++) {
          const name = random.pick(Object.keys(EVENTS) as (keyof typeof EVENTS)[])
          const event = EVENTS[name]
          const isEnd = name === 'close' || name === 'refused' || name === 'failed'
          if (!isPossible(event, state, held) || (isEnd && random.chance(0.9))) continue
          history.push(name)
          ;({ state, actions } = stepOwnership(state, event))
          perform()
        }
      } catch (error) {
        throw new Error(`seed ${seed}: ${history.join(', ')}`, { cause: error })
      }
    }
  })
})
