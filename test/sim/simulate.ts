/** Simulate: one run of one scenario: a phase under faults, in which nothing wrong may be shown, then a phase
 *  without, in which everything has to come right.
 *  Keeps: the same scenario gives the same trace; the first thing that a checker reports ends the run. */

import { createAgreementCheck } from './check-agreement.ts'
import { healAndCatchUp } from './check-catch-up.ts'
import { createDurabilityCheck } from './check-durability.ts'
import { createHaltsCheck } from './check-halts.ts'
import { createMemoryCheck, type MemoryCheck } from './check-memory.ts'
import { createPrefixCheck } from './check-prefix.ts'
import { createRootsCheck } from './check-roots.ts'
import { createSharedCheck, type SharedCheck } from './check-shared.ts'
import { createCoverage } from './coverage.ts'
import { beginFaults, injectFaults, noticeDead } from './faults.ts'
import { createNodes, type Nodes, startNodes } from './nodes.ts'
import { createObservers, type Report } from './observer.ts'
import { ProcessKilled } from './process.ts'
import type { Scenario } from './scenario.ts'
import { createTimeline } from './timeline.ts'
import { closeCopy, foldLog, isWriting, writeGroup } from './workload.ts'

export type Finding = { readonly check: string; readonly message: string }

export type Outcome = {
  readonly finding: Finding | undefined
  readonly traceHash: string
  readonly eventCount: number
  readonly virtualMs: number
  readonly coverage: ReadonlyMap<string, number>
}

const TICKS_MS = [5, 20, 60, 200, 1_000, 8_000]
const RESTART_CHANCE = 0.5
/** Events between two looks at what everybody keeps: what grows without bound is still there. */
const LOOK_EVERY = 8

export async function simulate(
  scenario: Scenario,
  onNote: (fact: string) => void = () => {},
): Promise<Outcome> {
  let finding: Finding | undefined
  const timeline = createTimeline(onNote)
  const coverage = createCoverage()
  const report: Report = (check, message) => {
    timeline.note(`${check}: ${message}`)
    finding ??= { check, message }
  }
  const shared = createSharedCheck(report)
  const observers = createObservers([
    shared,
    createRootsCheck(report),
    createAgreementCheck(report),
    createDurabilityCheck(report),
    createPrefixCheck(report),
    createHaltsCheck(report, coverage),
  ])
  const memory = createMemoryCheck(report)
  const nodes = createNodes({ scenario, timeline, coverage, observers, report })
  let looks = 0
  const isOver = (): boolean => {
    if (++looks % LOOK_EVERY === 0) look(nodes, memory, shared)
    return finding !== undefined
  }
  const onUnhandled = (reason: unknown): void => {
    if (!isOfKilled(reason)) report('unhandled', `A rejection that nobody handled: ${reason}`)
  }
  process.on('unhandledRejection', onUnhandled)
  try {
    beginFaults(nodes)
    for (let tick = 0; tick < scenario.ticks && !isOver(); tick++) {
      noticeDead(nodes)
      startNodes(nodes, () => nodes.world.random.chance(RESTART_CHANCE))
      // What they come to is told to the checkers.
      void injectFaults(nodes)
      void work(nodes)
      await timeline.advance(nodes.world.random.pick(TICKS_MS), isOver)
    }
    if (!isOver()) await healAndCatchUp(nodes, report, isOver)
  } finally {
    process.off('unhandledRejection', onUnhandled)
  }
  const { traceHash, eventCount, nowMs } = timeline
  return { finding, traceHash, eventCount, virtualMs: nowMs, coverage: coverage.counts }
}

/** What the users of all copies do in one tick. */
function work(nodes: Nodes): readonly Promise<unknown>[] {
  const { world, copies } = nodes
  const { random } = world
  return copies.flatMap((copy) => {
    const { running } = copy
    if (running === undefined) return []
    if (random.chance(0.02)) return [closeCopy(world, copy)]
    const tasks: Promise<unknown>[] = []
    if (random.chance(0.08)) tasks.push(foldLog(world, copy))
    if (!isWriting(copy)) return tasks
    for (let groups = random.below(3); groups > 0; groups--) {
      tasks.push(writeGroup(world, copy, random.chance(0.85)))
    }
    return tasks
  })
}

function look({ world, copies, relays }: Nodes, memory: MemoryCheck, shared: SharedCheck): void {
  const { network, scenario } = world
  for (const copy of copies) {
    const { process, running, name } = copy
    if (process === undefined) continue
    memory.process(process, network.useOf(process))
    if (running === undefined) continue
    memory.copy(name, running, scenario)
    shared.look(copy, running)
  }
  for (const { process, relay, name, limits } of relays) {
    if (process !== undefined) memory.process(process, network.useOf(process))
    if (relay !== undefined) memory.relay(name, relay, limits)
  }
}

/** What a killed process had under way goes nowhere. */
function isOfKilled(reason: unknown): boolean {
  if (reason instanceof ProcessKilled) return true
  return reason instanceof Error && reason.cause !== undefined && isOfKilled(reason.cause)
}
