/** Faults: what goes wrong in one tick, as often as the scenario says.  Each that came about is counted. */

import type { Copy } from './copy.ts'
import { cloneCopy, crash, type Nodes, restoreImage, takeImage } from './nodes.ts'
import { type RelayNode, sleepRelay } from './relay-node.ts'
import { NETWORK_FAULTS, type TickFault } from './scenario.ts'
import type { SimDisk } from './sim-disk.ts'
import { handOver, isWriting } from './workload.ts'

type Node = Copy | RelayNode

const PARTITION_MAX_MS = 90_000
const STEPS_MAX = 40
const IMAGE_CHANCE = 0.1

export function beginFaults({ world }: Nodes): void {
  const { faults } = world.scenario
  const known = NETWORK_FAULTS.map((kind) => [kind, faults[kind] ?? 0] as const)
  world.network.setFaults(Object.fromEntries(known))
}

/** Answers what goes on beside the tick. */
export function injectFaults(nodes: Nodes): readonly Promise<unknown>[] {
  const { world } = nodes
  const { random, coverage, scenario, timeline } = world
  const running: Promise<unknown>[] = []
  for (const node of everyNode(nodes)) if (random.chance(IMAGE_CHANCE)) takeImage(nodes, node)
  for (const [kind, inject] of Object.entries(INJECT)) {
    // The keys of the record are fault kinds by its type.
    if (!random.chance(scenario.faults[kind as TickFault] ?? 0)) continue
    const outcome = inject(nodes)
    if (outcome === false) continue
    timeline.note(`fault ${kind}`)
    if (outcome === true) coverage.count(kind)
    // A hand-over counts itself once it is done.
    else running.push(outcome)
  }
  return running
}

function everyNode({ copies, relays }: Nodes): readonly Node[] {
  return [...copies, ...relays]
}

/** Answers whether it came about, or what will be. */
const INJECT: Readonly<Record<TickFault, (nodes: Nodes) => boolean | Promise<unknown>>> = {
  partition(nodes) {
    const { random, network } = nodes.world
    const copy = random.pick(nodes.copies)
    network.partition(copy.name, random.pick(nodes.relays).name, random.below(PARTITION_MAX_MS))
    return true
  },
  cut(nodes) {
    nodes.world.network.cut(random(nodes).pick(everyNode(nodes)).name)
    return true
  },
  kill: (nodes) => crashAny(nodes, false),
  'power-cut': (nodes) => crashAny(nodes, true),
  'kill-in-step'(nodes) {
    const { process } = random(nodes).pick(everyNode(nodes))
    if (process === undefined) return false
    process.killAtStep(1 + random(nodes).below(STEPS_MAX))
    return true
  },
  'write-fails': (nodes) =>
    onAnyDisk(nodes, (disk) =>
      disk.failWrite(1 + random(nodes).below(STEPS_MAX), random(nodes).below(2000)),
    ),
  'flush-fails': (nodes) =>
    onAnyDisk(nodes, (disk) => disk.failSync(1 + random(nodes).below(STEPS_MAX / 2))),
  full: (nodes) => onAnyDisk(nodes, (disk) => disk.fill(random(nodes).below(200_000))),
  'old-image': (nodes) => restoreImage(nodes, random(nodes).pick(everyNode(nodes))),
  clone(nodes) {
    const writers = nodes.copies.filter(({ role }) => role === 'writer')
    return cloneCopy(nodes, random(nodes).pick(writers))
  },
  'clock-jump'(nodes) {
    const { wall } = random(nodes).pick(everyNode(nodes))
    wall.skewMs += random(nodes).below(200_000) - 100_000
    return true
  },
  sleep(nodes) {
    const { world, relays } = nodes
    return sleepRelay(world, world.random.pick(relays))
  },
  'bit-rot'(nodes) {
    const writers = nodes.copies.filter(isWriting)
    if (writers.length === 0) return false
    random(nodes).pick(writers).isRotDue = true
    // Counted when a transaction was written with it.
    return Promise.resolve()
  },
  'hand-over'(nodes) {
    const heirs = nodes.copies.filter(({ running }) => running?.shard.role === 'follower')
    return heirs.length === 0 ? false : handOver(nodes.world, random(nodes).pick(heirs))
  },
}

function random({ world }: Nodes): Nodes['world']['random'] {
  return world.random
}

function crashAny(nodes: Nodes, isPowerLost: boolean): boolean {
  const node = random(nodes).pick(everyNode(nodes))
  const isAsleep = 'asleep' in node && node.asleep !== undefined
  if (node.process === undefined && !isAsleep) return false
  crash(nodes, node, isPowerLost)
  return true
}

function onAnyDisk(nodes: Nodes, harm: (disk: SimDisk) => void): boolean {
  const node = random(nodes).pick(everyNode(nodes))
  const disks = 'disk' in node ? [node.disk] : [...node.disks.values()].map(({ disk }) => disk)
  if (disks.length === 0) return false
  harm(random(nodes).pick(disks))
  return true
}

/** Whoever died in the middle of a step is taken down; whoever halted for a fault that a restart mends is
 *  started again sooner or later. */
export function noticeDead(nodes: Nodes): void {
  for (const node of everyNode(nodes)) {
    if (node.process !== undefined && !node.process.isAlive) {
      crash(nodes, node, random(nodes).chance(0.5))
    }
  }
  for (const copy of nodes.copies) {
    const halted = copy.running?.shard.halted
    if (halted === undefined || !random(nodes).chance(0.3)) continue
    crash(nodes, copy, random(nodes).chance(0.3))
  }
}
