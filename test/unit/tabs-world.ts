/** World: the threads of a browser in one thread: pages and workers that hear one another through lanes, each
 *  first in, first out; which lane moves next is drawn from a seed.
 *  Keeps: the same seed and the same calls give the same run; a message is a copy; a thread that died hears and
 *  says nothing more, one that is stopped hears everything when it goes on. */

import type { Host } from '../../src/base/host.ts'
import { createManualHost } from '../../src/testing/manual-host.ts'
import { createRandom, type Random } from '../../src/testing/random.ts'

/** A page or a worker. */
export type Agent = {
  readonly name: string
  readonly host: Host
  isDead: boolean
  isStopped: boolean
  /** Called, once, when it dies. */
  readonly onDeath: Set<() => void>
}

/** What is on the way to one agent from one sender. */
export type Lane = {
  agent: Agent
  readonly items: (() => void)[]
  /** A port that nobody listens to keeps what comes. */
  isOpen: boolean
}

export type World = {
  readonly random: Random
  readonly nowMs: number
  agent(name: string): Agent
  lane(agent: Agent): Lane
  send(lane: Lane, work: () => void): void
  kill(agent: Agent): void
  after(delayMs: number, work: () => void): void
  /** One thing happens.  False: nothing can, but time may pass. */
  step(): Promise<boolean>
  /** Steps until this has settled; throws when nothing is left that could settle it. */
  settled<T>(promise: Promise<T>): Promise<T>
  /** Steps until nothing happens any more. */
  quiet(): Promise<void>
}

/** More steps than any test needs. */
const STEPS_MAX = 200_000
/** Nothing waits longer than this for time to pass: a worker's hello has 30 s. */
const IDLE_MS_MAX = 120_000
const IDLE_STEP_MS = 20
/** How often a millisecond passes between two things. */
const TIME_CHANCE = 0.1

export function createWorld(seed: number): World {
  const random = createRandom(seed)
  const clock = createManualHost({ seed: seed + 1 })
  /** Those that have something; what is empty costs nothing. */
  const busy = new Set<Lane>()
  const isReady = ({ agent, isOpen }: Lane): boolean => isOpen && !agent.isStopped

  const send: World['send'] = (lane, work) => {
    if (lane.agent.isDead) return
    lane.items.push(work)
    busy.add(lane)
  }
  const step = async (): Promise<boolean> => {
    // What the test itself called is a task of its own.
    await nextTask()
    if (random.chance(TIME_CHANCE)) clock.advanceNow(1)
    const ready = [...busy].filter(isReady)
    if (ready.length === 0) return false
    const lane = random.pick(ready)
    const work = lane.items.shift()
    if (lane.items.length === 0) busy.delete(lane)
    if (!lane.agent.isDead) work?.()
    await nextTask()
    return true
  }
  /** Lets time pass until something happens; false when nothing does. */
  const idle = async (): Promise<boolean> => {
    for (let ms = 0; ms < IDLE_MS_MAX && clock.timerCount > 0; ms += IDLE_STEP_MS) {
      clock.advanceNow(IDLE_STEP_MS)
      if (await step()) return true
    }
    return false
  }
  const until = async (isDone: () => boolean): Promise<boolean> => {
    for (let count = 0; count < STEPS_MAX; count++) {
      if (isDone()) return true
      if (!(await step()) && !(await idle())) return isDone()
    }
    throw new Error('The world does not come to rest.')
  }
  const world: World = {
    random,
    get nowMs() {
      return clock.monotonicNow()
    },
    agent: (name) => createAgent(world, name, clock),
    lane: (agent) => ({ agent, items: [], isOpen: true }),
    send,
    kill: (agent) => {
      for (const lane of busy) if (lane.agent === agent) busy.delete(lane)
      endAgent(agent)
    },
    after: (delayMs, work) => void clock.setTimer(delayMs, work),
    step,
    settled: async (promise) => {
      let isSettled = false
      const settle = (): void => {
        isSettled = true
      }
      promise.then(settle, settle)
      if (!(await until(() => isSettled))) throw new Error('A call hangs.')
      return promise
    },
    quiet: async () => {
      await until(() => false)
    },
  }
  return world
}

function endAgent(agent: Agent): void {
  if (agent.isDead) return
  agent.isDead = true
  for (const tell of agent.onDeath) tell()
}

function createAgent(world: World, name: string, clock: Host): Agent {
  const onDeath = new Set<() => void>()
  const tasks = (): Lane => world.lane(agent)
  const host: Host = {
    who: name,
    now: () => clock.now(),
    monotonicNow: () => clock.monotonicNow(),
    random: (sizeBytes) => world.random.bytes(sizeBytes),
    defer: (callback) => world.send(deferred, callback),
    setTimer: (delayMs, callback) => {
      let isCancelled = false
      const timer = clock.setTimer(delayMs, () => {
        world.send(timers, () => {
          if (!isCancelled) callback()
        })
      })
      return {
        cancel: () => {
          isCancelled = true
          timer.cancel()
        },
      }
    },
  }
  const agent: Agent = { name, host, isDead: false, isStopped: false, onDeath }
  const deferred = tasks()
  const timers = tasks()
  return agent
}

/** Resolves when every promise callback before it has run. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** As structured clone does it, but for ports, which move. */
export function cloneMessage(value: unknown, moved: readonly unknown[] = []): unknown {
  if (typeof value !== 'object' || value === null) {
    if (typeof value === 'function') throw new Error('A function was sent.')
    return value
  }
  if (moved.includes(value)) return value
  if (Array.isArray(value)) return value.map((item) => cloneMessage(item, moved))
  if (Object.getPrototypeOf(value) !== Object.prototype) return structuredClone(value)
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, cloneMessage(item, moved)]),
  )
}
